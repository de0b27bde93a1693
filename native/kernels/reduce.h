// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a term says what is summed.
#pragma once
#include "fold.h"

namespace bn {
namespace BN_ISA {
namespace {

/**
 * Columns: bytes of the rows that are summed at once, over all tensors. Free to choose, since it does not change the
 * order. More rows save loads and stores of lanes, fewer rows stay closer to the order of memory.
 */
constexpr size_t STRIP_BYTES = 16384;
constexpr size_t MAX_ROWS_AT_ONCE = 16;
/** Columns: rows of all tensors together that are summed at once, however long they are. */
constexpr size_t MIN_ROWS_AT_ONCE = 4;
/** Columns: rows from this length on are wide. Blocks of them are read across rows where the last cache holds all. */
constexpr size_t WIDE_ROW = 1024;
/** Wide rows of all tensors together that are summed at once, and how far ahead their elements are fetched. */
constexpr size_t WIDE_ROWS_AT_ONCE = 8;
constexpr size_t WIDE_AHEAD_BYTES = 256;
/** Columns: a tensor of at most so many bytes is in the caches anyway, so all its rows are summed at once. */
constexpr size_t SMALL_BYTES = 65536;
/** Rows: channels whose lanes are kept at once. Free to choose. */
constexpr size_t CHANNELS_AT_ONCE = 32;

/** The groups first .. last − 1 of each channel. */
struct Groups {
  size_t first, last;
};

/** Columns: rows that are summed at once, and how many elements behind those at hand are fetched. */
struct Pace {
  size_t rows, ahead;
};

/**
 * The pace of these channels, of which `columns` are summed side by side. `cached` says that the last cache holds what
 * is read: strips of wide rows are higher then, since it is no matter that memory is not read in order. Not so for 16
 * bits: their sums wait for the additions anyway, and the caches of a busy machine hold less than they might.
 */
template <class Term>
Pace paceOf(View v, Channels channels, size_t columns, bool cached) {
  const size_t stride = stackedRows(v) * v.c * v.s, row = (channels.last - channels.first) * v.s;
  const size_t strideBytes = stride * sizeof(typename Term::Element) * Term::TENSORS;
  const size_t fitting = minOf(maxOf(STRIP_BYTES / strideBytes, MIN_ROWS_AT_ONCE / Term::TENSORS), MAX_ROWS_AT_ONCE);
  if (bytesOf<Term>(v) / Term::TENSORS <= SMALL_BYTES) return {v.n, 0};
  if (bytesOf<Term>(v) <= NEAR_BYTES) return {maxOf(fitting, MAX_ROWS_AT_ONCE / Term::TENSORS), 0};
  const bool wholeRows = channels.last - channels.first == v.c && columns >= v.c * v.s;
  // Whole rows are in the order of memory, which is too good to leave unless they are surely not read from there.
  const bool fromCache = cached && sizeof(typename Term::Element) > sizeof(Half);
  if (row >= WIDE_ROW && fromCache && (!wholeRows || bytesOf<Term>(v) <= SURELY_CACHED))
    return {WIDE_ROWS_AT_ONCE / Term::TENSORS, WIDE_AHEAD_BYTES / sizeof(typename Term::Element)};
  // Where strips are not of whole rows, the same columns of the next strip come soon.
  return {fitting, wholeRows ? fetchedAhead<Term>() : fitting * stride};
}

/** Columns: one lane for each column of a group of rows, or of 16 rows where these are stacked. */
template <class Term>
void reduceColumns(const Totals& totals, const Term& term, View v, Groups groups, Channels channels, bool cached) {
  const size_t stacked = stackedRows(v), stride = stacked * v.c * v.s, step = maxOf(1, COLUMNS_AT_ONCE / v.s);
  const Pace pace = paceOf<Term>(v, channels, step * v.s, cached);
  alignas(64) double lanes[COLUMN_LANES];
  typename Term::Columns memory;
  for (size_t block = channels.first; block < channels.last; block += step) {
    const Channels part{block, minOf(block + step, channels.last)};
    const Term perColumn = term.columns(memory, v, part);
    const size_t row = (part.last - part.first) * v.s, columns = stacked * row;
    for (size_t g = groups.first; g < groups.last; ++g) {
      const size_t start = g * groupRows(v), rows = minOf(groupRows(v), v.n - start), whole = rows / stacked;
      const size_t position = (start * v.c + block) * v.s;
      if (whole == 0) clearColumns(lanes, columns);
      for (size_t i = 0; i < whole; i += pace.rows) {
        const Strip strip{position + i * stride, minOf(pace.rows, whole - i), stride, pace.ahead, i == 0};
        addStrip(lanes, perColumn, strip, columns);
      }
      addStrip(lanes, perColumn, {position + whole * stride, 1, stride, 0, false}, rows % stacked * row);
      foldColumns(totals, g, v, part, lanes);
    }
  }
}

/** Rows that share a group: the lanes of a block of channels stay while the rows pass, so memory is walked in order. */
template <class Term>
void reduceShortRows(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  alignas(64) double lanes[CHANNELS_AT_ONCE * PAIR];
  for (size_t block = channels.first; block < channels.last; block += CHANNELS_AT_ONCE) {
    const size_t count = minOf(CHANNELS_AT_ONCE, channels.last - block);
    for (size_t g = groups.first; g < groups.last; ++g) {
      const size_t end = minOf((g + 1) * groupRows(v), v.n);
      clear(lanes, count * PAIR);
      for (size_t i = g * groupRows(v); i < end; ++i) {
        addRows(lanes, term, v, (i * v.c + block) * v.s, block, count, v.s);
      }
      for (size_t b = 0; b < count; ++b) fold(totals, g, block + b, lanes + b * PAIR);
    }
  }
}

/** Rows that are groups by themselves, cut into segments where they are long; whole rows, or segments of one row. */
template <class Term>
void reduceLongRows(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  const size_t segments = segmentsOf(v), atOnce = asPairs<Term>(v) ? 2 : 1;
  for (size_t next, start = groups.first; start < groups.last; start = next) {
    const size_t i = start / segments;
    next = minOf((i + 1) * segments, groups.last);
    for (size_t ch = channels.first; ch < channels.last; ch += atOnce) {
      const size_t count = minOf(atOnce, channels.last - ch);
      for (size_t g = start; g < next; ++g) {
        const size_t j = (g - i * segments) * SEGMENT;
        alignas(64) double lanes[2 * PAIR];
        clear(lanes, count * PAIR);
        addRows(lanes, term, v, (i * v.c + ch) * v.s + j, ch, count, minOf(SEGMENT, v.s - j));
        for (size_t b = 0; b < count; ++b) fold(totals, g, ch + b, lanes + b * PAIR);
      }
    }
  }
}

/** Adds to the totals the two sums of these groups of these channels. `cached`: the last cache holds what is read. */
template <class Term>
void reduceGroups(const Totals& totals, const Term& term, View v, Groups groups, Channels channels, bool cached) {
  if (asColumns(v)) {
    reduceColumns(totals, term, v, groups, channels, cached);
  } else if (!asLongRows(v)) {
    reduceShortRows(totals, term, v, groups, channels);
  } else {
    reduceLongRows(totals, term, v, groups, channels);
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
