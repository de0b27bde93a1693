// The walk of the elementwise kernels over a run of memory: vectors inside a row, or across channels where rows are
// short. Order is free here, so runs are cut into chunks and taken from the last to the first: what was read last for
// the sums is still in the caches.
//
// A map has, for V one of Full<T>, Part<T> and T:
//   Columns                                       memory for its parameters, broadcast to columns
//   Map columns(Columns&, View, Channels) const   a map that has its parameters for each column of these channels
//   Parameters<V> parameters<V>(size_t at, bool perColumn)
//                                                 the numbers of channel `at`, or of the columns of V from `at` on
//   void apply<STREAM, V>(size_t k, const Parameters<V>&)
//                                                 writes the elements from k on, past the caches if STREAM
//   T* output                                     the place of element 0 of the first output
//   TENSORS                                       the most tensors that it reads and writes
//   bool aligned()                                whether all outputs begin alike in their cache lines
#pragma once
#include "coefficients.h"
#include "stream.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Elementwise passes over rows shorter than this run across channels. */
constexpr size_t ACROSS_BELOW = 16;
/**
 * In tiles, elementwise passes over rows shorter than this run across channels. A tile has all rows of its channels, so
 * that coefficients are broadcast once for all of them, and outputs are written in longer runs.
 */
constexpr size_t TILES_ACROSS_BELOW = 64;
/**
 * Runs shorter than this are neither aligned nor written past the caches: a cache line that two of them share would
 * have to be put together first, which takes longer than it saves.
 */
constexpr size_t UNALIGNED_BELOW = 256;
/** A descending walk takes so many elements in order, and then those that lie in front of them. */
constexpr size_t CHUNK = 65536;

/** Writes the elements k .. end of one channel by vectors V as long as there are enough; returns where they end. */
template <bool STREAM, class V, class Map, class Parameters>
BN_INLINE size_t mapBy(const Map& map, size_t k, size_t end, const Parameters& parameters) {
  if constexpr (V::LENGTH > F::LENGTH) {
    for (; k + V::LENGTH <= end; k += V::LENGTH) map.template apply<STREAM, V>(k, parameters);
  } else {
    BN_UNROLL
    for (; k + V::LENGTH <= end; k += V::LENGTH) map.template apply<STREAM, V>(k, parameters);
  }
  return k;
}

/** Writes the elements k .. end of one channel, which are few: by vectors of half the width, then one by one. */
template <class Map, class Half, class Single>
BN_INLINE void mapFew(const Map& map, size_t k, size_t end, const Half& half, const Single& single) {
  using T = typename Map::Element;
  using Part = typename Vectors<T>::Part;
  for (; k + Part::LENGTH <= end; k += Part::LENGTH) map.template apply<false, Part>(k, half);
  singly(k, end, [&](size_t at) { map.template apply<false, Wide<T>>(at, single); });
}

/**
 * Writes `length` elements of a row of channel ch from k on: aligned where they are many, and then past the caches if
 * `streaming`; one by one at the ends.
 */
template <class Map>
BN_INLINE void mapRow(const Map& map, size_t k, size_t ch, size_t length, bool streaming) {
  using T = typename Map::Element;
  using Mapped = typename Vectors<T>::Mapped;
  using Part = typename Vectors<T>::Part;
  const size_t end = k + length;
  const auto single = map.template parameters<Wide<T>>(ch, false);
  const auto part = map.template parameters<Part>(ch, false);
  if (length >= UNALIGNED_BELOW) {
    const size_t aligned = k + toLine(map.output + k);
    mapFew(map, k, aligned, part, single);
    k = aligned;
  }
  const auto mapped = map.template parameters<Mapped>(ch, false);
  k = streaming && length >= UNALIGNED_BELOW ? mapBy<true, Mapped>(map, k, end, mapped)
                                             : mapBy<false, Mapped>(map, k, end, mapped);
  mapFew(map, k, end, part, single);
}

/**
 * Writes elements k .. end by vectors V and then one by one, from column j on and round the end of a row. Returns the
 * column behind them.
 */
template <class V, class Map>
BN_INLINE size_t mapPiece(const Map& map, size_t k, size_t end, size_t j, size_t columns) {
  for (; k + Traits<V>::LENGTH <= end; k += Traits<V>::LENGTH) {
    map.template apply<false, V>(k, map.template parameters<V>(j, true));
    j += Traits<V>::LENGTH;
    if (j >= columns) j -= columns;
  }
  if constexpr (Traits<V>::LENGTH > 1) return mapPiece<Wide<typename Map::Element>>(map, k, end, j, columns);
  return j;
}

/** mapPiece for the ends of a run, which is long or nothing beside its call. */
template <class Map>
BN_NOINLINE size_t mapEnd(const Map& map, size_t k, size_t end, size_t j, size_t columns) {
  return mapPiece<typename Vectors<typename Map::Element>::Part>(map, k, end, j, columns);
}

/** Writes `length` elements from k on by vectors V, whose parameters begin with those of column j. */
template <bool STREAM, class V, class Map>
BN_INLINE void mapVectors(const Map& map, size_t k, size_t j, size_t length) {
  if constexpr (V::LENGTH > F::LENGTH) {
    for (size_t q = 0; q < length; q += V::LENGTH) {
      map.template apply<STREAM, V>(k + q, map.template parameters<V>(j + q, true));
    }
  } else {
    BN_UNROLL
    for (size_t q = 0; q < length; q += V::LENGTH) {
      map.template apply<STREAM, V>(k + q, map.template parameters<V>(j + q, true));
    }
  }
}

/** Where a walk across columns is: at element k, in column j. */
struct InColumns {
  size_t k, j;
};

