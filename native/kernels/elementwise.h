// The walk of the elementwise kernels over a run of memory: vectors inside a row, or across channels where rows are
// short. Order is free here, so runs are cut into chunks and taken from the last to the first: what was read last for
// the sums is still in the caches.
//
// A map has, for V one of Full<T>, Part<T> and T:
//   Columns                                            memory for its parameters, spread over columns
//   Map columns(Columns&, View, Channels) const        the same map with its parameters one for each column
//   Parameters<V> parameters<V>(size_t at, bool perColumn)    of one channel, or of V columns
//   void apply<STREAM, V>(size_t k, const Parameters<V>&)  writes the elements from k on, past the caches if STREAM
//   T* output                                          where element 0 of the first output goes
//   bool aligned()                                     whether all outputs begin alike in their cache lines
#pragma once
#include "reduce.h"
#include "stream.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Elementwise passes over rows shorter than this run across channels. */
constexpr size_t ACROSS_BELOW = 16;
/** The same in tiles, which have all rows of a channel: what is spread over columns serves them all. (128,1024,7,7)
 * took 0.7 of the time backward, 0.6 forward, since what is written lies in longer runs. */
constexpr size_t TILES_ACROSS_BELOW = 64;
/** Shorter rows are neither aligned nor written past the caches: what they share of a cache line would have to be put
 * together first, which took twice the time at 7×7. */
constexpr size_t UNALIGNED_BELOW = 256;
/** Elements that are taken in order, before those that lie in front of them. */
constexpr size_t CHUNK = 65536;

/** Elements of one row of a channel: aligned where it is long, and in smaller vectors at its ends. */
template <bool STREAM, class Map>
BN_INLINE void mapRow(const Map& map, size_t k, size_t ch, size_t length) {
  using T = typename Map::Element;
  using Full = typename Vectors<T>::Full;
  using Part = typename Vectors<T>::Part;
  const size_t end = k + length;
  const auto single = map.template parameters<T>(ch, false);
  if (length >= UNALIGNED_BELOW) {
    BN_SINGLY
    for (const size_t aligned = k + toLine(map.output + k); k < aligned; ++k) map.template apply<false, T>(k, single);
  }
  const auto full = map.template parameters<Full>(ch, false);
  BN_UNROLL
  for (; k + Full::LENGTH <= end; k += Full::LENGTH) map.template apply<STREAM, Full>(k, full);
  const auto part = map.template parameters<Part>(ch, false);
  for (; k + Part::LENGTH <= end; k += Part::LENGTH) map.template apply<false, Part>(k, part);
  BN_SINGLY
  for (; k < end; ++k) map.template apply<false, T>(k, single);
}

/** Elements k .. end by vectors V and then one by one, from column j on, round the end of a row; the column behind
 * them.
 */
template <class V, class Map>
BN_INLINE size_t mapPiece(const Map& map, size_t k, size_t end, size_t j, size_t columns) {
  for (; k + Traits<V>::LENGTH <= end; k += Traits<V>::LENGTH) {
    map.template apply<false, V>(k, map.template parameters<V>(j, true));
    j += Traits<V>::LENGTH;
    if (j >= columns) j -= columns;
  }
  if constexpr (Traits<V>::LENGTH > 1) return mapPiece<typename Map::Element>(map, k, end, j, columns);
  return j;
}

/** Elements of rows of `columns` columns, from column j on; the parameters go on round the end of a row. */
template <bool STREAM, class Map>
BN_INLINE void mapColumns(const Map& map, size_t k, size_t end, size_t j, size_t columns) {
  using T = typename Map::Element;
  using Full = typename Vectors<T>::Full;
  using Part = typename Vectors<T>::Part;
  if (end - k >= UNALIGNED_BELOW) {
    const size_t aligned = k + toLine(map.output + k);
    j = mapPiece<Part>(map, k, aligned, j, columns);
    k = aligned;
  }
  while (k + Full::LENGTH <= end) {
    const size_t inRow = divideUp(columns - j, Full::LENGTH), vectors = minOf(inRow, (end - k) / Full::LENGTH);
    BN_UNROLL
    for (size_t q = 0; q < vectors * Full::LENGTH; q += Full::LENGTH) {
      map.template apply<STREAM, Full>(k + q, map.template parameters<Full>(j + q, true));
    }
    k += vectors * Full::LENGTH;
    j += vectors * Full::LENGTH;
    if (j >= columns) j -= columns;
  }
  mapPiece<Part>(map, k, end, j, columns);
}

/** A visit of elements k .. end that lie along the rows of channels. A visit copies its map, or the compiler would load
 * the pointers anew after every store. */
struct Along {
  View v;

  template <bool STREAM, class Map>
  BN_NOINLINE void visit(const Map& given, size_t k, size_t end) const {
    const Map map = given;
    size_t ch = k / v.s % v.c, length = v.s - k % v.s;
    for (; k < end; k += length, length = v.s, ch = ch + 1 == v.c ? 0 : ch + 1) {
      length = minOf(length, end - k);
      if (STREAM && length < UNALIGNED_BELOW) {
        visit<false>(given, k, k + length);
      } else {
        mapRow<STREAM>(map, k, ch, length);
      }
    }
  }
};

/** A visit of elements k .. end that lie in rows of columns, the first row beginning at `start`. */
struct Across {
  size_t start, columns;

  template <bool STREAM, class Map>
  BN_NOINLINE void visit(const Map& given, size_t k, size_t end) const {
    if (STREAM && end - k < UNALIGNED_BELOW) return visit<false>(given, k, end);
    const Map map = given;
    mapColumns<STREAM>(map, k, end, (k - start) % columns, columns);
  }
};

/** How a run is gone through. */
struct Manner {
  /** Outputs are written past the caches. */
  bool streaming;
  /** The last chunks first: they were read just before. */
  bool descending;
};

/** Visits the elements first .. last. */
template <class Map, class Visit>
void inChunks(const Map& map, size_t first, size_t last, Manner manner, const Visit& visit) {
  const bool streaming = manner.streaming && map.aligned();
  for (size_t end = last; end > first;) {
    const size_t start = manner.descending && end - first > CHUNK ? end - CHUNK : first;
    if (streaming) {
      visit.template visit<true>(map, start, end);
    } else {
      visit.template visit<false>(map, start, end);
    }
    end = start;
  }
}

/** Elements first .. last of all channels, along their rows. */
template <class Map>
void mapAlong(const Map& map, View v, size_t first, size_t last, Manner manner) {
  inChunks(map, first, last, {manner.streaming && v.s >= UNALIGNED_BELOW, manner.descending}, Along{v});
  if (manner.streaming) drain();
}

/** Rows first .. last of these channels (or whole stacks of rows), across them. */
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
      inChunks(perColumn, start, start + width, {manner.streaming, false}, Across{start, width});
    }
  }
  if (manner.streaming) drain();
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
