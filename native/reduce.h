// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a term says what is summed.
//
// A term has, for V one of Part<T> and T:
//   Parameters<V> parameters<V>(size_t at, bool spread)   what it needs per channel: of one channel, or of V columns
//   void add<V>(Sum& first, Sum& second, size_t k, const Parameters<V>&)   adds the terms of the elements from k on
#pragma once
#include <cstring>

#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

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

/** Adds the fold of a pair of lanes to the totals of a channel. */
inline void fold(double* totals, size_t ch, size_t c, const double* lanes) {
  totals[ch] += foldLanes(lanes);
  totals[c + ch] += foldLanes(lanes + LANES);
}

inline void clear(double* lanes, size_t sets) { std::memset(lanes, 0, sets * PAIR * sizeof(double)); }

/** The columns of a channel are added to 16 lanes in turn, in order; then the lanes are folded. */
inline void foldColumns(double* totals, View v, const double* lanes, double* spare) {
  const size_t columns = columnsOf(v);
  for (size_t ch = 0; ch < v.c; ++ch) {
    clear(spare, 1);
    size_t to = 0;
    for (size_t start = ch * v.s; start < columns; start += v.c * v.s) {
      for (size_t column = start; column < start + v.s; ++column, to = (to + 1) % LANES) {
        const double* from = lanes + column / LANES * PAIR + column % LANES;
        spare[to] += from[0];
        spare[LANES + to] += from[LANES];
      }
    }
    fold(totals, ch, v.c, spare);
  }
}

/** Adds `count` rows of `width` columns, from element k on. */
template <class Term>
void addColumns(double* lanes, const Term& term, size_t k, size_t width, size_t count, size_t stride) {
  for (size_t j = 0; j < width; j += LANES) {
    addStrip(lanes + 2 * j, term, {k + j, j, true, least(LANES, width - j), count, stride});
  }
}

/** Columns: one lane for each of the c·s columns of a group of rows, or of 16 rows where these are stacked. */
template <class Term>
void reduceColumns(double* totals, const Term& term, View v, double* lanes) {
  const size_t columns = columnsOf(v), strips = laneSets(v);
  const size_t groupSize = groupRows(v.s) / stackedRows(v) * columns, size = v.n * v.c * v.s;
  for (size_t start = 0; start < size; start += groupSize) {
    const size_t end = least(start + groupSize, size), whole = end - (end - start) % columns;
    clear(lanes, strips);
    for (size_t k = start; k < whole; k += ROWS_AT_ONCE * columns) {
      addColumns(lanes, term, k, columns, least(ROWS_AT_ONCE, (whole - k) / columns), columns);
    }
    addColumns(lanes, term, whole, end - whole, 1, columns);
    foldColumns(totals, v, lanes, lanes + strips * PAIR);
  }
}

/** Rows that share a group: the lanes of a block of channels stay while the rows pass, so memory is walked in order. */
template <class Term>
void reduceShortRows(double* totals, const Term& term, View v, double* lanes) {
  for (size_t block = 0; block < v.c; block += CHANNELS_AT_ONCE) {
    const size_t channels = least(CHANNELS_AT_ONCE, v.c - block);
    for (size_t start = 0; start < v.n; start += groupRows(v.s)) {
      const size_t end = least(start + groupRows(v.s), v.n);
      clear(lanes, channels);
      for (size_t i = start; i < end; ++i) {
        for (size_t b = 0; b < channels; ++b) {
          addRow(lanes + b * PAIR, term, (i * v.c + block + b) * v.s, block + b, v.s);
        }
      }
      for (size_t b = 0; b < channels; ++b) fold(totals, block + b, v.c, lanes + b * PAIR);
    }
  }
}

/** Rows that are groups by themselves, cut into segments where they are long. */
template <class Term>
void reduceLongRows(double* totals, const Term& term, View v, double* lanes) {
  for (size_t i = 0; i < v.n; ++i) {
    for (size_t ch = 0; ch < v.c; ++ch) {
      for (size_t j = 0; j < v.s; j += SEGMENT) {
        clear(lanes, 1);
        addRow(lanes, term, (i * v.c + ch) * v.s + j, ch, least(SEGMENT, v.s - j));
        fold(totals, ch, v.c, lanes);
      }
    }
  }
}

/** totals[ch], totals[c + ch] ← the two sums of channel ch. */
template <class Term>
void reduce(double* totals, const Term& term, View v, double* lanes) {
  std::memset(totals, 0, 2 * v.c * sizeof(double));
  if (v.s < COLUMNS_BELOW) {
    reduceColumns(totals, term, v, lanes);
  } else if (groupRows(v.s) > 1) {
    reduceShortRows(totals, term, v, lanes);
  } else {
    reduceLongRows(totals, term, v, lanes);
  }
}

/** Values per channel to values per column, for vectors that run across channels. */
template <class T>
void spread(T* columns, const T* channels, View v) {
  for (size_t row = 0; row < stackedRows(v); ++row) {
    for (size_t ch = 0; ch < v.c; ++ch) {
      for (size_t j = 0; j < v.s; ++j) *columns++ = channels[ch];
    }
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
