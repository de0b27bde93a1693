// The numbers of each channel that elementwise passes use, and the value that the activation is given:
// docs/numerics.md, sections 4 and 5.
#pragma once
#include <cmath>

#include "reduce.h"

namespace bn {
namespace BN_ISA {
namespace {

/**
 * The coefficients of y = (x − center)·scale + offset and of dx = g·scale − (d·dxSlope + dxOffset), where
 * d = fl(x − center): one of each for a channel, or for a column.
 */
template <class T>
struct Coefficients {
  T* center;
  T* scale;
  T* offset;
  T* dxSlope;
  T* dxOffset;
};

/**
 * Memory for the first COUNT of the coefficients, broadcast to columns. They go on round the end of a row by a vector.
 * Where there are more columns than fit, the coefficients stay where they are: those of a Walk go on round the end,
 * too. They begin as far `into` a cache line as the output does; otherwise aligned stores would go with loads of two
 * lines.
 */
template <class T, size_t COUNT>
struct BroadcastCoefficients {
  alignas(64) T values[COUNT][COLUMNS_AT_ONCE + 2 * LANES];

  Coefficients<T> of(const Coefficients<T>& from, View v, Channels channels, size_t into = 0) {
    const T* const all[5] = {from.center, from.scale, from.offset, from.dxSlope, from.dxOffset};
    T* to[5] = {};
    const size_t columns = stackedRows(v) * (channels.last - channels.first) * v.s;
    if (columns > COLUMNS_AT_ONCE) {
      const auto at = [&](size_t i, T* values) { return i < COUNT ? values + channels.first : nullptr; };
      return {at(0, from.center), at(1, from.scale), at(2, from.offset), at(3, from.dxSlope), at(4, from.dxOffset)};
    }
    for (size_t i = 0; i < COUNT; ++i) {
      to[i] = values[i] + into;
      broadcast(to[i], all[i], v, channels);
      for (size_t j = 0; j < LANES; ++j) to[i][columns + j] = to[i][j];
    }
    return {to[0], to[1], to[2], to[3], to[4]};
  }
};

/** rstd = 1/√(variance + epsilon); 0 where that is 1/0, so that a constant channel has x̂ = 0 also with epsilon = 0. */
inline double reciprocalDeviation(double variance, double epsilon) {
  const double sum = variance + epsilon;
  return sum == 0 ? 0 : 1 / std::sqrt(sum);
}

/** Rounded to T. NaN is of one kind: bfloat16 is rounded without a look at the lower half of NaN. */
template <class T>
inline T coefficient(double value) {
  return value == value ? static_cast<T>(value) : static_cast<T>(__builtin_nan(""));
}

/**
 * Per channel center = fl(mean), scale = fl(gamma·rstd), offset = fl(beta − (mean − center)·gamma·rstd): what the
 * rounding of the mean to the tensor's type takes away, the offset gives back.
 */
template <class T>
void coefficients(const Coefficients<T>& to, const Affine<T>& affine, Channels channels) {
  for (size_t ch = channels.first; ch < channels.last; ++ch) {
    const double gamma = affine.gamma == nullptr ? 1 : affine.gamma[ch];
    const double beta = affine.beta == nullptr ? 0 : affine.beta[ch];
    const double a = gamma * reciprocalDeviation(affine.variance[ch], affine.epsilon);
    to.center[ch] = coefficient<T>(affine.mean[ch]);
    to.scale[ch] = coefficient<T>(a);
    to.offset[ch] = coefficient<T>(beta - (affine.mean[ch] - static_cast<double>(to.center[ch])) * a);
  }
}

/** The value of channel `at` in all lanes of V, or those of the columns from `at` on. */
template <class V, class T>
inline V parameter(const T* values, size_t at, bool perColumn) {
  return perColumn ? Traits<V>::load(values + at) : Traits<V>::splat(values[at]);
}

/** Whether there is a residual. MAYBE: the loop is compiled for both, and looks at the pointer. */
enum class Residual { NO, YES, MAYBE };

/** z = d·scale + offset + residual, the input of the activation, where d = fl(x − center). */
template <Residual RESIDUAL, class V, class T>
BN_INLINE V preActivation(V d, V scale, V offset, const T* residual, size_t k) {
  const V z = add(mul(d, scale), offset);
  if constexpr (RESIDUAL == Residual::NO) return z;
  if constexpr (RESIDUAL == Residual::MAYBE) {
    if (residual == nullptr) return z;
  }
  return add(z, Traits<V>::load(residual + k));
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
