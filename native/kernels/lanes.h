// Strips of rows on their way into lanes: a block of vectors side by side has its lanes in registers while the rows of
// a strip pass. docs/numerics.md, section 2, defines the lanes.
//
// A term has, for V one of Part<T> and T:
//   TENSORS                                        the number of tensors that it reads
//   BY_FULL                                        whether V may be Full<T>, too, which then is the fastest
//   void fetch(size_t k)                           asks for the elements from k on
//   Columns                                        memory for its parameters, broadcast to columns
//   Term columns(Columns&, View, Channels) const   a term that has its parameters for each column of these channels
//   Parameters<V> parameters<V>(size_t at, bool perColumn)
//                                                  the numbers of channel `at`, or of the columns of V from `at` on
//   void add<V>(Sum& first, Sum& second, size_t k, const Parameters<V>&)
//                                                  adds the terms of the elements from k on
#pragma once
#include <cstring>

#include "strips.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Columns whose lanes are kept at once, in 16 KB. At least those of a channel and of a stack; else free to choose. */
constexpr size_t COLUMNS_AT_ONCE = 1024;
/**
 * The distance from the first sum of a column to its second one. First sums lie side by side, so that a vector of them
 * can begin at any column. A line more than the columns: sums that lie a page apart would wait for each other.
 */
constexpr size_t COLUMNS_APART = COLUMNS_AT_ONCE + 8;
/** Doubles that hold the lanes of COLUMNS_AT_ONCE columns. */
constexpr size_t COLUMN_LANES = 2 * COLUMNS_APART;

/**
 * Rows of columns, or of lanes: row r of `count` begins at element `position` + r·stride. The elements that lie `ahead`
 * of those at hand are fetched, unless that is 0. Lanes are +0 before a strip that `begins` a group, whatever is there.
 */
struct Strip {
  size_t position, count, stride, ahead;
  bool begins;
};

/** The number of elements of each tensor that a walk in order fetches ahead. */
template <class Term>
constexpr size_t fetchedAhead() {
  return FETCHED_BYTES / (Term::TENSORS * sizeof(typename Term::Element));
}

/** Tensors of at most so many bytes together are in the second cache. */
constexpr size_t NEAR_BYTES = 1048576;

/** The bytes of the tensors that a term reads. */
template <class Term>
size_t bytesOf(View v) {
  return v.n * v.c * v.s * sizeof(typename Term::Element) * Term::TENSORS;
}

/**
 * COUNT vectors of lanes side by side, second sums APART from first ones. They are a chain of members: compilers would
 * keep an array in memory and not in registers.
 */
template <class V, class Term, size_t APART, size_t COUNT>
struct Block {
  using Sum = typename Traits<V>::Sum;
  static constexpr size_t LENGTH = Traits<V>::LENGTH;
  Sum first, second;
  typename Term::template Parameters<V> parameters;
  Block<V, Term, APART, COUNT - 1> rest;

  BN_INLINE void take(const Term& term, size_t parameter, bool perColumn) {
    parameters = term.template parameters<V>(parameter, perColumn);
    rest.take(term, parameter + (perColumn ? LENGTH : 0), perColumn);
  }
  BN_INLINE void clear() {
    first = second = Traits<Sum>::splat(0.0);
    rest.clear();
  }
  BN_INLINE void load(const double* lanes) {
    first = Traits<Sum>::load(lanes);
    second = Traits<Sum>::load(lanes + APART);
    rest.load(lanes + LENGTH);
  }
  BN_INLINE void add(const Term& term, size_t k) {
    term.template add<V>(first, second, k, parameters);
    rest.add(term, k + LENGTH);
  }
  BN_INLINE void save(double* lanes) const {
    store(lanes, first);
    store(lanes + APART, second);
    rest.save(lanes + LENGTH);
  }
};
template <class V, class Term, size_t APART>
struct Block<V, Term, APART, 0> {
  BN_INLINE void take(const Term&, size_t, bool) {}
  BN_INLINE void clear() {}
  BN_INLINE void load(const double*) {}
  BN_INLINE void add(const Term&, size_t) {}
  BN_INLINE void save(double*) const {}
};

