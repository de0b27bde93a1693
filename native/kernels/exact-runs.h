// The two ways in which values come to bins: rows of columns, each of which has sums of its own, and runs of values
// side by side, which all belong to one channel.
#pragma once
#include "exact-fixed.h"
#include "stream.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Runs of values of a channel: `count` values in all, of which `first` lie side by side, then `run` at a time, with
 * `gap` floats between. Squares are summed where d is g, and else products with d − center, which is the same number
 * again and again. What lies `ahead` floats behind a value is wanted later. */
struct Runs {
  const float* g;
  const float* d;
  size_t count, first, run, gap;
  const float* center;
  size_t ahead;

  /** Takes at most so many values off the beginning. */
  Runs take(size_t most) {
    Runs taken = *this;
    if (taken.count > most) taken.count = most;
    count -= taken.count;
    skip(taken.count);
    return taken;
  }

 private:
  void skip(size_t values) {
    size_t far = values;
    if (values < first) {
      first -= values;
    } else {
      const size_t runs = 1 + (values - first) / run;
      far += runs * gap;
      first = run - (values - first) % run;
    }
    g += far;
    d += far;
  }
};

/** Rows that are taken together where rows of columns lie in the same places of the caches. */
constexpr size_t CROWDED_ROWS = 8;

/** Rows of columns: element j of row i is at i·stride + j; the center of column j is center[j]. What lies `ahead`
 * floats behind an element is wanted later. */
struct Rows {
  const float* g;
  const float* d;
  size_t count, stride;
  const float* center;
  size_t ahead;
};

/** Adds rows to the vector of columns at j, of which there are `columns`; they may be the first since it began anew. */
template <template <bool> class Vector, bool SQUARES>
BN_INLINE void addToVector(BinState& state, size_t j, size_t columns, const Rows& rows, bool areFirst) {
  Vector<SQUARES> bins;
  areFirst ? bins.begin(state, j) : bins.load(state, j);
  const float *g = rows.g + j, *d = rows.d + j, *const center = rows.center + j;
  const size_t stride = rows.stride;
  if (columns < F::LENGTH) {
    for (size_t i = 0; i < rows.count; ++i, g += stride, d += stride) bins.addSome(g, d, center, columns);
    return bins.save(state, j);
  }
  if (Vector<SQUARES>::UNROLLED && rows.count == CROWDED_ROWS) {
    // Loads that go along the rows, each by itself: the processor fetches what comes next in each.
    BN_UNROLL
    for (size_t i = 0; i < CROWDED_ROWS; i += 2, g += 2 * stride, d += 2 * stride) {
      bins.template add<false>(g, d, center);
      bins.template add<true>(g + stride, d + stride, center);
    }
    return bins.save(state, j);
  }
  for (size_t i = 1; i < rows.count; i += 2, g += 2 * stride, d += 2 * stride) {
    prefetchNear(g + rows.ahead), prefetchNear(g + stride + rows.ahead);
    if (!SQUARES) prefetchNear(d + rows.ahead), prefetchNear(d + stride + rows.ahead);
    bins.template add<false>(g, d, center);
    bins.template add<true>(g + stride, d + stride, center);
  }
  if (rows.count % 2 == 1) bins.template add<false>(g, d, center);
  bins.save(state, j);
}

/** Adds rows to the columns begin .. end. */
template <template <bool> class Vector, bool SQUARES>
BN_NOINLINE void addRows(BinState& state, size_t begin, size_t end, const Rows& rows, bool areFirst) {
  for (size_t j = begin; j < end; j += F::LENGTH) {
    addToVector<Vector, SQUARES>(state, j, minOf(end - j, F::LENGTH), rows, areFirst);
  }
}

/** Adds runs to the first vector of columns, which begins anew: they belong to one channel all together. Returns how
 * many values were added to each column: 0 is, where a vector is not full. */
template <template <bool> class Vector, bool SQUARES>
BN_NOINLINE size_t addRuns(BinState& state, const Runs& runs) {
  Vector<SQUARES> bins;
  size_t added = 0;
  bins.begin(state, 0);
  constexpr size_t PAIR_LENGTH = 2 * F::LENGTH;
  const float *g = runs.g, *d = runs.d;
  for (size_t left = runs.count, run = runs.first; left > 0; run = runs.run) {
    if (run > left) run = left;
    left -= run;
    added += divideUp(run, F::LENGTH);
    for (; run >= PAIR_LENGTH; run -= PAIR_LENGTH, g += PAIR_LENGTH, d += PAIR_LENGTH) {
      prefetch(g + runs.ahead);
      if (!SQUARES) prefetch(d + runs.ahead);
      if constexpr (F::LENGTH * sizeof(float) >= LINE_BYTES) {
        prefetch(g + F::LENGTH + runs.ahead);
        if (!SQUARES) prefetch(d + F::LENGTH + runs.ahead);
      }
      bins.template add<false>(g, d, runs.center);
      bins.template add<true>(g + F::LENGTH, d + F::LENGTH, runs.center);
    }
    if (run >= F::LENGTH) {
      bins.template add<false>(g, d, runs.center);
      run -= F::LENGTH;
      g += F::LENGTH;
      d += F::LENGTH;
    }
    if (run > 0) bins.addSome(g, d, runs.center, run);
    g += run + runs.gap;
    d += run + runs.gap;
  }
  bins.save(state, 0);
  return added;
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
