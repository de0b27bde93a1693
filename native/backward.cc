// The two gradient sums per channel, and dx from them: docs/numerics.md, section 5.
#include "elementwise.h"
#include "normalize.h"
#include "rooms.h"

namespace bn {
namespace BN_ISA {
namespace {

/** dy where the activation passes (z > 0), +0 where it stops, NaN where z is NaN. */
template <bool RESIDUAL, bool RELU, class V, class T>
inline V passedGradient(V dy, V d, V scale, V offset, const T* residual, size_t k) {
  if constexpr (RELU) return passed(dy, preActivation<RESIDUAL>(d, scale, offset, residual, k));
  return dy;
}

/** Σ g and Σ g·d, where d = fl(x − center) is of the tensor's type, so that float32 products are exact. */
template <class T, bool RESIDUAL, bool RELU>
struct GradientTerm {
  using Element = T;
  template <class V>
  struct Parameters {
    V center, scale, offset;
  };
  const T* dy;
  const T* x;
  const T* residual;
  Coefficients<T> coefs;

  template <class V>
  Parameters<V> parameters(size_t at, bool spread) const {
    return {parameter<V>(coefs.center, at, spread), parameter<V>(coefs.scale, at, spread),
            parameter<V>(coefs.offset, at, spread)};
  }
  template <class V, class Sum>
  void add(Sum& first, Sum& second, size_t k, const Parameters<V>& p) const {
    const V d = sub(Traits<V>::load(x + k), p.center);
    const V g = passedGradient<RESIDUAL, RELU>(Traits<V>::load(dy + k), d, p.scale, p.offset, residual, k);
    const Sum wide = widen(g);
    first = BN_ISA::add(first, wide);
    second = addProduct(second, wide, widen(d), T());
  }
};

/** dx = g·scale − (d·slope + level), the second part absent where the statistics were given. */
template <class T, bool RESIDUAL, bool RELU, bool BATCH>
struct InputMap {
  using Element = T;
  template <class V>
  struct Parameters {
    V center, scale, offset, slope, level;
  };
  T* dx;
  T* dresidual;
  const T* dy;
  const T* x;
  const T* residual;
  Coefficients<T> coefs;

