// The order of summation, in numbers: docs/numerics.md, section 2. The same in src/reference/layout.ts and
// assembly/layout.ts. Included by the files that are compiled once per instruction set only.
#pragma once
#include "../kernels.h"

// Parts of -ffast-math have no macro with every compiler: those the proof of the bits at load finds.
#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error \
    "batchnorm: build without -ffast-math or -Ofast: they reorder sums and assume that nothing is NaN, so bits differ"
#endif

namespace bn {
namespace BN_ISA {
namespace {

/** Virtual lanes: partial sums that vectors of any width up to this can hold. */
constexpr size_t LANES = 16;
/** First sums, then second sums. */
constexpr size_t PAIR = 2 * LANES;
/** Values of one channel that are summed into one set of lanes before these are folded. */
constexpr size_t SEGMENT = 4096;
/** Rows shorter than this are summed as columns: 7×7 planes reach 21 GB/s that way and 13 as rows (AVX2, 12.8 MB). */
constexpr size_t COLUMNS_BELOW = 64;
/** Rows narrower than this, c·s values, are stacked: a strip of columns would not fill the lanes. */
constexpr size_t STACKED_BELOW = LANES;

inline size_t minOf(size_t a, size_t b) { return a < b ? a : b; }
inline size_t maxOf(size_t a, size_t b) { return a > b ? a : b; }
inline size_t divideUp(size_t a, size_t b) { return (a + b - 1) / b; }

inline bool asColumns(View v) { return v.s < COLUMNS_BELOW; }
/** Rows that are groups by themselves, or several of them. */
inline bool asLongRows(View v) { return v.s > SEGMENT / 2; }

/** Rows that lie side by side in one row of columns. */
inline size_t stackedRows(View v) { return v.c * v.s < STACKED_BELOW ? LANES : 1; }

/** Rows of s values that make one group. */
inline size_t groupRows(View v) {
  const size_t rows = v.s >= SEGMENT ? 1 : SEGMENT / v.s;
  return rows - rows % stackedRows(v);
}

/** Groups that a row is cut into. */
inline size_t segmentsOf(View v) { return divideUp(v.s, SEGMENT); }

/** Groups of a channel, in the order in which they are added up. */
inline size_t groupsOf(View v) { return divideUp(v.n, groupRows(v)) * segmentsOf(v); }

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
