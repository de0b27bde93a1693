// The numbers that define the order of summation: docs/numerics.md, section 2. src/reference/layout.ts and
// assembly/layout.ts have the same functions. Every kernel includes this file.
#pragma once
#include <cstring>

#include "../kernels.h"

// Not every flag of -ffast-math has a macro. Where one has none, the proof of the bits at load notices it.
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error \
    "batchnorm: build without -ffast-math or -Ofast: they reorder sums and assume that nothing is NaN, so bits differ"
#endif

namespace bn {
namespace BN_ISA {
namespace {

/** The channels first .. last − 1. */
struct Channels {
  size_t first, last;
};

/** Virtual lanes: partial sums that vectors of any width up to this can hold. */
constexpr size_t LANES = 16;
/** Lanes of a channel: those of its first sum, then those of its second sum. */
constexpr size_t PAIR = 2 * LANES;
/** Values of one channel that are summed into one set of lanes before these are folded. */
constexpr size_t SEGMENT = 4096;
/** Rows shorter than this are summed as columns: vectors across channels fill where a row of 7×7 planes does not. */
constexpr size_t COLUMNS_BELOW = 64;
/** Rows narrower than this, c·s values, are stacked: a strip of columns would not fill the lanes. */
constexpr size_t STACKED_BELOW = LANES;

inline size_t minOf(size_t a, size_t b) { return a < b ? a : b; }
inline size_t maxOf(size_t a, size_t b) { return a > b ? a : b; }
inline size_t divideUp(size_t a, size_t b) { return (a + b - 1) / b; }

/** Whether rows are summed as columns, with one lane for each column. */
inline bool asColumns(View v) { return v.s < COLUMNS_BELOW; }
/** Whether a row is a group by itself, or several groups. */
inline bool asLongRows(View v) { return v.s > SEGMENT / 2; }

/** The number of rows that are taken side by side as one row of columns. */
inline size_t stackedRows(View v) { return v.c * v.s < STACKED_BELOW ? LANES : 1; }

/** The number of rows of s values that make one group: whole stacks, where rows are stacked. */
inline size_t groupRows(View v) {
  const size_t rows = v.s >= SEGMENT ? 1 : SEGMENT / v.s;
  return rows - rows % stackedRows(v);
}

/** The number of groups that a row is cut into. */
inline size_t segmentsOf(View v) { return divideUp(v.s, SEGMENT); }

/** The number of groups of a channel. Their sums are added up in the order of the groups. */
inline size_t groupsOf(View v) { return divideUp(v.n, groupRows(v)) * segmentsOf(v); }

/** columns[j] ← values[channel of column j], for vectors that run across channels. */
template <class T>
void broadcast(T* columns, const T* values, View v, Channels channels) {
  if (v.s == 1 && stackedRows(v) == 1) {
    std::memcpy(columns, values + channels.first, (channels.last - channels.first) * sizeof(T));
    return;
  }
  for (size_t row = 0; row < stackedRows(v); ++row) {
    for (size_t ch = channels.first; ch < channels.last; ++ch) {
      for (size_t j = 0; j < v.s; ++j) *columns++ = values[ch];
    }
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
