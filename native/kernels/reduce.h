// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a term says what is summed.
//
// A term has, for V one of Part<T> and T:
//   TENSORS                                        the number of tensors that it reads
//   void fetch(size_t k)                           asks for the elements from k on
//   Columns                                        memory for its parameters, broadcast to columns
//   Term columns(Columns&, View, Channels) const   a term that has its parameters for each column of these channels
//   Parameters<V> parameters<V>(size_t at, bool perColumn)
//                                                  the numbers of channel `at`, or of the columns of V from `at` on
//   void add<V>(Sum& first, Sum& second, size_t k, const Parameters<V>&)
//                                                  adds the terms of the elements from k on
#pragma once
#include <cstring>

#include "stream.h"

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
/** Columns: a tensor of at most so many bytes is in the caches anyway, so all its rows are summed at once. */
constexpr size_t SMALL_BYTES = 65536;
/** Columns whose lanes are kept at once, in 16 KB. At least those of a channel and of a stack; else free to choose. */
constexpr size_t COLUMNS_AT_ONCE = 1024;
/** Rows: channels whose lanes are kept at once. Free to choose. */
constexpr size_t CHANNELS_AT_ONCE = 32;

/** The groups first .. last − 1 of each channel. */
struct Groups {
  size_t first, last;
};

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

/**
 * Rows of columns, or of lanes: row r of `count` begins at element `position` + r·stride. The elements that lie `ahead`
 * of those at hand are fetched, unless that is 0.
 */
struct Strip {
  size_t position, count, stride, ahead;
};

/** The number of elements of each tensor that a walk in order fetches ahead. */
template <class Term>
constexpr size_t fetchedAhead() {
  return FETCHED_BYTES / (Term::TENSORS * sizeof(typename Term::Element));
}

/**
 * COUNT vectors of lanes side by side, as a chain of members: compilers would keep an array in memory and not in
 * registers.
 */
template <class V, class Term, size_t COUNT>
struct Block {
  using Sum = typename Traits<V>::Sum;
  static constexpr size_t LENGTH = Traits<V>::LENGTH;
  /** The distance from first sums to the next ones: after 16 of them lie 16 second sums. */
  static constexpr size_t NEXT = (COUNT - 1) * LENGTH % LANES == 0 ? LENGTH + LANES : LENGTH;
  Sum first, second;
  typename Term::template Parameters<V> parameters;
  Block<V, Term, COUNT - 1> rest;

  BN_INLINE void load(const double* lanes, const Term& term, size_t parameter, bool perColumn) {
    first = Traits<Sum>::load(lanes);
    second = Traits<Sum>::load(lanes + LANES);
    parameters = term.template parameters<V>(parameter, perColumn);
    rest.load(lanes + NEXT, term, parameter + (perColumn ? LENGTH : 0), perColumn);
  }
  BN_INLINE void add(const Term& term, size_t k) {
    term.template add<V>(first, second, k, parameters);
    rest.add(term, k + LENGTH);
  }
  BN_INLINE void save(double* lanes) const {
    store(lanes, first);
    store(lanes + LANES, second);
    rest.save(lanes + NEXT);
  }
};
template <class V, class Term>
struct Block<V, Term, 0> {
  BN_INLINE void load(const double*, const Term&, size_t, bool) {}
  BN_INLINE void add(const Term&, size_t) {}
  BN_INLINE void save(double*) const {}
};

/** Adds COUNT vectors side by side, their lanes in registers while the rows of the strip pass. */
template <class V, size_t COUNT, class Term>
BN_INLINE void addBlock(double* lanes, const Term& term, const Strip& strip, size_t j, size_t parameter,
                        bool perColumn) {
  constexpr size_t LINE = LINE_BYTES / sizeof(typename Term::Element);
  Block<V, Term, COUNT> block;
  block.load(lanes, term, parameter, perColumn);
  const size_t start = strip.position + j, end = start + strip.count * strip.stride;
  if (strip.ahead == 0) {
    for (size_t k = start; k != end; k += strip.stride) block.add(term, k);
  } else {
    for (size_t k = start; k != end; k += strip.stride) {
      BN_UNROLL
      for (size_t at = 0; at < COUNT * Traits<V>::LENGTH; at += LINE) term.fetch(k + strip.ahead + at);
      block.add(term, k);
    }
  }
  block.save(lanes);
}

