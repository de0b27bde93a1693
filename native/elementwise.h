// The walk of the elementwise kernels over a run of memory: vectors inside a row, or across channels where rows are
// short. Order is free here, so runs are cut into chunks and taken from the last to the first: what was read last for
// the sums is still in the caches.
//
// A map has, for V one of Full<T> and T:
//   Columns                                           memory for its parameters, spread over columns
//   Map columns(Columns&, View, Channels) const       the same map with its parameters one for each column
//   Map staged(Stage&, size_t k) const                the same map with the outputs of the elements from k on in
//   `stage` Parameters<V> parameters<V>(size_t at, bool spread)   of one channel, or of V columns void apply<V>(size_t
//   k, const Parameters<V>&)         writes the elements from k on T* output where the first of the outputs goes, for
//   its alignment void flush(const Stage&, size_t k, size_t count)  writes what was staged past the caches
#pragma once
#include "reduce.h"
#include "stream.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Elementwise passes over rows shorter than this run across channels. */
constexpr size_t SPREAD_BELOW = 16;
/** Elements of an output that are staged: 4 KB of float32, which stay in the first cache. */
constexpr size_t STAGED = 1024;
/** Elements that are taken in order, before those that lie in front of them. */
constexpr size_t CHUNK = 16384;

template <class T>
struct Stage {
  alignas(64) T outputs[2][STAGED];
};

/** Elements of one row of a channel. */
template <class Map>
inline void mapRow(const Map& map, size_t k, size_t ch, size_t length) {
  using T = typename Map::Element;
  using Full = typename Vectors<T>::Full;
  const size_t end = k + length;
  const auto parameters = map.template parameters<Full>(ch, false);
  for (; k + Full::LENGTH <= end; k += Full::LENGTH) map.template apply<Full>(k, parameters);
  const auto rest = map.template parameters<T>(ch, false);
  for (; k < end; ++k) map.template apply<T>(k, rest);
}

/** `length` elements of one row of columns, from column j on. */
template <class Map>
inline void mapColumns(const Map& map, size_t k, size_t j, size_t length) {
  using T = typename Map::Element;
  using Full = typename Vectors<T>::Full;
  size_t done = 0;
  for (; done + Full::LENGTH <= length; done += Full::LENGTH) {
    map.template apply<Full>(k + done, map.template parameters<Full>(j + done, true));
  }
  for (; done < length; ++done) map.template apply<T>(k + done, map.template parameters<T>(j + done, true));
}

/** Elements k .. end, which begin in the row of `ch` and may go on through the following channels. */
template <class Map>
void mapRows(const Map& map, View v, size_t k, size_t end) {
  size_t ch = k / v.s % v.c, length = v.s - k % v.s;
  for (; k < end; k += length, length = v.s, ch = ch + 1 == v.c ? 0 : ch + 1) {
    length = least(length, end - k);
    mapRow(map, k, ch, length);
  }
}

/** Calls visit(map, k, end) for pieces of first .. last, the last ones first, with the outputs staged if `streaming`.
 */
template <class Map, class Visit>
void inPieces(const Map& map, size_t first, size_t last, bool streaming, const Visit& visit) {
  using T = typename Map::Element;
  constexpr size_t LINE = 64 / sizeof(T);
  for (size_t chunkEnd = last, chunk; chunkEnd > first; chunkEnd = chunk) {
    chunk = chunkEnd - first > CHUNK ? (chunkEnd - CHUNK) / LINE * LINE : first;
    if (chunk < first) chunk = first;
    if (!streaming) {
      visit(map, chunk, chunkEnd);
      continue;
    }
    // Pieces end where a cache line of the output ends.
    const size_t behind = reinterpret_cast<size_t>(map.output + chunk) / sizeof(T) % LINE;
    Stage<T> stage;
    for (size_t k = chunk, end; k < chunkEnd; k = end) {
      end = least(k + STAGED - (k == chunk ? behind : 0), chunkEnd);
      visit(map.staged(stage, k), k, end);
      map.flush(stage, k, end - k);
    }
  }
  if (streaming) drain();
}

/** Rows of channels, elements first .. last. */
template <class Map>
void mapAlong(const Map& map, View v, size_t first, size_t last, bool streaming) {
  inPieces(map, first, last, streaming, [v](const Map& piece, size_t k, size_t end) { mapRows(piece, v, k, end); });
}

/** Rows of columns, or whole stacks of them, of these channels. */
template <class Map>
void mapAcross(const Map& map, View v, size_t firstRow, size_t lastRow, Channels channels, bool streaming) {
  const size_t row = v.c * v.s, step = v.s == 1 ? v.c : most(1, COLUMNS_AT_ONCE / v.s);
  typename Map::Columns memory;
  for (size_t block = channels.first; block < channels.last; block += step) {
    const Channels part{block, least(block + step, channels.last)};
    const Map spread = map.columns(memory, v, part);
    const size_t start = block * v.s, width = (part.last - part.first) * v.s, columns = stackedRows(v) * width;
    if (width < row) {
      for (size_t i = lastRow; i-- > firstRow;) {
        const size_t from = i * row + start;
        inPieces(spread, from, from + width, streaming,
                 [from](const Map& piece, size_t k, size_t end) { mapColumns(piece, k, k - from, end - k); });
      }
      continue;
    }
    inPieces(spread, firstRow * row, lastRow * row, streaming, [columns](const Map& piece, size_t k, size_t end) {
      for (size_t j = k % columns, length; k < end; k += length, j = 0) {
        length = least(columns - j, end - k);
        mapColumns(piece, k, j, length);
      }
    });
  }
}

/** Calls `body` with two flags as types, so that its loops hold no branches on them. */
struct Yes {
  static constexpr bool value = true;
};
struct No {
  static constexpr bool value = false;
};
template <class Body>
inline void withFlags(bool first, bool second, const Body& body) {
  if (first) {
    second ? body(Yes(), Yes()) : body(Yes(), No());
  } else {
    second ? body(No(), Yes()) : body(No(), No());
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
