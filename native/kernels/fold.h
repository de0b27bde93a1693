// From lanes to the two sums of a channel: columns are added to 16 lanes, and these are folded.
#pragma once
#include "lanes.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The place of the sums of a group: the same for all groups where stride is 0, else `stride` behind the last one. */
struct Totals {
  double* sums;
  size_t c, stride;

  void add(size_t group, size_t ch, double first, double second) const {
    double* to = sums + group * stride;
    to[ch] += first;
    to[c + ch] += second;
  }
};

/** The sum of 16 lanes: the upper half is added to the lower one until one lane is left. */
inline double foldLanes(const double* lanes) {
  double four[4];
  for (size_t j = 0; j < 4; ++j) four[j] = (lanes[j] + lanes[j + 8]) + (lanes[j + 4] + lanes[j + 12]);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/** Adds the fold of a pair of lanes to the sums of a group of a channel. */
inline void fold(const Totals& totals, size_t group, size_t ch, const double* lanes) {
  totals.add(group, ch, foldLanes(lanes), foldLanes(lanes + LANES));
}

inline void clear(double* lanes, size_t count) { std::memset(lanes, 0, count * sizeof(double)); }

inline void clearColumns(double* lanes, size_t columns) {
  clear(lanes, columns);
  clear(lanes + COLUMNS_APART, columns);
}

/** 0, 1, … in double: which element of a vector is which. */
alignas(64) constexpr double PLACES[] = {0, 1, 2, 3, 4, 5, 6, 7};

/** The elements of v that are among the next `count`, +0 in the place of the others. */
inline D among(D v, size_t count) {
  return choose(atMost(D::load(PLACES), D::splat(static_cast<double>(count) - 1)), v, D::splat(0));
}

/** folded[lane] ← the sum of the columns whose place is lane mod 16, in order, from +0. */
inline void columnsToLanes(double* folded, const double* columns, size_t count) {
  for (size_t lane = 0; lane < LANES; lane += D::LENGTH) {
    D sum = D::splat(0);
    size_t j = lane;
    for (; j + D::LENGTH <= count; j += LANES) sum = add(sum, D::load(columns + j));
    // Lanes begin with +0 and so are never −0: another +0 changes nothing.
    if (j < count) sum = add(sum, among(D::load(columns + j), count - j));
    store(folded + lane, sum);
  }
}

/** The same for columns of stacked rows, where those of a channel lie in pieces of s, `row` apart. */
inline void stacksToLanes(double* folded, const double* columns, size_t row, size_t s) {
  clear(folded, LANES);
  size_t to = 0;
  for (size_t stack = 0; stack < LANES; ++stack) {
    for (size_t j = 0; j < s; ++j, to = (to + 1) % LANES) folded[to] += columns[stack * row + j];
  }
}

/** The columns of a channel are added to 16 lanes in turn, in order; then the lanes are folded. */
inline void foldColumns(const Totals& totals, size_t group, View v, Channels channels, const double* lanes) {
  const size_t row = (channels.last - channels.first) * v.s;
  const bool stacked = stackedRows(v) > 1;
  if (v.s == 1 && !stacked) {  // one column: the other lanes are +0
    for (size_t j = 0; j < row; ++j) totals.add(group, channels.first + j, lanes[j], lanes[COLUMNS_APART + j]);
    return;
  }
  for (size_t ch = channels.first; ch < channels.last; ++ch) {
    const double* from = lanes + (ch - channels.first) * v.s;
    alignas(64) double folded[PAIR];
    for (size_t sum = 0; sum < 2; ++sum) {
      const double* columns = from + sum * COLUMNS_APART;
      if (stacked) {
        stacksToLanes(folded + sum * LANES, columns, row, v.s);
      } else {
        columnsToLanes(folded + sum * LANES, columns, v.s);
      }
    }
    fold(totals, group, ch, folded);
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
