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
  /** Whether those of columns are there twice, the second time apart: APART_AT. */
  bool areApart = false;
};

/**
 * Behind the numbers of columns lie the same ones apart, for vectors EvenOdd: from APART_AT on those of even columns,
 * of odd ones, and of even ones from column 2 on, each part so long. The first two are for vectors that begin with an
 * even column, the last two for others.
 */
constexpr size_t APART_AT = COLUMNS_AT_ONCE + 3 * LANES, APART_LENGTH = COLUMNS_AT_ONCE / 2 + 2 * LANES;
/**
 * Whether elements T are mapped so across channels: with AVX2, which gains a sixth. AVX-512 gains nothing, and SSE2 a
 * twelfth, which is less than its 11 KB of code are worth.
 */
template <class T>
constexpr bool IS_APART = F::LENGTH == 8 && Vectors<T>::Mapped::LENGTH > F::LENGTH;
/** Fewer rows are not worth putting anything apart. */
constexpr size_t APART_FROM = 16;

/** Puts the numbers of columns apart, and of as many behind them as a vector has. */
inline void putApart(float* columns, size_t count) {
  float *even = columns + APART_AT, *odd = even + APART_LENGTH, *next = odd + APART_LENGTH;
  for (size_t j = 0; j < count / 2 + LANES; ++j) {
    even[j] = columns[2 * j];
    odd[j] = columns[2 * j + 1];
    next[j] = columns[2 * j + 2];
  }
}

/**
 * Memory for the first COUNT of the coefficients of elements T, broadcast to columns. They go on round the end of a row
 * by a vector. Where there are more columns than fit, the coefficients stay where they are: those of a Walk go on round
 * the end, too. They begin as far `into` a cache line as the output does; otherwise aligned stores would go with loads
 * of two lines.
 */
template <class T, size_t COUNT>
struct BroadcastCoefficients {
  static constexpr size_t BEHIND = IS_APART<T> ? 2 * LANES + 2 : LANES;
  alignas(64) Wide<T> values[COUNT][APART_AT + (IS_APART<T> ? 3 * APART_LENGTH : 0)];

  Coefficients<Wide<T>> of(const Coefficients<Wide<T>>& from, View v, Channels channels, size_t into = 0) {
    const Wide<T>* const all[5] = {from.center, from.scale, from.offset, from.dxSlope, from.dxOffset};
    Wide<T>* to[5] = {};
    const size_t columns = stackedRows(v) * (channels.last - channels.first) * v.s;
    if (columns > COLUMNS_AT_ONCE) {
      const auto at = [&](size_t i, Wide<T>* values) { return i < COUNT ? values + channels.first : nullptr; };
      return {at(0, from.center), at(1, from.scale), at(2, from.offset), at(3, from.dxSlope), at(4, from.dxOffset)};
    }
    const bool areApart = IS_APART<T> && columns >= 2 * LANES && v.n >= APART_FROM;
    for (size_t i = 0; i < COUNT; ++i) {
      to[i] = values[i] + (areApart ? into / 2 : into % LANES);
      broadcast(to[i], all[i], v, channels);
      for (size_t j = 0; j < BEHIND; ++j) to[i][columns + j] = to[i][j];
      if constexpr (IS_APART<T>) {
        if (areApart) putApart(to[i], columns);
      }
    }
    return {to[0], to[1], to[2], to[3], to[4], areApart};
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
  if constexpr (Traits<V>::LENGTH > F::LENGTH) {
    const T* const apart = values + APART_AT + at / 2 + at % 2 * APART_LENGTH;
    return perColumn ? V{F::load(apart), F::load(apart + APART_LENGTH)} : V::splat(values[at]);
  } else {
    return perColumn ? Traits<V>::load(values + at) : Traits<V>::splat(values[at]);
  }
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
