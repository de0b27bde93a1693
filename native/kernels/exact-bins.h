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
/** Chains of bins side by side, so that additions need not wait for each other. */
constexpr size_t MOST_CHAINS = 4, WIDE_CHAINS = 2;
constexpr size_t STEP = MOST_CHAINS * D::LENGTH;
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

/** The bins of COUNT vectors of columns side by side. */
template <int FIRST, int SECOND, size_t COUNT>
struct Chains {
  Bins<FIRST> first;
  Bins<SECOND> second;
  Chains<FIRST, SECOND, COUNT - 1> rest;

  BN_INLINE void load(const double* anchors, size_t width) {
    first.load(anchors, width);
    second.load(anchors + FIRST * width, width);
    rest.load(anchors + D::LENGTH, width);
  }
  BN_INLINE void addSquares(const float* x) {
    const D wide = widen(H::load(x));
    first.add(wide);
    second.addProduct(wide, wide);
    rest.addSquares(x + D::LENGTH);
  }
  BN_INLINE void addProducts(const float* g, const float* d) {
    const D wide = widen(H::load(g));
    first.add(wide);
    second.addProduct(wide, widen(H::load(d)));
    rest.addProducts(g + D::LENGTH, d + D::LENGTH);
  }
  BN_INLINE void empty(int64_t* integers, const double* anchors, size_t width) const {
    first.empty(integers, anchors, width);
    second.empty(integers + FIRST * width, anchors + FIRST * width, width);
    rest.empty(integers + D::LENGTH, anchors + D::LENGTH, width);
  }
};
template <int FIRST, int SECOND>
struct Chains<FIRST, SECOND, 0> {
  BN_INLINE void load(const double*, size_t) {}
  BN_INLINE void addSquares(const float*) {}
  BN_INLINE void addProducts(const float*, const float*) {}
  BN_INLINE void empty(int64_t*, const double*, size_t) const {}
};

/** Rows of columns: element j of row i is at i·stride + j; d is g where squares are summed. */
struct Rows {
  const float* g;
  const float* d;
  size_t count, stride;
};

/** Adds at most TERMS rows to the integers of `width` columns, a multiple of STEP; anchors and integers of each bin are
 * `width` apart. */
template <int FIRST, int SECOND>
BN_NOINLINE void addRows(int64_t* integers, const double* anchors, size_t width, const Rows rows) {
  constexpr size_t CHAINS = FIRST + SECOND <= 4 ? MOST_CHAINS : WIDE_CHAINS;
  for (size_t j = 0; j < width; j += CHAINS * D::LENGTH) {
    Chains<FIRST, SECOND, CHAINS> chains;
    chains.load(anchors + j, width);
    const float *g = rows.g + j, *d = rows.d + j, *const end = g + rows.count * rows.stride;
    if (g == d) {
      for (; g != end; g += rows.stride) chains.addSquares(g);
    } else {
      for (; g != end; g += rows.stride, d += rows.stride) chains.addProducts(g, d);
    }
    chains.empty(integers + j, anchors + j, width);
  }
}

/** Exponents of floats: all are below 2^above, and 2^unit divides them; `above` is `unit` where all are 0. */
struct Span {
  int above, unit;

  /** From what Extremes give, where nothing is infinite or NaN. */
  static Span of(uint32_t most, uint32_t least) {
    if (least >= INFINITE) return {0, 0};
    return {exponent(most) + 24, exponent(least + 1)};
  }
  Span operator*(Span other) const { return {above + other.above, unit + other.unit}; }

 private:
  /** Of the last bit. */
  static int exponent(uint32_t bits) {
    const int field = static_cast<int>(bits >> 23);
    return (field == 0 ? 1 : field) - 150;
  }
};

