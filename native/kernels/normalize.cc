// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4. And `statistics`, so that the
// loops by which `forward` measures are there once.
#include "activation.h"
#include "exact-share.h"
#include "kernels_isa.h"
#include "stats.h"

namespace bn {
namespace BN_ISA {
namespace {

/** y = activation((x − center)·scale + offset + residual), as a map of elementwise.h. */
template <class T, Residual RESIDUAL, class ACTIVATION>
struct NormalizeMap {
  using Element = T;
  static constexpr size_t TENSORS = RESIDUAL == Residual::NO ? 2 : 3;
  using Columns = BroadcastCoefficients<T, 3>;
  template <class V>
  struct Parameters {
    V center, scale, offset;
  };
  T* output;
  const T* x;
  const T* residual;
  ACTIVATION activation;
  Coefficients<Wide<T>> coefs;
  size_t ahead;  // elements from here to those that are fetched
  Format format = {};

  NormalizeMap columns(Columns& memory, View v, Channels channels) const {
    return {output, x,     residual, activation, memory.of(coefs, v, channels, intoLine(output + channels.first * v.s)),
            ahead,  format};
  }
  template <class Strips>
  NormalizeMap<Wide<T>, RESIDUAL, ACTIVATION> widened(Strips& strips) const {
    const auto* const added = RESIDUAL == Residual::NO ? nullptr : strips.input(residual);
    return {strips.output(output), strips.input(x), added, activation, coefs, 0};
  }
  bool aligned() const { return true; }

  template <class V>
  BN_INLINE Parameters<V> parameters(size_t at, bool perColumn) const {
    return {parameter<V>(coefs.center, at, perColumn), parameter<V>(coefs.scale, at, perColumn),
            parameter<V>(coefs.offset, at, perColumn)};
  }
  template <bool STREAM, class V>
  BN_INLINE void apply(size_t k, const Parameters<V>& p) const {
    if constexpr (STREAM) prefetch(x + k + ahead);
    const V d = sub(Traits<V>::load(x + k), p.center);
    const V z = preActivation<RESIDUAL>(d, p.scale, p.offset, residual, k);
    put<STREAM>(output + k, activate(activation, z));
  }
};

/** Writes y for the channels of the tile, whose coefficients are there. */
template <class T>
void normalizeTile(T* y, const T* x, const T* residual, const Activation& activation,
                   const Coefficients<Wide<T>>& coefs, const Walk<Stored<T>>& walk, Tile tile) {
  withActivation<Wide<T>>(activation, residual != nullptr, [&](auto chosen, auto withResidual) {
    using E = ElementWith<T, withResidual.value, decltype(chosen)>;
    using Map = NormalizeMap<E, withResidual.value, decltype(chosen)>;
    walk.map(Map{as<E>(y), as<E>(x), as<E>(residual), chosen, coefs, walk.ahead(tile), FORMAT<T>}, tile);
  });
}

}  // namespace

/** contract: src/kernels.ts, normalize */
template <class T>
void normalize(T* y, const T* x, const T* residual, const Affine<Wide<T>>& affine, const Activation& activation,
               CachedCoefficients cached, const Call& call) {
  const Walk<Stored<T>> walk(0, residual == nullptr ? 2 : 3, call, as<Stored<T>>(y));
  Coefficients<Wide<T>> coefs = walk.channels;
  if (cached.memory != nullptr) {
    Wide<T>* const all = static_cast<Wide<T>*>(cached.memory);
    coefs = {all, all + walk.v.c, all + 2 * walk.v.c, nullptr, nullptr};
  }
  if (!cached.known) coefficients(coefs, affine, {0, walk.v.c});
  if (cached.memory != nullptr && walk.v.c > COLUMNS_AT_ONCE) coefs = walk.copied(coefs);
  walk.tiles([&](Tile tile) { normalizeTile(y, x, residual, activation, coefs, walk, tile); });
}

/** contract: src/kernels.ts, forward; affine.mean and affine.variance point to `mean` and `variance` */
template <class T>
void forward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<Wide<T>>& affine,
             const Activation& activation, const Call& call) {
  const Walk<Stored<T>> walk(1, residual == nullptr ? 2 : 3, call, as<Stored<T>>(y));
  walk.tiles([&](Tile tile) {
    measure(mean, variance, x, walk, tile);
    coefficients(walk.channels, affine, tile.channels);
    normalizeTile(y, x, residual, activation, walk.channels, walk, tile);
  });
}

/** contract: src/kernels.ts, exactForward; affine.mean and affine.variance point to `mean` and `variance` */
template <class T>
void exactForward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<float>& affine,
                  const Activation& activation, double* records, const Call& call) {
  const Walk<Stored<T>> walk(1, residual == nullptr ? 2 : 3, call, as<Stored<T>>(y));
  walk.tiles([&](Tile tile) {
    exactMeasure(mean, variance, records, x, exactShare(walk, tile, call));
    coefficients(walk.channels, affine, tile.channels);
    normalizeTile(y, x, residual, activation, walk.channels, walk, tile);
  });
}

#define BN_NORMALIZE(T)                                                                                          \
  template void statistics(double*, double*, const T*, const Call&);                                             \
  template void normalize(T*, const T*, const T*, const Affine<Wide<T>>&, const Activation&, CachedCoefficients, \
                          const Call&);                                                                          \
  template void forward(T*, const T*, const T*, double*, double*, const Affine<Wide<T>>&, const Activation&,     \
                        const Call&);
BN_NORMALIZE(float)
BN_NORMALIZE(double)
BN_NORMALIZE(Float16)
BN_NORMALIZE(Bfloat16)

#define BN_EXACT_FORWARD(T)                                                                                     \
  template void exactForward(T*, const T*, const T*, double*, double*, const Affine<float>&, const Activation&, \
                             double*, const Call&);
BN_EXACT_FORWARD(float)
BN_EXACT_FORWARD(Float16)
BN_EXACT_FORWARD(Bfloat16)

}  // namespace BN_ISA
}  // namespace bn
