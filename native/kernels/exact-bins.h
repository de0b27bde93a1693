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
#include "stream.h"

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
  BN_INLINE void addCentred(const float* g, const float* x, const float* center) {
    const D wide = widen(H::load(g));
    first.add(wide);
    second.addProduct(wide, widen(sub(H::load(x), H::load(center))));
    rest.addCentred(g + D::LENGTH, x + D::LENGTH, center + D::LENGTH);
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
  BN_INLINE void addCentred(const float*, const float*, const float*) {}
  BN_INLINE void empty(int64_t*, const double*, size_t) const {}
};

/** Rows of columns: element j of row i is at i·stride + j. Squares are summed where d is g, and products with d −
 * center where there are centers, one for each column. */
struct Piece {
  const float* g;
  const float* d;
  size_t count, stride;
  const float* center;
};

/** Asks for memory that is wanted next, a little at each step of a sum, so that it comes while there is work to do:
 * runs of floats, `stride` apart, of one tensor or of two. */
class Ahead {
 public:
  Ahead() = default;
  /** The first run begins `into` its floats. */
  Ahead(const float* a, const float* b, size_t run, size_t stride, size_t into)
      : a_(a), b_(b), run_(run), left_(run - into), gap_(stride - run) {}

  BN_INLINE void fetch(size_t count) {
    if (a_ == nullptr) return;
    BN_UNROLL
    for (size_t j = 0; j < count; j += LINE_BYTES / sizeof(float)) {
      prefetch(a_ + j);
      if (b_ != nullptr) prefetch(b_ + j);
    }
    skip(count);
  }

 private:
  const float* a_ = nullptr;
  const float* b_ = nullptr;
  size_t run_ = 0, left_ = 0, gap_ = 0;

  BN_INLINE void skip(size_t count) {
    const size_t far = left_ > count ? count : left_ + gap_;
    left_ = left_ > count ? left_ - count : run_;
    a_ += far;
    if (b_ != nullptr) b_ += far;
  }
};

/** Pieces with at most TERMS rows together, and what comes after them. */
struct Rows {
  const Piece* pieces;
  size_t count;
  Ahead ahead;
};

/** Adds rows to the integers of `width` columns, a multiple of STEP; anchors and integers of each bin are `width`
 * apart.
 */
template <int FIRST, int SECOND>
BN_NOINLINE void addRows(int64_t* integers, const double* anchors, size_t width, const Rows& rows) {
  constexpr size_t CHAINS = FIRST + SECOND <= 4 ? MOST_CHAINS : WIDE_CHAINS, COLUMNS = CHAINS * D::LENGTH;
  Ahead ahead = rows.ahead;
  for (size_t j = 0; j < width; j += COLUMNS) {
    Chains<FIRST, SECOND, CHAINS> chains;
    chains.load(anchors + j, width);
    for (size_t k = 0; k < rows.count; ++k) {
      const Piece& piece = rows.pieces[k];
      const float *g = piece.g + j, *d = piece.d + j, *const end = g + piece.count * piece.stride;
      if (g == d) {
        for (; g != end; g += piece.stride) ahead.fetch(COLUMNS), chains.addSquares(g);
      } else if (piece.center != nullptr) {
        const float* const center = piece.center + j;
        for (; g != end; g += piece.stride, d += piece.stride) ahead.fetch(COLUMNS), chains.addCentred(g, d, center);
      } else {
        for (; g != end; g += piece.stride, d += piece.stride) ahead.fetch(COLUMNS), chains.addProducts(g, d);
      }
    }
    chains.empty(integers + j, anchors + j, width);
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
