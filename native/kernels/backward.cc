// The two gradient sums per channel, and dx from them: docs/numerics.md, section 5.
#include "activation.h"
#include "exact-share.h"
#include "kernels_isa.h"
#include "walk.h"

namespace bn {
namespace BN_ISA {
namespace {

/** g: the gradient through the activation. The input of the activation is computed again where it matters. */
template <Residual RESIDUAL, class ACTIVATION, class V, class T>
BN_INLINE V gradientThrough(const ACTIVATION& activation, V dy, V d, V scale, V offset, const T* residual, size_t k) {
  if constexpr (!ACTIVATION::GATES) return dy;
  return gradient(activation, dy, preActivation<RESIDUAL>(d, scale, offset, residual, k));
}

/** The term of Σ g and Σ g·d, where d = fl(x − center) is of the tensor's type, so that float32 products are exact. */
template <class T, Residual RESIDUAL, class ACTIVATION>
struct GradientTerm {
  using Element = T;
  static constexpr size_t TENSORS = ACTIVATION::GATES && RESIDUAL != Residual::NO ? 3 : 2;
  static constexpr bool BY_FULL = ACTIVATION::GATES || D::LENGTH == 2;
  using Columns = BroadcastCoefficients<Wide<T>, ACTIVATION::GATES ? 3 : 1>;
  template <class V>
  struct Parameters {
    V center, scale, offset;
  };
  const T* dy;
  const T* x;
  const T* residual;
  ACTIVATION activation;
  Coefficients<Wide<T>> coefs;
  Format format = {};

  void fetch(size_t k) const {
    prefetch(x + k);
    prefetch(dy + k);
    if constexpr (RESIDUAL == Residual::YES) prefetch(residual + k);
  }
  GradientTerm columns(Columns& memory, View v, Channels channels) const {
    return {dy, x, residual, activation, memory.of(coefs, v, channels), format};
  }
  template <class Strips>
  GradientTerm<Wide<T>, RESIDUAL, ACTIVATION> widened(Strips& strips) const {
    const auto* const added = TENSORS == 2 ? nullptr : strips.input(residual);
    return {strips.input(dy), strips.input(x), added, activation, coefs};
  }
  template <class V>
  BN_INLINE Parameters<V> parameters(size_t at, bool perColumn) const {
    const V center = parameter<V>(coefs.center, at, perColumn);
    if constexpr (!ACTIVATION::GATES) return {center, center, center};  // the others are the activation's
    return {center, parameter<V>(coefs.scale, at, perColumn), parameter<V>(coefs.offset, at, perColumn)};
  }
  template <class V, class Sum>
  BN_INLINE void add(Sum& first, Sum& second, size_t k, const Parameters<V>& p) const {
    const V d = sub(Traits<V>::load(x + k), p.center);
    const V g = gradientThrough<RESIDUAL>(activation, Traits<V>::load(dy + k), d, p.scale, p.offset, residual, k);
    const Sum wide = widen(g);
    first = BN_ISA::add(first, wide);
    second = addProduct(second, wide, widen(d), Wide<T>());
  }
};

/** dx = g·scale − (d·dxSlope + dxOffset), or g·scale where the statistics were given; dresidual = g. */
template <class T, Residual RESIDUAL, class ACTIVATION, bool BATCH>
struct InputMap {
  using Element = T;
  static constexpr size_t TENSORS = ACTIVATION::GATES && RESIDUAL != Residual::NO ? 5 : 4;
  using Columns = BroadcastCoefficients<T, BATCH ? 5 : 3>;
  template <class V>
  struct Parameters {
    V center, scale, offset, dxSlope, dxOffset;
  };
  T* output;
  T* dresidual;
  const T* dy;
  const T* x;
  const T* residual;
  ACTIVATION activation;
  Coefficients<Wide<T>> coefs;
  size_t ahead;  // elements from here to those that are fetched
  Format format = {};

  InputMap columns(Columns& memory, View v, Channels channels) const {
    return {output,
            dresidual,
            dy,
            x,
            residual,
            activation,
            memory.of(coefs, v, channels, intoLine(output + channels.first * v.s)),
            ahead,
            format};
  }
  template <class Strips>
  InputMap<Wide<T>, RESIDUAL, ACTIVATION, BATCH> widened(Strips& strips) const {
    const auto* const added = TENSORS == 4 ? nullptr : strips.input(residual);
    return {strips.output(output),
            strips.output(dresidual),
            strips.input(dy),
            strips.input(x),
            added,
            activation,
            coefs,
            0};
  }
  bool aligned() const { return dresidual == nullptr || intoLine(dresidual) == intoLine(output); }

