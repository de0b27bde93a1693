// Mean and variance of the channels of a tile: docs/numerics.md, section 3.
#pragma once
#include "kernels_isa.h"
#include "walk.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
constexpr double CENTRED_ABOVE = 1048576.0;

/** Σ x and Σ x². The squares are exact for float32: products of two 24-bit significands fit float64. */
template <class T>
struct Sums {
  using Element = T;
  static constexpr size_t TENSORS = 1;
  static constexpr bool BY_FULL = D::LENGTH == 2;
  struct Columns {};
  template <class V>
  struct Parameters {};
  const T* x;
  Format format = {};

  void fetch(size_t k) const { prefetch(x + k); }
  Sums columns(Columns&, View, Channels) const { return *this; }
  template <class Strips>
  Sums<Wide<T>> widened(Strips& strips) const {
    return {strips.input(x)};
  }
  template <class V>
  BN_INLINE Parameters<V> parameters(size_t, bool) const {
    return {};
  }
  template <class V, class Sum>
  BN_INLINE void add(Sum& first, Sum& second, size_t k, const Parameters<V>&) const {
    const Sum v = widen(Traits<V>::load(x + k));
    first = BN_ISA::add(first, v);
    second = addProduct(second, v, v, Wide<T>());
  }
};

/** Σ (x − mean) and Σ (x − mean)², never fused: these products are not exact. */
template <class T>
struct CentredSums {
  using Element = T;
  static constexpr size_t TENSORS = 1;
  static constexpr bool BY_FULL = false;
  struct Columns {
    alignas(64) double mean[COLUMNS_AT_ONCE];
  };
  template <class V>
  struct Parameters {
    typename Traits<V>::Sum mean;
  };
  const T* x;
  const double* mean;
  Format format = {};

  void fetch(size_t k) const { prefetch(x + k); }
  CentredSums columns(Columns& memory, View v, Channels channels) const {
    broadcast(memory.mean, mean, v, channels);
    return {x, memory.mean, format};
  }
  template <class Strips>
  CentredSums<Wide<T>> widened(Strips& strips) const {
    return {strips.input(x), mean};
  }
  template <class V>
  BN_INLINE Parameters<V> parameters(size_t at, bool perColumn) const {
    using Sum = Traits<typename Traits<V>::Sum>;
    return {perColumn ? Sum::load(mean + at) : Sum::splat(mean[at])};
  }
  template <class V, class Sum>
  BN_INLINE void add(Sum& first, Sum& second, size_t k, const Parameters<V>& p) const {
    const Sum d = sub(widen(Traits<V>::load(x + k)), p.mean);
    first = BN_ISA::add(first, d);
    second = BN_ISA::add(second, mul(d, d));
  }
};

/** Whether a channel takes the centred pass. float64 always does: its squares are not exact. */
inline bool needsCentring(double mean, double variance, float) { return mean * mean > CENTRED_ABOVE * variance; }
inline bool needsCentring(double, double, double) { return true; }

/** 0 in the place of a variance that rounding made negative. NaN stays. */
inline double clamp(double variance) { return variance < 0 ? 0 : variance; }

/** mean += e, variance = q − e², where e and q are the means of x − mean and of its square. An infinite mean stays. */
inline void centre(double& mean, double& variance, double e, double q) {
  const bool finite = mean - mean == 0;
  variance = finite ? clamp(q - e * e) : __builtin_nan("");
  if (finite) mean += e;
}

/** mean[ch], variance[ch] ← the mean and the variance of x, for the channels of the tile. */
template <class T>
void measure(double* mean, double* variance, const T* x, const Walk<Stored<T>>& walk, Tile tile) {
  const Channels all = tile.channels;
  const double *first = walk.totals, *second = walk.totals + walk.v.c;
  const double m = static_cast<double>(walk.v.n * walk.v.s);

  using Hot = Element<T, true>;
  walk.reduce(Sums<Hot>{as<Hot>(x), FORMAT<T>}, tile);
  size_t centring = 0;
  for (size_t ch = all.first; ch < all.last; ++ch) {
    const double average = first[ch] / m, uncentred = clamp((second[ch] - first[ch] * average) / m);
    mean[ch] = average;
    variance[ch] = uncentred;
    centring |= needsCentring(average, uncentred, Wide<T>());  // no branch, so that this becomes vectors
  }
  if (centring == 0) return;

  walk.reduce(CentredSums<Stored<T>>{as<Stored<T>>(x), mean, FORMAT<T>}, tile);
  for (size_t ch = all.first; ch < all.last; ++ch) {
    if (needsCentring(mean[ch], variance[ch], Wide<T>())) centre(mean[ch], variance[ch], first[ch] / m, second[ch] / m);
  }
}

}  // namespace

/** contract: src/kernels.ts, statistics */
template <class T>
void statistics(double* mean, double* variance, const T* x, const Call& call) {
  const Walk<Stored<T>> walk(1, 1, call);
  walk.tiles([&](Tile tile) { measure(mean, variance, x, walk, tile); });
}

}  // namespace BN_ISA
}  // namespace bn