/** The lane of column j among strips of 16 first sums and then 16 second sums. */
BN_INLINE double* lanesOf(double* lanes, size_t j) { return lanes + j / LANES * PAIR + j % LANES; }

/** Vectors at a time. With two doubles a vector, 16 registers have room for 8 lanes and not for 16. */
constexpr size_t BLOCK = D::LENGTH == 2 ? 4 : LANES / D::LENGTH;
/**
 * Vectors at a time in short rows: 32 registers of 8 doubles hold the lanes of rows of 64 columns, which are then read
 * in the order of memory. In longer rows that gains nothing.
 */
constexpr size_t WIDE_BLOCK = D::LENGTH == 8 ? 4 * BLOCK : BLOCK;

/** Adds rows of `width` columns; the parameters of column j are at j. */
template <class Term>
BN_NOINLINE void addColumns(double* lanes, const Term term, const Strip strip, size_t width) {
  using Part = typename Vectors<typename Term::Element>::Part;
  size_t j = 0;
  if (width < 2 * WIDE_BLOCK * Part::LENGTH) {
    for (; j + WIDE_BLOCK * Part::LENGTH <= width; j += WIDE_BLOCK * Part::LENGTH) {
      addBlock<Part, WIDE_BLOCK>(lanesOf(lanes, j), term, strip, j, j, true);
    }
  }
  for (; j + BLOCK * Part::LENGTH <= width; j += BLOCK * Part::LENGTH) {
    addBlock<Part, BLOCK>(lanesOf(lanes, j), term, strip, j, j, true);
  }
  for (; j + Part::LENGTH <= width; j += Part::LENGTH) addBlock<Part, 1>(lanesOf(lanes, j), term, strip, j, j, true);
  for (; j < width; ++j) addBlock<typename Term::Element, 1>(lanesOf(lanes, j), term, strip, j, j, true);
}

/** Adds one row (or segment) of a channel to its lanes: lane = index mod 16. */
template <class Term>
BN_NOINLINE void addRow(double* lanes, const Term term, size_t position, size_t ch, size_t length) {
  using Part = typename Vectors<typename Term::Element>::Part;
  // Half of the usual distance: the elements behind the end of a row may not be wanted soon.
  const Strip whole{position, length / LANES, LANES, fetchedAhead<Term>() / 2};
  for (size_t j = 0; j < LANES; j += BLOCK * Part::LENGTH) {
    addBlock<Part, BLOCK>(lanes + j, term, whole, j, ch, false);
  }
  const Strip rest{position + whole.count * LANES, 1, 1, 0};
  size_t j = 0;
  for (; j + Part::LENGTH <= length % LANES; j += Part::LENGTH) {
    addBlock<Part, 1>(lanes + j, term, rest, j, ch, false);
  }
  for (; j < length % LANES; ++j) addBlock<typename Term::Element, 1>(lanes + j, term, rest, j, ch, false);
}

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

inline void clear(double* lanes, size_t sets) { std::memset(lanes, 0, sets * PAIR * sizeof(double)); }

/** The columns of a channel are added to 16 lanes in turn, in order; then the lanes are folded. */
inline void foldColumns(const Totals& totals, size_t group, View v, Channels channels, const double* lanes) {
  const size_t row = (channels.last - channels.first) * v.s;
  if (v.s == 1 && stackedRows(v) == 1) {  // one column: the other lanes are +0
    for (size_t ch = channels.first; ch < channels.last; ++ch) {
      const double* from = lanes + (ch - channels.first) / LANES * PAIR + (ch - channels.first) % LANES;
      totals.add(group, ch, from[0], from[LANES]);
    }
    return;
  }
  for (size_t ch = channels.first; ch < channels.last; ++ch) {
    double folded[PAIR] = {};
    size_t to = 0;
    for (size_t stack = 0; stack < stackedRows(v); ++stack) {
      const size_t start = stack * row + (ch - channels.first) * v.s;
      for (size_t column = start; column < start + v.s; ++column, to = (to + 1) % LANES) {
        const double* from = lanes + column / LANES * PAIR + column % LANES;
        folded[to] += from[0];
        folded[LANES + to] += from[LANES];
      }
    }
    fold(totals, group, ch, folded);
  }
}