  template <class V>
  BN_INLINE Parameters<V> parameters(size_t at, bool perColumn) const {
    const V center = parameter<V>(coefs.center, at, perColumn), scale = parameter<V>(coefs.scale, at, perColumn);
    const V offset = ACTIVATION::GATES ? parameter<V>(coefs.offset, at, perColumn) : center;
    if constexpr (!BATCH) return {center, scale, offset, center, center};
    return {center, scale, offset, parameter<V>(coefs.dxSlope, at, perColumn),
            parameter<V>(coefs.dxOffset, at, perColumn)};
  }
  template <bool STREAM, class V>
  BN_INLINE void apply(size_t k, const Parameters<V>& p) const {
    if constexpr (STREAM) {
      prefetch(x + k + ahead);
      prefetch(dy + k + ahead);
    }
    const V d = sub(Traits<V>::load(x + k), p.center);
    const V g = gradientThrough<RESIDUAL>(activation, Traits<V>::load(dy + k), d, p.scale, p.offset, residual, k);
    const V direct = mul(g, p.scale);
    if (dresidual != nullptr) put<STREAM>(dresidual + k, g);
    if constexpr (BATCH) {
      put<STREAM>(output + k, sub(direct, add(mul(d, p.dxSlope), p.dxOffset)));
    } else {
      put<STREAM>(output + k, direct);
    }
  }
};

/** Per channel dxSlope = fl(a·k) and dxOffset = fl(a·(sumDy/count − (mean − center)·k)). */
template <class T>
void inputCoefficients(const Coefficients<T>& to, const Affine<T>& affine, const GradientSums& sums, double count,
                       Channels channels) {
  for (size_t ch = channels.first; ch < channels.last; ++ch) {
    const double rstd = reciprocalDeviation(affine.variance[ch], affine.epsilon);
    const double a = (affine.gamma == nullptr ? 1 : affine.gamma[ch]) * rstd;
    const double k = rstd * rstd * sums.sumDyDeviation[ch] / count;
    const double low = affine.mean[ch] - static_cast<double>(to.center[ch]);
    to.dxSlope[ch] = coefficient<T>(a * k);
    to.dxOffset[ch] = coefficient<T>(a * (sums.sumDy[ch] / count - low * k));
  }
}

/** dgamma = sumDyDeviation·rstd and dbeta = sumDy, rounded to the tensor's type. */
template <class T>
void parameterGradients(T* dgamma, T* dbeta, const GradientSums& sums, const Affine<T>& affine, Channels channels) {
  for (size_t ch = channels.first; ch < channels.last; ++ch) {
    dgamma[ch] = static_cast<T>(sums.sumDyDeviation[ch] * reciprocalDeviation(affine.variance[ch], affine.epsilon));
    dbeta[ch] = static_cast<T>(sums.sumDy[ch]);
  }
}

/** The inputs of the passes of a backward. */
template <class T>
struct Inputs {
  const T* dy;
  const T* x;
  const T* residual;
  const Activation& activation;

