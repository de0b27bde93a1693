// The order of summation, in numbers: docs/numerics.md, section 2. The same in src/reference/layout.ts and
// assembly/layout.ts. Included by the files that are compiled once per instruction set only.
#pragma once
#include "kernels.h"

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

/** Columns: rows whose contribution to a strip is summed at once. Free to choose: it does not change the order. */
constexpr size_t ROWS_AT_ONCE = 8;
/** Rows: channels whose lanes are kept at once. Free to choose too. */
constexpr size_t CHANNELS_AT_ONCE = 32;
/** Elementwise passes over rows shorter than this run across channels. Free to choose. */
constexpr size_t SPREAD_BELOW = 16;

inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

/** Rows of s values that make one group. */
inline size_t groupRows(size_t s) { return s >= SEGMENT ? 1 : SEGMENT / s; }

/** Rows that lie side by side in one row of columns. */
inline size_t stackedRows(View v) { return v.c * v.s < STACKED_BELOW ? LANES : 1; }

/** Columns of the rows that are stacked; 0 where rows are not summed as columns. */
inline size_t columnsOf(View v) { return v.s < COLUMNS_BELOW ? stackedRows(v) * v.c * v.s : 0; }

/** Strips of 16 columns, or blocks of channels, whose lanes are kept at once. */
inline size_t laneSets(View v) { return v.s < COLUMNS_BELOW ? (columnsOf(v) + LANES - 1) / LANES : CHANNELS_AT_ONCE; }

/** Coefficients of y = (x − center)·scale + offset and dx = g·scale − (d·slope + level), [c] or [columns] each. */
template <class T>
struct Coefficients {
  T* center;
  T* scale;
  T* offset;
  T* slope;
  T* level;
};

/** What kernels need beside their arguments, laid out in the memory that the caller lends. */
template <class T>
struct Scratch {
  double* totals;            // [2c] two sums per channel
  double* lanes;             // [laneSets + 1][PAIR], the last one to fold columns in
  double* means;             // [columns] the means spread over columns, where rows are summed as columns
  GradientSums sums;         // [c] each
  Coefficients<T> channels;  // [c] each
  Coefficients<T> columns;   // [columns] each, where rows are summed as columns

  /** With null for memory only `bytes` means anything. */
  Scratch(void* memory, View v) : base_(static_cast<double*>(memory)) {
    const size_t spread = columnsOf(v);
    totals = take(2 * v.c);
    lanes = take((laneSets(v) + 1) * PAIR);
    means = take(spread);
    sums = {take(v.c), take(v.c)};
    channels = takeCoefficients(v.c);
    columns = takeCoefficients(spread);
  }

  size_t bytes() const { return used_ * sizeof(double); }

 private:
  /** `length` doubles, aligned as the memory is up to 64 bytes. */
  double* take(size_t length) {
    double* taken = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (length + 7) / 8 * 8;
    return taken;
  }
  T* takeElements(size_t length) { return reinterpret_cast<T*>(take(length)); }
  Coefficients<T> takeCoefficients(size_t length) {
    return {takeElements(length), takeElements(length), takeElements(length), takeElements(length),
            takeElements(length)};
  }

  double* base_;
  size_t used_ = 0;
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