/** Columns: one lane for each column of a group of rows, or of 16 rows where these are stacked. */
template <class Term>
void reduceColumns(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  const size_t stacked = stackedRows(v), stride = stacked * v.c * v.s, step = maxOf(1, COLUMNS_AT_ONCE / v.s);
  const size_t strideBytes = stride * sizeof(typename Term::Element) * Term::TENSORS;
  const bool small = v.n * v.c * v.s * sizeof(typename Term::Element) <= SMALL_BYTES;
  const size_t fitting = minOf(maxOf(STRIP_BYTES / strideBytes, MIN_ROWS_AT_ONCE / Term::TENSORS), MAX_ROWS_AT_ONCE);
  const size_t atOnce = small ? v.n : fitting;
  // Where strips are not of whole rows, the same columns of the next strip come soon.
  const bool wholeRows = channels.last - channels.first == v.c && step >= v.c;
  const size_t ahead = small ? 0 : wholeRows ? fetchedAhead<Term>() : atOnce * stride;
  alignas(64) double lanes[2 * COLUMNS_AT_ONCE];
  typename Term::Columns memory;
  for (size_t block = channels.first; block < channels.last; block += step) {
    const Channels part{block, minOf(block + step, channels.last)};
    const Term perColumn = term.columns(memory, v, part);
    const size_t row = (part.last - part.first) * v.s, columns = stacked * row;
    for (size_t g = groups.first; g < groups.last; ++g) {
      const size_t start = g * groupRows(v), rows = minOf(groupRows(v), v.n - start), whole = rows / stacked;
      const size_t position = (start * v.c + block) * v.s;
      clear(lanes, divideUp(columns, LANES));
      for (size_t i = 0; i < whole; i += atOnce) {
        addColumns(lanes, perColumn, {position + i * stride, minOf(atOnce, whole - i), stride, ahead}, columns);
      }
      addColumns(lanes, perColumn, {position + whole * stride, 1, stride, 0}, rows % stacked * row);
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
      clear(lanes, count);
      for (size_t i = g * groupRows(v); i < end; ++i) {
        for (size_t b = 0; b < count; ++b) addRow(lanes + b * PAIR, term, (i * v.c + block + b) * v.s, block + b, v.s);
      }
      for (size_t b = 0; b < count; ++b) fold(totals, g, block + b, lanes + b * PAIR);
    }
  }
}

/** Rows that are groups by themselves, cut into segments where they are long; whole rows, or segments of one row. */
template <class Term>
void reduceLongRows(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  const size_t segments = segmentsOf(v);
  for (size_t next, start = groups.first; start < groups.last; start = next) {
    const size_t i = start / segments;
    next = minOf((i + 1) * segments, groups.last);
    for (size_t ch = channels.first; ch < channels.last; ++ch) {
      for (size_t g = start; g < next; ++g) {
        const size_t j = (g - i * segments) * SEGMENT;
        alignas(64) double lanes[PAIR] = {};
        addRow(lanes, term, (i * v.c + ch) * v.s + j, ch, minOf(SEGMENT, v.s - j));
        fold(totals, g, ch, lanes);
      }
    }
  }
}

/** Adds to the totals the two sums of these groups of these channels. */
template <class Term>
void reduceGroups(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  if (asColumns(v)) {
    reduceColumns(totals, term, v, groups, channels);
  } else if (!asLongRows(v)) {
    reduceShortRows(totals, term, v, groups, channels);
  } else {
    reduceLongRows(totals, term, v, groups, channels);
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