  /** Whether the residual is read: only the activation depends on it. */
  bool addsResidual() const { return activation.code != Activation::NONE && residual != nullptr; }
  /** Calls body(activation, RESIDUAL) with the activation and the presence of a residual as types. */
  template <class Body>
  void withTypes(const Body& body) const {
    withActivation<Wide<T>>(activation, addsResidual(), body);
  }
  /** The number of tensors that are read for the sums. */
  size_t count() const { return addsResidual() ? 3 : 2; }
};

/** Writes the two gradient sums of the channels of the tile, whose coefficients are there. */
template <class T>
void gradientSumsTile(const GradientSums& sums, const Inputs<T>& in, const Affine<Wide<T>>& affine,
                      const Walk<Stored<T>>& walk, Tile tile) {
  const double *first = walk.totals, *second = walk.totals + walk.v.c;
  in.withTypes([&](auto chosen, auto withResidual) {
    using Chosen = decltype(chosen);
    constexpr Residual RESIDUAL = seenBy<Chosen>(withResidual.value);
    using E = ElementWith<T, RESIDUAL, Chosen>;
    using Term = GradientTerm<E, RESIDUAL, Chosen>;
    walk.reduce(Term{as<E>(in.dy), as<E>(in.x), as<E>(in.residual), chosen, walk.channels, FORMAT<T>}, tile);
  });
  for (size_t ch = tile.channels.first; ch < tile.channels.last; ++ch) {
    const double center = walk.channels.center[ch];
    sums.sumDy[ch] = first[ch];
    sums.sumDyDeviation[ch] = second[ch] - (affine.mean[ch] - center) * first[ch];
  }
}

/** Writes dx and dresidual for the channels of the tile, whose coefficients are there. */
template <class T>
void gradientInputTile(T* dx, T* dresidual, const Inputs<T>& in, bool batchStatistics, const Walk<Stored<T>>& walk,
                       Tile tile) {
  in.withTypes([&](auto chosen, auto withResidual) {
    using Chosen = decltype(chosen);
    constexpr Residual RESIDUAL = seenBy<Chosen>(withResidual.value);
    const Coefficients<Wide<T>>& coefs = walk.channels;
    const size_t ahead = walk.ahead(tile);
    const auto mapAs = [&](auto element, auto batch) {
      using E = decltype(element);
      walk.map(InputMap<E, RESIDUAL, Chosen, batch.value>{as<E>(dx), as<E>(dresidual), as<E>(in.dy), as<E>(in.x),
                                                          as<E>(in.residual), chosen, coefs, ahead, FORMAT<T>},
               tile);
    };
    if (batchStatistics) {
      mapAs(ElementWith<T, RESIDUAL, Chosen>(), std::true_type());
    } else {
      mapAs(Stored<T>(), std::false_type());
    }
  });
}

}  // namespace

/** contract: src/kernels.ts, gradientSums */
template <class T>
void gradientSums(GradientSums sums, const T* dy, const T* x, const T* residual, const Affine<Wide<T>>& affine,
                  const Activation& activation, const Call& call) {
  const Inputs<T> in{dy, x, residual, activation};
  const Walk<Stored<T>> walk(in.count(), in.count(), call);
  walk.tiles([&](Tile tile) {
    coefficients(walk.channels, affine, tile.channels);
    gradientSumsTile(sums, in, affine, walk, tile);
  });
}

/** contract: src/kernels.ts, gradientInput */
template <class T>
void gradientInput(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<Wide<T>>& affine,
                   const Activation& activation, const GradientSums* sums, double count, const Call& call) {
  const Inputs<T> in{dy, x, residual, activation};
  const Walk<Stored<T>> walk(0, in.count() + (dresidual == nullptr ? 1 : 2), call, as<Stored<T>>(dx));
  walk.tiles([&](Tile tile) {
    coefficients(walk.channels, affine, tile.channels);
    if (sums != nullptr) inputCoefficients(walk.channels, affine, *sums, count, tile.channels);
    gradientInputTile(dx, dresidual, in, sums != nullptr, walk, tile);
  });
}

/** contract: src/kernels.ts, backward */
template <class T>
void backward(T* dx, T* dresidual, Wide<T>* dgamma, Wide<T>* dbeta, const T* dy, const T* x, const T* residual,
              const Affine<Wide<T>>& affine, const Activation& activation, bool batchStatistics, const Call& call) {
  const Inputs<T> in{dy, x, residual, activation};
  const Walk<Stored<T>> walk(in.count(), in.count() + (dresidual == nullptr ? 1 : 2), call, as<Stored<T>>(dx));
  const GradientSums& sums = walk.sums;
  const double count = static_cast<double>(walk.v.n * walk.v.s);
  walk.tiles([&](Tile tile) {
    coefficients(walk.channels, affine, tile.channels);
    gradientSumsTile(sums, in, affine, walk, tile);
    if (batchStatistics) inputCoefficients(walk.channels, affine, sums, count, tile.channels);
    gradientInputTile(dx, dresidual, in, batchStatistics, walk, tile);
    parameterGradients(dgamma, dbeta, sums, affine, tile.channels);
  });
}

/** contract: src/kernels.ts, exactBackward */
template <class T>
void exactBackward(T* dx, T* dresidual, float* dgamma, float* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<float>& affine, const Activation& activation, bool batchStatistics, const Call& call) {
  const Inputs<T> in{dy, x, residual, activation};
  const Walk<Stored<T>> walk(in.count(), in.count() + (dresidual == nullptr ? 1 : 2), call, as<Stored<T>>(dx));
  const GradientSums& sums = walk.sums;
  const double count = static_cast<double>(walk.v.n * walk.v.s);
  const float* const known[] = {walk.channels.center, walk.channels.scale, walk.channels.offset};
  walk.tiles([&](Tile tile) {
    coefficients(walk.channels, affine, tile.channels);
    exactDifferentiate(sums, dy, x, residual, affine, activation, known, exactShare(walk, tile, call));
    if (batchStatistics) inputCoefficients(walk.channels, affine, sums, count, tile.channels);
    gradientInputTile(dx, dresidual, in, batchStatistics, walk, tile);
    parameterGradients(dgamma, dbeta, sums, affine, tile.channels);
  });
}

#define BN_BACKWARD(T)                                                                                              \
  template void gradientSums(GradientSums, const T*, const T*, const T*, const Affine<Wide<T>>&, const Activation&, \
                             const Call&);                                                                          \
  template void gradientInput(T*, T*, const T*, const T*, const T*, const Affine<Wide<T>>&, const Activation&,      \
                              const GradientSums*, double, const Call&);                                            \
  template void backward(T*, T*, Wide<T>*, Wide<T>*, const T*, const T*, const T*, const Affine<Wide<T>>&,          \
                         const Activation&, bool, const Call&);
BN_BACKWARD(float)
BN_BACKWARD(double)
BN_BACKWARD(Float16)
BN_BACKWARD(Bfloat16)

#define BN_EXACT_BACKWARD(T)                                                                              \
  template void exactBackward(T*, T*, float*, float*, const T*, const T*, const T*, const Affine<float>&, \
                              const Activation&, bool, const Call&);
BN_EXACT_BACKWARD(float)
BN_EXACT_BACKWARD(Float16)
BN_EXACT_BACKWARD(Bfloat16)

}  // namespace BN_ISA
}  // namespace bn