/** 2^exponent, of a normal number. */
inline double powerOfTwo(int exponent) {
  const uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/** Units of the bins for values below 2^above. */
inline int unitOfBin(int above, int bin) { return above + TERMS_BITS - 51 - bin * BIN_BITS; }
/** Bins by which the unit divides every value. */
inline int binsFor(Span span) {
  const int missing = unitOfBin(span.above, 0) - span.unit;
  return missing <= 0 ? 1 : 1 + (missing + BIN_BITS - 1) / BIN_BITS;
}

/** Which bins there are for first sums and for second ones. */
struct Choice {
  int first, second;
  void (*add)(int64_t*, const double*, const float*, const float*, size_t);
};
constexpr Choice CHOICES[] = {
    {1, 2, addThrough<1, 2>}, {1, 3, addThrough<1, 3>}, {2, 3, addThrough<2, 3>},
    {2, 4, addThrough<2, 4>}, {3, 6, addThrough<3, 6>},
};

/** The cheapest that is enough, or null. */
inline const Choice* choiceFor(Span first, Span second) {
  const int firstBins = binsFor(first), secondBins = binsFor(second);
  for (const Choice& choice : CHOICES) {
    if (choice.first >= firstBins && choice.second >= secondBins) return &choice;
  }
  return nullptr;
}

/** Where the sums of a channel begin, in int64: RECORD of them. */
inline void addBins(int64_t* sums, const int64_t* integers, int bins, int above, int unit) {
  for (int bin = 0; bin < bins; ++bin) {
    int64_t sum = 0;
    for (size_t lane = 0; lane < D::LENGTH; ++lane) sum += integers[bin * D::LENGTH + lane];
    addShifted(sums, sum, unitOfBin(above, bin) - unit);
  }
}

/** Adds up values of any exponents, and counts what is not finite: one by one, into an integer for each exponent. */
class Superaccumulator {
 public:
  /** At most 2^15 values. */
  BN_NOINLINE void add(int64_t* sums, const float* g, const float* d, size_t count) {
    std::memset(this, 0, sizeof *this);
    for (size_t k = 0; k < count; ++k) {
      const double first = g[k], second = first * d[k];
      addTo(first_, FIRST_LOW, 29, sums + FIRST_LIMBS, first);
      addTo(second_, SECOND_LOW, 5, sums + SECOND_AT + SECOND_LIMBS, second);
    }
    for (int i = 0; i < FIRST; ++i) {
      if (first_[i] != 0) addShifted(sums, first_[i], i + FIRST_LOW - 1023 - 23 - FIRST_UNIT);
    }
    for (int i = 0; i < SECOND; ++i) {
      if (second_[i] != 0) addShifted(sums + SECOND_AT, second_[i], i + SECOND_LOW - 1023 - 47 - SECOND_UNIT);
    }
  }

 private:
  /** Exponent fields of float64 from the least that is not 0 on: those of float32, and of their products. */
  static constexpr int FIRST_LOW = 1023 - 149, FIRST = 149 + 128;
  static constexpr int SECOND_LOW = 1023 - 298, SECOND = 298 + 256;
  int64_t first_[FIRST], second_[SECOND];

  /** `zeros` of the 53 bits of the value are 0 at the end. */
  static BN_INLINE void addTo(int64_t* integers, int low, int zeros, int64_t* specials, double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const int field = static_cast<int>(bits >> 52) & 0x7ff;
    if (field == 0) return;
    if (field == 0x7ff) return countSpecial(specials, value);
    const int64_t magnitude = static_cast<int64_t>(((bits & 0xfffffffffffff) | 0x10000000000000) >> zeros);
    const int64_t sign = static_cast<int64_t>(bits) >> 63;
    integers[field - low] += (magnitude ^ sign) - sign;
  }
};

/** Adds `count` values, a multiple of STEP and at most 2^15, whose exponents are known. */
inline void addValues(int64_t* sums, const float* g, const float* d, size_t count, Span gSpan, Span dSpan) {
  const Span product = gSpan * dSpan;
  const Choice* choice = choiceFor(gSpan, product);
  if (choice == nullptr) {
    Superaccumulator slow;
    return slow.add(sums, g, d, count);
  }
  double anchors[MOST_BINS];
  alignas(64) int64_t integers[MOST_BINS * D::LENGTH];
  std::memset(integers, 0, (choice->first + choice->second) * D::LENGTH * sizeof(int64_t));
  for (int bin = 0; bin < choice->first; ++bin) anchors[bin] = 1.5 * powerOfTwo(52 + unitOfBin(gSpan.above, bin));
  for (int bin = 0; bin < choice->second; ++bin) {
    anchors[choice->first + bin] = 1.5 * powerOfTwo(52 + unitOfBin(product.above, bin));
  }
  choice->add(integers, anchors, g, d, count);
  addBins(sums, integers, choice->first, gSpan.above, FIRST_UNIT);
  addBins(sums + SECOND_AT, integers + choice->first * D::LENGTH, choice->second, product.above, SECOND_UNIT);
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
