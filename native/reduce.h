// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a term says what is summed.
//
// A term has, for V one of Part<T> and T:
//   Columns                                          memory for its parameters, spread over columns
//   Term columns(Columns&, View, Channels) const     the same term with its parameters one for each column of these
//                                                    channels
//   Parameters<V> parameters<V>(size_t at, bool spread)   what it needs per channel: of one channel, or of V columns
//   void add<V>(Sum& first, Sum& second, size_t k, const Parameters<V>&)   adds the terms of the elements from k on
#pragma once
#include <cstring>

#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Columns: rows whose contribution to a strip is summed at once. Free to choose: it does not change the order. */
constexpr size_t ROWS_AT_ONCE = 8;
/** Columns whose lanes are kept at once, in 16 KB; at least those of a channel and of a stack. Free to choose. */
constexpr size_t COLUMNS_AT_ONCE = 1024;
/** Rows: channels whose lanes are kept at once. Free to choose. */
constexpr size_t CHANNELS_AT_ONCE = 32;

struct Channels {
  size_t first, last;
};
struct Groups {
  size_t first, last;
};

/** Where the sums of a group go: all to the same place, or (stride) each group to a place of its own. */
struct Totals {
  double* sums;
  size_t c, stride;

  void add(size_t group, size_t ch, double first, double second) const {
    double* to = sums + group * stride;
    to[ch] += first;
    to[c + ch] += second;
  }
};

/** Where a strip lies: row r of `count` is x[position + r·stride ...]; its parameters are at `parameter` (+ j if
 * spread). */
struct Strip {
  size_t position, parameter;
  bool spread;
  size_t width, count, stride;
};

/** Adds COUNT vectors side by side, their lanes in registers while the rows of the strip pass. */
template <class V, size_t COUNT, class Term>
inline void addBlock(double* lanes, const Term& term, const Strip& strip, size_t j) {
  using Sum = typename Traits<V>::Sum;
  constexpr size_t LENGTH = Traits<V>::LENGTH;
  Sum first[COUNT], second[COUNT];
  typename Term::template Parameters<V> parameters[COUNT];
  for (size_t b = 0; b < COUNT; ++b) {
    first[b] = Traits<Sum>::load(lanes + j + b * LENGTH);
    second[b] = Traits<Sum>::load(lanes + LANES + j + b * LENGTH);
    parameters[b] = term.template parameters<V>(strip.parameter + (strip.spread ? j + b * LENGTH : 0), strip.spread);
  }
  for (size_t r = 0, k = strip.position + j; r < strip.count; ++r, k += strip.stride) {
    for (size_t b = 0; b < COUNT; ++b) term.template add<V>(first[b], second[b], k + b * LENGTH, parameters[b]);
  }
  for (size_t b = 0; b < COUNT; ++b) {
    store(lanes + j + b * LENGTH, first[b]);
    store(lanes + LANES + j + b * LENGTH, second[b]);
  }
}

/** Adds a strip to its lanes. Two doubles a vector leave room in 16 registers for 8 lanes at a time, not for 16. */
template <class Term>
void addStrip(double* lanes, const Term& term, const Strip& strip) {
  using Part = typename Vectors<typename Term::Element>::Part;
  constexpr size_t COUNT = D::LENGTH == 2 ? 4 : LANES / D::LENGTH;
  size_t j = 0;
  for (; j + COUNT * Part::LENGTH <= strip.width; j += COUNT * Part::LENGTH)
    addBlock<Part, COUNT>(lanes, term, strip, j);
  for (; j + Part::LENGTH <= strip.width; j += Part::LENGTH) addBlock<Part, 1>(lanes, term, strip, j);
  for (; j < strip.width; ++j) addBlock<typename Term::Element, 1>(lanes, term, strip, j);
}

/** Adds one row (or segment) of a channel to its lanes: lane = index mod 16. */
template <class Term>
void addRow(double* lanes, const Term& term, size_t position, size_t ch, size_t length) {
  const size_t whole = length / LANES, rest = length % LANES;
  if (whole > 0) addStrip(lanes, term, {position, ch, false, LANES, whole, LANES});
  if (rest > 0) addStrip(lanes, term, {position + whole * LANES, ch, false, rest, 1, LANES});
}

/** 16 lanes to one sum: halves are added until one is left. */
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

/** Adds `count` rows of `width` columns, from element k on. */
template <class Term>
void addColumns(double* lanes, const Term& term, size_t k, size_t width, size_t count, size_t stride) {
  for (size_t j = 0; j < width; j += LANES) {
    addStrip(lanes + 2 * j, term, {k + j, j, true, least(LANES, width - j), count, stride});
  }
}

/** Columns: one lane for each column of a group of rows, or of 16 rows where these are stacked. */
template <class Term>
void reduceColumns(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  const size_t stacked = stackedRows(v), stride = stacked * v.c * v.s, step = most(1, COLUMNS_AT_ONCE / v.s);
  alignas(64) double lanes[2 * COLUMNS_AT_ONCE];
  typename Term::Columns memory;
  for (size_t block = channels.first; block < channels.last; block += step) {
    const Channels part{block, least(block + step, channels.last)};
    const Term spread = term.columns(memory, v, part);
    const size_t row = (part.last - part.first) * v.s, columns = stacked * row;
    for (size_t g = groups.first; g < groups.last; ++g) {
      const size_t start = g * groupRows(v), rows = least(groupRows(v), v.n - start), whole = rows / stacked;
      const size_t position = (start * v.c + block) * v.s;
      clear(lanes, divideUp(columns, LANES));
      for (size_t i = 0; i < whole; i += ROWS_AT_ONCE) {
        addColumns(lanes, spread, position + i * stride, columns, least(ROWS_AT_ONCE, whole - i), stride);
      }
      addColumns(lanes, spread, position + whole * stride, rows % stacked * row, 1, stride);
      foldColumns(totals, g, v, part, lanes);
    }
  }
}

/** Rows that share a group: the lanes of a block of channels stay while the rows pass, so memory is walked in order. */
template <class Term>
void reduceShortRows(const Totals& totals, const Term& term, View v, Groups groups, Channels channels) {
  alignas(64) double lanes[CHANNELS_AT_ONCE * PAIR];
  for (size_t block = channels.first; block < channels.last; block += CHANNELS_AT_ONCE) {
    const size_t count = least(CHANNELS_AT_ONCE, channels.last - block);
    for (size_t g = groups.first; g < groups.last; ++g) {
      const size_t end = least((g + 1) * groupRows(v), v.n);
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
    next = least((i + 1) * segments, groups.last);
    for (size_t ch = channels.first; ch < channels.last; ++ch) {
      for (size_t g = start; g < next; ++g) {
        const size_t j = (g - i * segments) * SEGMENT;
        alignas(64) double lanes[PAIR] = {};
        addRow(lanes, term, (i * v.c + ch) * v.s + j, ch, least(SEGMENT, v.s - j));
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

/** Values per channel to values per column, for vectors that run across channels. */
template <class T>
void spread(T* columns, const T* values, View v, Channels channels) {
  for (size_t row = 0; row < stackedRows(v); ++row) {
    for (size_t ch = channels.first; ch < channels.last; ++ch) {
      for (size_t j = 0; j < v.s; ++j) *columns++ = values[ch];
    }
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