/** Writes elements up to `end` of rows of `columns` columns by vectors V, as many as there are. */
template <class V, class Map>
BN_INLINE InColumns mapRows(const Map& map, InColumns at, size_t end, size_t columns, bool streaming) {
  auto [k, j] = at;
  while (k + V::LENGTH <= end) {
    const size_t inRow = divideUp(columns - j, V::LENGTH), vectors = minOf(inRow, (end - k) / V::LENGTH);
    const size_t length = vectors * V::LENGTH;
    streaming ? mapVectors<true, V>(map, k, j, length) : mapVectors<false, V>(map, k, j, length);
    k += length;
    j += length;
    if (j >= columns) j -= columns;
  }
  return {k, j};
}

/** Writes elements k .. end of rows of `columns` columns, from column j on. Parameters go on round the end of a row. */
template <class Map>
BN_INLINE void mapColumns(const Map& given, size_t k, size_t end, size_t j, size_t columns, bool streaming) {
  using T = typename Map::Element;
  const Map map = given;
  const bool aligns = end - k >= UNALIGNED_BELOW;
  if (aligns) {
    const size_t aligned = k + toLine(map.output + k);
    j = mapEnd(given, k, aligned, j, columns);
    k = aligned;
  }
  InColumns at{k, j};
  if constexpr (IS_APART<T>) {
    if (map.coefs.areApart) at = mapRows<typename Vectors<T>::Mapped>(map, at, end, columns, streaming && aligns);
  }
  at = mapRows<typename Vectors<T>::Full>(map, at, end, columns, streaming && aligns);
  mapEnd(given, at.k, end, at.j, columns);
}

/**
 * Visits elements k .. end along the rows of channels. A visit copies its map: otherwise the compiler would load the
 * pointers anew after every store.
 */
struct Along {
  View v;
  size_t into;  // elements of the tensor that lie in front of element 0

  Along from(size_t k) const { return {v, into + k}; }

  template <class Map>
  BN_NOINLINE void visit(const Map& given, size_t k, size_t end, bool streaming) const {
    const Map map = given;
    size_t ch = (k + into) / v.s % v.c, length = v.s - (k + into) % v.s;
    for (; k < end; k += length, length = v.s, ch = ch + 1 == v.c ? 0 : ch + 1) {
      length = minOf(length, end - k);
      mapRow(map, k, ch, length, streaming);
    }
  }
};

/** Visits elements k .. end across channels, in rows of columns; element 0 is column `into` of one. */
struct Across {
  size_t into, columns;

  Across from(size_t k) const { return {into + k, columns}; }

  template <class Map>
  BN_NOINLINE void visit(const Map& given, size_t k, size_t end, bool streaming) const {
    mapColumns(given, k, end, (k + into) % columns, columns, streaming);
  }
};

/** The manner in which a run of memory is written. */
struct Manner {
  /** Outputs are written past the caches. */
  bool streaming;
  /** The last chunks come first: they were read just before. */
  bool descending;
};

/** Visits elements k .. end strip by strip. Strips begin at a cache line of the output. */
template <class Map, class Visit>
BN_NOINLINE void visitStrips(const Map& map, size_t k, size_t end, bool streaming, const Visit& visit) {
  for (size_t next; k < end; k = next) {
    next = minOf(k + STRIP_LENGTH<Map::TENSORS> - intoLine(map.output + k), end);
    Strips<Map::TENSORS> strips(map.format, {k, 1, 0, next - k, streaming ? map.ahead : 0});
    const auto floats = map.widened(strips);
    visit.from(k).visit(floats, 0, next - k, false);
    strips.finish(streaming);
  }
}

/** Visits the elements first .. last in chunks. */
template <class Map, class Visit>
void inChunks(const Map& map, size_t first, size_t last, Manner manner, const Visit& visit) {
  const bool streaming = manner.streaming && map.aligned();
  for (size_t end = last; end > first;) {
    const size_t start = manner.descending && end - first > CHUNK ? end - CHUNK : first;
    if constexpr (BY_STRIPS<typename Map::Element>) {
      visitStrips(map, start, end, streaming, visit);
    } else {
      visit.visit(map, start, end, streaming);
    }
    end = start;
  }
}

/** Writes the elements first .. last of all channels, along their rows. */
template <class Map>
void mapAlong(const Map& map, View v, size_t first, size_t last, Manner manner) {
  inChunks(map, first, last, {manner.streaming && v.s >= UNALIGNED_BELOW, manner.descending}, Along{v, 0});
  if (manner.streaming) drain();
}

/** Writes rows first .. last of these channels, across the channels. Where rows are stacked, these are whole stacks. */
template <class Map>
void mapAcross(const Map& map, View v, size_t firstRow, size_t lastRow, Channels channels, Manner manner) {
  const size_t row = v.c * v.s, step = v.s == 1 ? v.c : COLUMNS_AT_ONCE / v.s;
  typename Map::Columns memory;
  for (size_t block = channels.first; block < channels.last; block += step) {
    const Channels part{block, minOf(block + step, channels.last)};
    const Map perColumn = map.columns(memory, v, part);
    const size_t width = (part.last - part.first) * v.s;
    if (width == row && (row <= COLUMNS_AT_ONCE || v.s == 1)) {
      inChunks(perColumn, firstRow * row, lastRow * row, manner, Across{0, stackedRows(v) * width});
      continue;
    }
    for (size_t n = 0; n < lastRow - firstRow; ++n) {
      const size_t i = manner.descending ? lastRow - 1 - n : firstRow + n, start = i * row + block * v.s;
      inChunks(perColumn, start, start + width, {manner.streaming, false}, Across{width - start % width, width});
    }
  }
  if (manner.streaming) drain();
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