  template <class V>
  Parameters<V> parameters(size_t at, bool spread) const {
    return {parameter<V>(coefs.center, at, spread), parameter<V>(coefs.scale, at, spread),
            parameter<V>(coefs.offset, at, spread), parameter<V>(coefs.slope, at, spread),
            parameter<V>(coefs.level, at, spread)};
  }
  template <class V>
  void apply(size_t k, const Parameters<V>& p) const {
    const V d = sub(Traits<V>::load(x + k), p.center);
    const V g = passedGradient<RESIDUAL, RELU>(Traits<V>::load(dy + k), d, p.scale, p.offset, residual, k);
    const V direct = mul(g, p.scale);
    if (dresidual != nullptr) store(dresidual + k, g);
    if constexpr (BATCH) {
      store(dx + k, sub(direct, add(mul(d, p.slope), p.level)));
    } else {
      store(dx + k, direct);
    }
  }
};

/** Per channel, for dx = g·scale − (d·slope + level): slope = fl(a·k), level = fl(a·(sumDy/count − (mean − center)·k)).
 */
template <class T>
void inputCoefficients(const Coefficients<T>& to, const Affine<T>& affine, const GradientSums& sums, double count,
                       size_t c) {
  for (size_t ch = 0; ch < c; ++ch) {
    const double rstd = reciprocalDeviation(affine.variance[ch], affine.epsilon);
    const double a = (affine.gamma == nullptr ? 1 : affine.gamma[ch]) * rstd;
    const double k = rstd * rstd * sums.sumDyDeviation[ch] / count;
    to.slope[ch] = static_cast<T>(a * k);
    to.level[ch] =
        static_cast<T>(a * (sums.sumDy[ch] / count - (affine.mean[ch] - static_cast<double>(to.center[ch])) * k));
  }
}

}  // namespace

/** contract: src/kernels.ts, gradientSums */
template <class T>
void gradientSums(GradientSums sums, const T* dy, const T* x, const T* residual, const Affine<T>& affine,
                  Activation activation, View v, void* memory) {
  const Scratch<T> scratch(memory, v);
  const double* totals = scratch.totals;
  coefficients(scratch.channels, affine, v.c);
  const Coefficients<T> coefs = v.s < COLUMNS_BELOW ? spreadCoefficients(scratch, v, false) : scratch.channels;
  withFlags(residual != nullptr, activation == Activation::relu, [&](auto withResidual, auto withRelu) {
    const GradientTerm<T, withResidual.value, withRelu.value> term{dy, x, residual, coefs};
    reduce(scratch.totals, term, v, scratch.lanes);
  });
  for (size_t ch = 0; ch < v.c; ++ch) {
    const double center = scratch.channels.center[ch];
    sums.sumDy[ch] = totals[ch];
    sums.sumDyDeviation[ch] = totals[v.c + ch] - (affine.mean[ch] - center) * totals[ch];
  }
}

/** contract: src/kernels.ts, gradientInput */
template <class T>
void gradientInput(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<T>& affine,
                   Activation activation, const GradientSums* sums, double count, View v, void* memory) {
  const Scratch<T> scratch(memory, v);
  coefficients(scratch.channels, affine, v.c);
  if (sums != nullptr) inputCoefficients(scratch.channels, affine, *sums, count, v.c);
  const Coefficients<T> coefs = v.s < SPREAD_BELOW ? spreadCoefficients(scratch, v, sums != nullptr) : scratch.channels;
  withFlags(residual != nullptr, activation == Activation::relu, [&](auto withResidual, auto withRelu) {
    constexpr bool RESIDUAL = withResidual.value, RELU = withRelu.value;
    if (sums != nullptr) {
      mapElements(InputMap<T, RESIDUAL, RELU, true>{dx, dresidual, dy, x, residual, coefs}, v);
    } else {
      mapElements(InputMap<T, RESIDUAL, RELU, false>{dx, dresidual, dy, x, residual, coefs}, v);
    }
  });
}

/** contract: src/kernels.ts, backward */
template <class T>
void backward(T* dx, T* dresidual, T* dgamma, T* dbeta, const T* dy, const T* x, const T* residual,
              const Affine<T>& affine, Activation activation, bool batchStatistics, View v, void* memory) {
  const GradientSums sums = Scratch<T>(memory, v).sums;
  gradientSums(sums, dy, x, residual, affine, activation, v, memory);
  const GradientSums* given = batchStatistics ? &sums : nullptr;
  gradientInput(dx, dresidual, dy, x, residual, affine, activation, given, static_cast<double>(v.n * v.s), v, memory);
  for (size_t ch = 0; ch < v.c; ++ch) {
    const double rstd = reciprocalDeviation(affine.variance[ch], affine.epsilon);
    dgamma[ch] = static_cast<T>(sums.sumDyDeviation[ch] * rstd);
    dbeta[ch] = static_cast<T>(sums.sumDy[ch]);
  }
}

template void gradientSums(GradientSums, const float*, const float*, const float*, const Affine<float>&, Activation,
                           View, void*);
template void gradientSums(GradientSums, const double*, const double*, const double*, const Affine<double>&, Activation,
                           View, void*);
template void gradientInput(float*, float*, const float*, const float*, const float*, const Affine<float>&, Activation,
                            const GradientSums*, double, View, void*);
template void gradientInput(double*, double*, const double*, const double*, const double*, const Affine<double>&,
                            Activation, const GradientSums*, double, View, void*);
template void backward(float*, float*, float*, float*, const float*, const float*, const float*, const Affine<float>&,
                       Activation, bool, View, void*);
template void backward(double*, double*, double*, double*, const double*, const double*, const double*,
                       const Affine<double>&, Activation, bool, View, void*);

}  // namespace BN_ISA
}  // namespace bn
