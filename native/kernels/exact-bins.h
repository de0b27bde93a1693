// The exact sum of some values of a channel: a first sum of g, and a second of g·d, where g and d are float32 (both are
// x for statistics), so that products are exact in float64.
//
// A bin is a float64 that begins at an anchor 1.5·2^(52 + unit), so large that its last bit stays worth 2^unit whatever
// is added. Adding a value to it rounds that to the unit; how much was rounded away is found exactly, and goes to the
// next bin, whose unit is smaller; the last bin is exact where its unit divides every value. How many bins are wanted
// follows from the largest and the least exponent of the values. At the end a bin less its anchor is an integer, whose
// bits need only be subtracted.
#pragma once
#include <cstring>

#include "exact-limbs.h"
#include "exact-vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** A bin takes 2^TERMS_BITS values before it is emptied. */
constexpr int TERMS_BITS = 7;
constexpr size_t TERMS = size_t(1) << TERMS_BITS;
/** Bits that a bin takes of what comes to it. */
constexpr int BIN_BITS = 52 - TERMS_BITS;
/** Columns of a block, and the number that its width is a multiple of. */
constexpr size_t MOST_COLUMNS = 64, STEP = 2 * F::LENGTH;
constexpr int MOST_FIRST = 3, MOST_SECOND = 6, MOST_BINS = MOST_FIRST + MOST_SECOND;

/** K bins one behind the other. A chain of members, where an array would be kept in memory and not in registers. */
template <int K>
struct Bins {
  D sum;
  Bins<K - 1> rest;

  BN_INLINE void load(const double* anchors, size_t width) {
    sum = D::load(anchors);
    rest.load(anchors + width, width);
  }
  BN_INLINE void add(D value) {
    const D next = BN_ISA::add(sum, value), taken = sub(next, sum);
    sum = next;
    rest.add(differenceOtherwise(value, taken));
  }
  BN_INLINE void addProduct(D a, D b) {
    const D next = addExactProduct(sum, a, b), taken = sub(next, sum);
    sum = next;
    rest.add(productLess(a, b, taken));
  }
  /** Adds what is above the anchors to the integers. */
  BN_INLINE void empty(int64_t* integers, const double* anchors, size_t width) const {
    store(integers, BN_ISA::add(L::load(integers), bitsBetween(sum, D::load(anchors))));
    rest.empty(integers + width, anchors + width, width);
  }
};
template <>
struct Bins<0> {
  BN_INLINE void load(const double*, size_t) {}
  BN_INLINE void add(D) {}
  BN_INLINE void empty(int64_t*, const double*, size_t) const {}
};

/** Bins for as many values as D has. */
template <int FIRST, int SECOND>
struct Lanes {
  Bins<FIRST> first;
  Bins<SECOND> second;

  BN_INLINE void load(const double* anchors, size_t width) {
    first.load(anchors, width);
    second.load(anchors + FIRST * width, width);
  }
  BN_INLINE void add(D g, D d) {
    first.add(g);
    second.addProduct(g, d);
  }
  BN_INLINE void empty(int64_t* integers, const double* anchors, size_t width) const {
    first.empty(integers, anchors, width);
    second.empty(integers + FIRST * width, anchors + FIRST * width, width);
  }
};

/** Bits of magnitudes, one for each column: of the values that were seen, or of those that bins are made for. */
struct Magnitudes {
  alignas(64) uint32_t most[MOST_COLUMNS], least[MOST_COLUMNS];
};

/** The bins of all columns between two groups of rows. */
struct BinState {
  /** Those of each bin are `width` apart. */
  size_t width;
  alignas(64) double anchors[MOST_BINS * MOST_COLUMNS];
  alignas(64) int64_t integers[MOST_BINS * MOST_COLUMNS];
  /** What may be added: magnitudes below `most`, and above `least` where they are not 0. */
  Magnitudes limitsOfG, limitsOfD;
  /** What was in the last rows, whether or not they were added. */
  Magnitudes seenOfG, seenOfD;
};

