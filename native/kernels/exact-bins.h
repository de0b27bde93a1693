// The exact sum of some values of a channel: a first sum of g, and a second of g·d, where g and d are float32 (both are
// x for statistics), so that products are exact in float64.
//
// A bin is a float64 that begins at an anchor 1.5·2^(52 + unit), so large that its last bit stays worth 2^unit whatever
// is added. Adding a value to it rounds that to the unit; how much was rounded away is found exactly, and goes to the
// next bin, whose unit is smaller; the last bin is exact where its unit divides every value. How many bins are wanted
// follows from the largest and the least exponent of the values. At the end a bin less its anchor is an integer, whose
// bits need only be subtracted. The last bin may be a whole number instead, to which the bits of each value and its
// anchor are added: it has room for more.
#pragma once
#include <cstring>

#include "exact-totals.h"
#include "exact-vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** A bin takes 2^TERMS_BITS values before it is settled: before it begins anew. */
constexpr int TERMS_BITS = 7;
constexpr size_t TERMS = size_t(1) << TERMS_BITS;
/** Bits that a bin takes of what comes to it. */
constexpr int BIN_BITS = 52 - TERMS_BITS;
/** The same of a whole number. */
constexpr int WHOLE_BITS = 51;
/** The most columns of a block. */
constexpr size_t MOST_COLUMNS = MOST_TOTALS;

/**
 * K bins one behind the other. A chain of members, where an array would be kept in memory and not in registers. The
 * last one may be a WHOLE number: then what comes to it is rounded to its unit, and the bits of all that are added up.
 * This takes one operation more, and there is room for WHOLE_BITS.
 */
template <int K, bool WHOLE = false>
struct Bins {
  D sum;
  Bins<K - 1, WHOLE> rest;

  BN_INLINE void begin(const double* anchors, size_t width) {
    sum = D::load(anchors);
    rest.begin(anchors + width, width);
  }
  BN_INLINE void load(const double* anchors, const double* sums, size_t width) {
    sum = D::load(sums);
    rest.load(anchors + width, sums + width, width);
  }
  BN_INLINE void save(double* to, size_t width) const {
    store(to, sum);
    rest.save(to + width, width);
  }
  BN_INLINE void add(D value) {
    const D next = BN_ISA::add(sum, value), taken = sub(next, sum);
    sum = next;
    rest.add(differenceOtherwise(value, taken));
  }
  BN_INLINE void addProduct(D a, D b) { rest.add(restOfProduct(sum, a, b)); }
  /** Adds a product to a bin that takes the place of the first one. */
  BN_INLINE void addProductTo(D& top, D a, D b) { rest.add(restOfProduct(top, a, b)); }

 private:
  BN_INLINE static D restOfProduct(D& top, D a, D b) {
    const D next = addExactProduct(top, a, b), taken = sub(next, top);
    top = next;
    return productLess(a, b, taken);
  }
};
template <>
struct Bins<0, false> {
  BN_INLINE void begin(const double*, size_t) {}
  BN_INLINE void load(const double*, const double*, size_t) {}
  BN_INLINE void save(double*, size_t) const {}
  BN_INLINE void add(D) {}
};
template <>
struct Bins<1, true> {
  D anchor, sum;

  BN_INLINE void begin(const double* anchors, size_t) {
    anchor = D::load(anchors);
    sum = D::splat(0);
  }
  BN_INLINE void load(const double* anchors, const double* sums, size_t) {
    anchor = D::load(anchors);
    sum = D::load(sums);
  }
  BN_INLINE void save(double* to, size_t) const { store(to, sum); }
  BN_INLINE void add(D value) { sum = addBits(sum, BN_ISA::add(value, anchor)); }
};

/** The bits of the largest magnitude of some values, and of the least that is not 0, less 1. */
struct Magnitude {
  uint32_t most, least;

  void widen(Magnitude other) {
    most = other.most > most ? other.most : most;
    least = other.least < least ? other.least : least;
  }
};
constexpr Magnitude ZEROS{0, UINT32_MAX};
/** Those of each column: of the values that were seen, or of those that bins are made for. */
struct Magnitudes {
  alignas(64) uint32_t most[MOST_COLUMNS], least[MOST_COLUMNS];

  Magnitude at(size_t j) const { return {most[j], least[j]}; }
  void set(size_t j, Magnitude magnitude) {
    most[j] = magnitude.most;
    least[j] = magnitude.least;
  }
  void copy(const Magnitudes& from, size_t columns) {
    std::memcpy(most, from.most, columns * sizeof *most);
    std::memcpy(least, from.least, columns * sizeof *least);
  }
  void widen(size_t j, Magnitude other) {
    other.widen(at(j));
    set(j, other);
  }
};

/** The bins of some columns, between two groups of rows; those of each bin are `width` apart. */
struct BinState {
  size_t width;
  /** Where bins begin. */
  alignas(64) double anchors[MOST_BINS * MOST_COLUMNS];
  /** Where they are, and behind them the twins of the first of the second bins. */
  alignas(64) double sums[(MOST_BINS + 1) * MOST_COLUMNS];
  /** What was in them before they began anew. */
  alignas(64) int64_t integers[MOST_BINS * MOST_COLUMNS];
  /** What bins are made for: magnitudes below `most`, and above `least` where they are not 0. */
  Magnitudes limitsOfG, limitsOfD;
  /** What was added since. */
  Magnitudes seenOfG, seenOfD;
};