/** Adds COUNT vectors side by side, their lanes in registers while the rows of the strip pass. */
template <class V, size_t APART, size_t COUNT, class Term>
BN_INLINE void addBlock(double* lanes, const Term& term, const Strip& strip, size_t j, size_t parameter,
                        bool perColumn) {
  constexpr size_t LINE = LINE_BYTES / sizeof(typename Term::Element);
  Block<V, Term, APART, COUNT> block;
  block.take(term, parameter, perColumn);
  if (strip.begins) {
    block.clear();
  } else {
    block.load(lanes);
  }
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

/**
 * Adds COUNT vectors of the rows of two channels that follow each other, `apart` elements from one row to the other:
 * the additions of one row fill the time for which those of the other one wait.
 */
template <class V, size_t COUNT, class Term>
BN_INLINE void addBlocks(double* lanes, const Term& term, const Strip& strip, size_t apart, size_t ch) {
  Block<V, Term, LANES, COUNT> one, other;
  one.take(term, ch, false);
  other.take(term, ch + 1, false);
  one.load(lanes);
  other.load(lanes + PAIR);
  for (size_t k = strip.position, end = k + strip.count * strip.stride; k != end; k += strip.stride) {
    term.fetch(k + strip.ahead);
    term.fetch(k + apart + strip.ahead);
    one.add(term, k);
    other.add(term, k + apart);
  }
  one.save(lanes);
  other.save(lanes + PAIR);
}

/** Vectors at a time. With two doubles a vector, 16 registers have room for 8 lanes and not for 16. */
constexpr size_t BLOCK = D::LENGTH == 2 ? 4 : LANES / D::LENGTH;
/**
 * Vectors at a time in short rows: 32 registers of 8 doubles hold the lanes of rows of 64 columns, which are then read
 * in the order of memory. In longer rows that gains nothing.
 */
constexpr size_t WIDE_BLOCK = D::LENGTH == 8 ? 4 * BLOCK : BLOCK;

/** Adds as many elements as COUNT vectors Part have, side by side. */
template <size_t APART, size_t COUNT, class Term>
BN_INLINE void addMany(double* lanes, const Term& term, const Strip& strip, size_t j, size_t parameter,
                       bool perColumn) {
  using Part = typename Vectors<typename Term::Element>::Part;
  using V = typename Summand<typename Term::Element, Term::BY_FULL>::Vector;
  addBlock<V, APART, COUNT * Part::LENGTH / V::LENGTH>(lanes, term, strip, j, parameter, perColumn);
}

/** Adds `width` columns of rows, which begin with column `first`: the parameters of column j are at j. */
template <class Term>
BN_NOINLINE void addColumns(double* lanes, const Term term, const Strip strip, size_t width, size_t first = 0) {
  using Part = typename Vectors<typename Term::Element>::Part;
  size_t j = 0;
  if (width < 2 * WIDE_BLOCK * Part::LENGTH) {
    for (; j + WIDE_BLOCK * Part::LENGTH <= width; j += WIDE_BLOCK * Part::LENGTH) {
      addMany<COLUMNS_APART, WIDE_BLOCK>(lanes + first + j, term, strip, j, first + j, true);
    }
  }
  for (; j + BLOCK * Part::LENGTH <= width; j += BLOCK * Part::LENGTH) {
    addMany<COLUMNS_APART, BLOCK>(lanes + first + j, term, strip, j, first + j, true);
  }
  for (; j + Part::LENGTH <= width; j += Part::LENGTH) {
    addBlock<Part, COLUMNS_APART, 1>(lanes + first + j, term, strip, j, first + j, true);
  }
  for (; j < width; ++j)
    addBlock<Wide<typename Term::Element>, COLUMNS_APART, 1>(lanes + first + j, term, strip, j, first + j, true);
}

/** Rows from this length on are added two at a time: in shorter ones a processor sees the next row early enough. */
constexpr size_t PAIRED_FROM = 512;
/** Bytes that are in the last cache. Memory sends two rows at once more slowly than one. */
constexpr size_t SURELY_CACHED = 4194304;

/**
 * Whether rows of two channels are added at once. It pays where one tensor is read by two vectors a sum, since these
 * leave an adder idle; four do not, and two times four do not fit 16 registers.
 */
template <class Term>
bool asPairs(View v) {
  return D::LENGTH == LANES / 2 && Term::TENSORS == 1 && v.s >= PAIRED_FROM && bytesOf<Term>(v) <= SURELY_CACHED;
}

/** Adds what 16 lanes leave over of a row (or segment) of a channel. */
template <class Term>
BN_INLINE void addRest(double* lanes, const Term& term, size_t position, size_t ch, size_t length) {
  using Part = typename Vectors<typename Term::Element>::Part;
  const Strip rest{position + length / LANES * LANES, 1, 1, 0, false};
  size_t j = 0;
  for (; j + Part::LENGTH <= length % LANES; j += Part::LENGTH) {
    addBlock<Part, LANES, 1>(lanes + j, term, rest, j, ch, false);
  }
  singly(j, length % LANES,
         [&](size_t at) { addBlock<Wide<typename Term::Element>, LANES, 1>(lanes + at, term, rest, at, ch, false); });
}

/** How far ahead rows are fetched: half of the usual distance, since what lies behind a row may not be wanted soon. */
template <class Term>
constexpr size_t ROW_AHEAD = fetchedAhead<Term>() / 2;

/** Adds one row (or segment) of a channel to its lanes: lane = index mod 16. */
template <class Term>
BN_NOINLINE void addRow(double* lanes, const Term term, size_t position, size_t ch, size_t length, size_t ahead) {
  using Part = typename Vectors<typename Term::Element>::Part;
  const Strip whole{position, length / LANES, LANES, ahead, false};
  for (size_t j = 0; j < LANES; j += BLOCK * Part::LENGTH) {
    addMany<LANES, BLOCK>(lanes + j, term, whole, j, ch, false);
  }
  addRest(lanes, term, position, ch, length);
}

/** Adds rows (or segments) of the channels ch and ch + 1, `apart` elements from each other, to their lanes. */
template <class Term>
BN_NOINLINE void addTwoRows(double* lanes, const Term term, size_t position, size_t apart, size_t ch, size_t length) {
  if constexpr (D::LENGTH == LANES / 2) {
    using Part = typename Vectors<typename Term::Element>::Part;
    const Strip whole{position, length / LANES, LANES, ROW_AHEAD<Term>, false};
    addBlocks<Part, BLOCK>(lanes, term, whole, apart, ch);
    addRest(lanes, term, position, ch, length);
    addRest(lanes + PAIR, term, position + apart, ch + 1, length);
  }
}

/** Adds rows (or segments) of `count` channels from ch on, one behind the other's end, to their lanes. */
template <class Term>
void addFloatRows(double* lanes, const Term& term, View v, size_t position, size_t ch, size_t count, size_t length,
                  size_t ahead) {
  size_t b = 0;
  if (asPairs<Term>(v)) {
    for (; b + 2 <= count; b += 2) addTwoRows(lanes + b * PAIR, term, position + b * v.s, v.s, ch + b, length);
  }
  for (; b < count; ++b) addRow(lanes + b * PAIR, term, position + b * v.s, ch + b, length, ahead);
}

/** addRows by strips: as many rows as one holds, or pieces of a row, are widened and added. */
template <class Term>
void addWidenedRows(double* lanes, const Term& term, View v, size_t position, size_t ch, size_t count, size_t length) {
  constexpr size_t LENGTH = STRIP_LENGTH<Term::TENSORS>;
  const size_t together = length == v.s ? maxOf(1, LENGTH / length) : 1;
  for (size_t b = 0; b < count; b += together) {
    const size_t rows = minOf(together, count - b);
    for (size_t j = 0; j < length; j += LENGTH) {
      const size_t piece = minOf(LENGTH, length - j);
      Strips<Term::TENSORS> strips(term.format, {position + b * v.s + j, 1, 0, rows * piece, ROW_AHEAD<Term>});
      const auto floats = term.widened(strips);
      addFloatRows(lanes + b * PAIR, floats, {v.n, v.c, piece}, 0, ch + b, rows, piece, 0);
    }
  }
}

/** Adds rows (or segments) of `count` channels from ch on, one behind the other's end, to their lanes. */
template <class Term>
void addRows(double* lanes, const Term& term, View v, size_t position, size_t ch, size_t count, size_t length) {
  if constexpr (BY_STRIPS<typename Term::Element>) {
    addWidenedRows(lanes, term, v, position, ch, count, length);
  } else {
    addFloatRows(lanes, term, v, position, ch, count, length, ROW_AHEAD<Term>);
  }
}

/** Columns that are widened and added at once, of as many rows as a strip of elements holds. */
constexpr size_t COLUMNS_WIDENED = 256;

/** Adds a strip of rows of columns. */
template <class Term>
void addStrip(double* lanes, const Term& term, const Strip& strip, size_t width) {
  if constexpr (BY_STRIPS<typename Term::Element>) {
    for (size_t j = 0; j < width; j += COLUMNS_WIDENED) {
      const size_t columns = minOf(COLUMNS_WIDENED, width - j), together = STRIP_LENGTH<Term::TENSORS> / columns;
      for (size_t row = 0; row < strip.count; row += together) {
        const size_t rows = minOf(together, strip.count - row);
        Strips<Term::TENSORS> strips(
            term.format, {strip.position + row * strip.stride + j, rows, strip.stride, columns, strip.ahead});
        const auto floats = term.widened(strips);
        addColumns(lanes, floats, {0, rows, columns, 0, strip.begins && row == 0}, columns, j);
      }
    }
  } else {
    addColumns(lanes, term, strip, width);
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
