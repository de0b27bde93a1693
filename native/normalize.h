// What normalize.cc and backward.cc share: the coefficients per channel and the value that the activation sees.
#pragma once
#include <cmath>

#include "reduce.h"

namespace bn {
namespace BN_ISA {
namespace {

/** 1/√(variance + epsilon); 0 where that is 1/0, so that a constant channel gives x̂ = 0 also with epsilon = 0. */
inline double reciprocalDeviation(double variance, double epsilon) {
  const double sum = variance + epsilon;
  return sum == 0 ? 0 : 1 / std::sqrt(sum);
}

/**
 * Per channel center = fl(mean), scale = fl(gamma·rstd), offset = fl(beta − (mean − center)·gamma·rstd): what the
 * rounding of the mean to the tensor's type takes away, the offset gives back.
 */
template <class T>
void coefficients(const Coefficients<T>& to, const Affine<T>& affine, size_t c) {
  for (size_t ch = 0; ch < c; ++ch) {
    const double gamma = affine.gamma == nullptr ? 1 : affine.gamma[ch];
    const double beta = affine.beta == nullptr ? 0 : affine.beta[ch];
    const double a = gamma * reciprocalDeviation(affine.variance[ch], affine.epsilon);
    to.center[ch] = static_cast<T>(affine.mean[ch]);
    to.scale[ch] = static_cast<T>(a);
    to.offset[ch] = static_cast<T>(beta - (affine.mean[ch] - static_cast<double>(to.center[ch])) * a);
  }
}

/** The coefficients where vectors run across channels: spread over columns, or as they are where s is 1. */
template <class T>
Coefficients<T> spreadCoefficients(const Scratch<T>& scratch, View v, bool input) {
  const Coefficients<T>&from = scratch.channels, &to = scratch.columns;
  if (columnsOf(v) == v.c) return from;
  spread(to.center, from.center, v);
  spread(to.scale, from.scale, v);
  spread(to.offset, from.offset, v);
  if (input) {
    spread(to.slope, from.slope, v);
    spread(to.level, from.level, v);
  }
  return to;
}

template <class V, class T>
inline V parameter(const T* values, size_t at, bool spread) {
  return spread ? Traits<V>::load(values + at) : Traits<V>::splat(values[at]);
}

/** What the activation sees: bn(x) + residual. `d` is fl(x − center). */
template <bool RESIDUAL, class V, class T>
inline V preActivation(V d, V scale, V offset, const T* residual, size_t k) {
  const V z = add(mul(d, scale), offset);
  if constexpr (RESIDUAL) return add(z, Traits<V>::load(residual + k));
  return z;
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