/** Looks at the values of a vector of columns, and adds them to nothing. */
template <bool SQUARES>
struct LookVector {
  static constexpr bool UNROLLED = false;
  Extremes<true> seenOfG, seenOfD;

  BN_INLINE void begin(const BinState&, size_t) {}
  BN_INLINE void load(const BinState& state, size_t j) {
    seenOfG.load(state.seenOfG.most + j, state.seenOfG.least + j);
    if constexpr (!SQUARES) seenOfD.load(state.seenOfD.most + j, state.seenOfD.least + j);
  }
  BN_INLINE void save(BinState& state, size_t j) const {
    seenOfG.save(state.seenOfG.most + j, state.seenOfG.least + j);
    if constexpr (!SQUARES) seenOfD.save(state.seenOfD.most + j, state.seenOfD.least + j);
  }
  template <bool TWIN>
  BN_INLINE void add(const float* g, const float* d, const float* center) {
    seenOfG.see(F::load(g));
    if constexpr (!SQUARES) seenOfD.see(sub(F::load(d), F::load(center)));
  }
  BN_INLINE void addSome(const float* g, const float* d, const float* center, size_t count) {
    seenOfG.see(loadSome(g, count));
    if constexpr (!SQUARES) seenOfD.see(keepSome(sub(loadSome(d, count), F::load(center)), count));
  }
};

/** Which sums have a whole number as the last of their bins. */
enum class WholeBins { NONE, FIRST, BOTH };

/**
 * The bins of a vector of columns while values are added. Every other product is added to a twin of its first bin,
 * since a fused multiply-add keeps the next one waiting for longest; where there are many bins, registers have no room
 * for it.
 */
template <int FIRST, int SECOND, WholeBins WHOLE, bool SQUARES>
struct BinVector {
  static constexpr bool UNROLLED = false;
  static constexpr bool TWINS = (SQUARES || MANY_REGISTERS) && FIRST + SECOND <= 4, IS_WHOLE = WHOLE != WholeBins::NONE;
  static constexpr bool MOST = !SQUARES || IS_WHOLE || FIRST + SECOND > 3;
  struct Half {
    Bins<FIRST, IS_WHOLE> first;
    Bins<SECOND, WHOLE == WholeBins::BOTH> second;
    D twin;

    BN_INLINE void begin(const double* anchors, size_t width) {
      first.begin(anchors, width);
      second.begin(anchors + FIRST * width, width);
      if constexpr (TWINS) twin = second.sum;
    }
    BN_INLINE void load(const double* anchors, const double* sums, size_t width) {
      first.load(anchors, sums, width);
      second.load(anchors + FIRST * width, sums + FIRST * width, width);
      if constexpr (TWINS) twin = D::load(sums + (FIRST + SECOND) * width);
    }
    BN_INLINE void save(double* to, size_t width) const {
      first.save(to, width);
      second.save(to + FIRST * width, width);
      if constexpr (TWINS) store(to + (FIRST + SECOND) * width, twin);
    }
    template <bool TWIN>
    BN_INLINE void add(D g, D d) {
      first.add(g);
      TWIN&& TWINS ? second.addProductTo(twin, g, d) : second.addProduct(g, d);
    }
  };
  Half low, high;
  Extremes<MOST> seenOfG, seenOfD;

  /** Begins anew. */
  BN_INLINE void begin(const BinState& state, size_t j) {
    low.begin(state.anchors + j, state.width);
    high.begin(state.anchors + j + D::LENGTH, state.width);
  }
  /** Goes on with what was saved. */
  BN_INLINE void load(const BinState& state, size_t j) {
    low.load(state.anchors + j, state.sums + j, state.width);
    high.load(state.anchors + j + D::LENGTH, state.sums + j + D::LENGTH, state.width);
    seenOfG.load(state.seenOfG.most + j, state.seenOfG.least + j);
    if constexpr (!SQUARES) seenOfD.load(state.seenOfD.most + j, state.seenOfD.least + j);
  }
  BN_INLINE void save(BinState& state, size_t j) const {
    low.save(state.sums + j, state.width);
    high.save(state.sums + j + D::LENGTH, state.width);
    seenOfG.save(state.seenOfG.most + j, state.seenOfG.least + j);
    if constexpr (!SQUARES) seenOfD.save(state.seenOfD.most + j, state.seenOfD.least + j);
  }

  template <bool TWIN>
  BN_INLINE void add(const float* g, const float* d, const float* center) {
    seenOfG.see(F::load(g));
    const D first = widen(H::load(g)), second = widen(H::load(g + H::LENGTH));
    if constexpr (SQUARES) {
      low.template add<TWIN>(first, first);
      high.template add<TWIN>(second, second);
    } else {
      const F by = sub(F::load(d), F::load(center));
      seenOfD.see(by);
      low.template add<TWIN>(first, widen(lowerHalf(by)));
      high.template add<TWIN>(second, widen(upperHalf(by)));
    }
  }
  /** Adds `count` values, fewer than there are columns. */
  BN_INLINE void addSome(const float* g, const float* d, const float* center, size_t count) {
    const F of = loadSome(g, count);
    const F by = SQUARES ? of : keepSome(sub(loadSome(d, count), F::load(center)), count);
    seenOfG.see(of);
    if constexpr (!SQUARES) seenOfD.see(by);
    low.template add<false>(widen(lowerHalf(of)), widen(lowerHalf(by)));
    if (IS_WHOLE || count > H::LENGTH) high.template add<false>(widen(upperHalf(of)), widen(upperHalf(by)));
  }
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
