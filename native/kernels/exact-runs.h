// The two ways in which values come to bins: rows of columns, each of which has sums of its own, and runs of values
// side by side, which all belong to one channel.
#pragma once
#include "exact-bins.h"
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

/** Asks for COUNT floats that are wanted later. */
template <size_t COUNT>
BN_INLINE void fetch(const float* p) {
  BN_UNROLL
  for (size_t j = 0; j < COUNT; j += LINE_BYTES / sizeof(float)) prefetch(p + j);
}

/** At most TERMS rows of columns: element j of row i is at i·stride + j; the center of column j is center[j]. What lies
 * `ahead` floats behind an element is wanted later. */
struct Rows {
  const float* g;
  const float* d;
  size_t count, stride;
  const float* center;
  size_t ahead;
};

/** Vectors that are summed side by side. */
constexpr size_t sideBySide(int bins) { return bins <= 4 ? SIDE_BY_SIDE : 1; }

/** Adds rows to the columns begin .. end − 1, as long as they fit; returns the first column that was left out. */
template <int FIRST, int SECOND, bool SQUARES>
BN_NOINLINE size_t addRows(BinState& state, size_t begin, size_t end, const Rows& rows) {
  using Side = Chains<FIRST, SECOND, SQUARES, sideBySide(FIRST + SECOND)>;
  for (size_t j = begin; j < end; j += Side::COLUMNS) {
    Side chains;
    chains.load(state.anchors + j, state.width);
    const float *g = rows.g + j, *d = rows.d + j, *const center = rows.center + j;
    const float* const last = g + rows.count * rows.stride;
    for (; g != last; g += rows.stride, d += rows.stride) {
      fetch<Side::COLUMNS>(g + rows.ahead);
      if (!SQUARES) fetch<Side::COLUMNS>(d + rows.ahead);
      chains.add(g, d, center);
    }
    if (!chains.empty(state, j)) return j;
  }
  return end;
}

/** Adds runs, where they fit, to the sums that all columns are together. */
template <int FIRST, int SECOND, bool SQUARES>
BN_NOINLINE bool addRuns(BinState& state, const Runs& runs) {
  using Side = Chains<FIRST, SECOND, SQUARES, sideBySide(FIRST + SECOND)>;
  Side chains;
  chains.load(state.anchors, state.width);
  const float *g = runs.g, *d = runs.d;
  for (size_t left = runs.count, run = runs.first; left > 0; run = runs.run) {
    if (run > left) run = left;
    left -= run;
    for (; run >= Side::COLUMNS; run -= Side::COLUMNS, g += Side::COLUMNS, d += Side::COLUMNS) {
      fetch<Side::COLUMNS>(g + runs.ahead);
      if (!SQUARES) fetch<Side::COLUMNS>(d + runs.ahead);
      chains.add(g, d, runs.center);
    }
    if (run > 0) chains.addSome(g, d, runs.center, run);
    g += run + runs.gap;
    d += run + runs.gap;
  }
  return chains.empty(state, 0);
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