/** Whether what was seen in COUNT columns may be added. No branch in it, so that this becomes vectors. */
template <size_t COUNT>
BN_INLINE bool areWithin(const Magnitudes& limits, const Magnitudes& seen, size_t j) {
  uint32_t misfits = 0;
  for (size_t k = j; k < j + COUNT; ++k) {
    misfits |= (seen.most[k] >= limits.most[k]) | (seen.least[k] < limits.least[k]);
  }
  return misfits == 0;
}

/** Vectors of float32 side by side, as many as COUNT, each on its way into the bins of its columns. */
template <int FIRST, int SECOND, bool SQUARES, size_t COUNT>
struct Chains {
  static constexpr size_t COLUMNS = COUNT * F::LENGTH;
  Lanes<FIRST, SECOND> low, high;
  Extremes seenOfG, seenOfD;
  Chains<FIRST, SECOND, SQUARES, COUNT - 1> rest;

  BN_INLINE void load(const double* anchors, size_t width) {
    low.load(anchors, width);
    high.load(anchors + D::LENGTH, width);
    rest.load(anchors + F::LENGTH, width);
  }
  BN_INLINE void add(const float* g, const float* d, const float* center) {
    addOwn(g, d, center);
    rest.add(g + F::LENGTH, d + F::LENGTH, center + F::LENGTH);
  }
  /** Adds fewer values than there are columns. */
  BN_INLINE void addSome(const float* g, const float* d, const float* center, size_t count) {
    if (count < F::LENGTH) return addPart(g, d, center, count);
    addOwn(g, d, center);
    if (count > F::LENGTH) rest.addSome(g + F::LENGTH, d + F::LENGTH, center, count - F::LENGTH);
  }
  /** Moves what was added to the integers of the columns from j on, if it fits; it is seen anyway. */
  BN_INLINE bool empty(BinState& state, size_t j) const {
    save(state, j);
    if (!areWithin<COLUMNS>(state.limitsOfG, state.seenOfG, j)) return false;
    if (!SQUARES && !areWithin<COLUMNS>(state.limitsOfD, state.seenOfD, j)) return false;
    moveTo(state.integers + j, state.anchors + j, state.width);
    return true;
  }

  BN_INLINE void save(BinState& state, size_t j) const {
    seenOfG.save(state.seenOfG.most + j, state.seenOfG.least + j);
    if (!SQUARES) seenOfD.save(state.seenOfD.most + j, state.seenOfD.least + j);
    rest.save(state, j + F::LENGTH);
  }
  BN_INLINE void moveTo(int64_t* integers, const double* anchors, size_t width) const {
    low.empty(integers, anchors, width);
    high.empty(integers + D::LENGTH, anchors + D::LENGTH, width);
    rest.moveTo(integers + F::LENGTH, anchors + F::LENGTH, width);
  }

 private:
  BN_INLINE void addOwn(const float* g, const float* d, const float* center) {
    seenOfG.see(F::load(g));
    const D first = widen(H::load(g)), second = widen(H::load(g + H::LENGTH));
    if constexpr (SQUARES) {
      low.add(first, first);
      high.add(second, second);
    } else {
      const F by = sub(F::load(d), F::load(center));
      seenOfD.see(by);
      low.add(first, widen(lowerHalf(by)));
      high.add(second, widen(upperHalf(by)));
    }
  }
  BN_INLINE void addPart(const float* g, const float* d, const float* center, size_t count) {
    const F of = loadSome(g, count);
    const F by = SQUARES ? of : keepSome(sub(loadSome(d, count), F::load(center)), count);
    seenOfG.see(of);
    if (!SQUARES) seenOfD.see(by);
    low.add(widen(lowerHalf(of)), widen(lowerHalf(by)));
    if (count > H::LENGTH) high.add(widen(upperHalf(of)), widen(upperHalf(by)));
  }
};
template <int FIRST, int SECOND, bool SQUARES>
struct Chains<FIRST, SECOND, SQUARES, 0> {
  BN_INLINE void load(const double*, size_t) {}
  BN_INLINE void add(const float*, const float*, const float*) {}
  BN_INLINE void addSome(const float*, const float*, const float*, size_t) {}
  BN_INLINE void save(BinState&, size_t) const {}
  BN_INLINE void moveTo(int64_t*, const double*, size_t) const {}
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
