// The walk of the elementwise kernels: in memory order, vectors inside a row, or across channels where rows are short.
//
// A map has, for V one of Full<T> and T:
//   Parameters<V> parameters<V>(size_t at, bool spread)   of one channel, or of V columns
//   void apply<V>(size_t k, const Parameters<V>&)         writes the elements from k on
#pragma once
#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** One row of a channel. */
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

/** One row of columns. */
template <class Map>
inline void mapColumns(const Map& map, size_t k, size_t columns) {
  using T = typename Map::Element;
  using Full = typename Vectors<T>::Full;
  size_t j = 0;
  for (; j + Full::LENGTH <= columns; j += Full::LENGTH) {
    map.template apply<Full>(k + j, map.template parameters<Full>(j, true));
  }
  for (; j < columns; ++j) map.template apply<T>(k + j, map.template parameters<T>(j, true));
}

template <class Map>
void mapElements(const Map& map, View v) {
  const size_t size = v.n * v.c * v.s;
  if (v.s < SPREAD_BELOW) {
    const size_t columns = columnsOf(v);
    for (size_t k = 0; k < size; k += columns) mapColumns(map, k, least(columns, size - k));
  } else {
    for (size_t i = 0, k = 0; i < v.n; ++i) {
      for (size_t ch = 0; ch < v.c; ++ch, k += v.s) mapRow(map, k, ch, v.s);
    }
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
