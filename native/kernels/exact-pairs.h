// Numbers as the sum of two float64, of 106 bits, with a bound of their error: enough to decide nearly every rounding.
#pragma once
#include <cmath>

#include "exact-limbs.h"
#include "vec.h"

namespace bn {
namespace {

/**
 * high + low, where high is the sum rounded; the number that it stands for is within `error` of it. Below, errors of
 * each step are at most 2^-101 of the largest number in it, and are taken as 2^-98.
 */
struct Pair {
  double high, low, error;

  static constexpr double STEP = 1.0 / (1ULL << 49) / (1ULL << 49);

  /** Two halves, as near to the number as a step leaves them. */
  static BN_INLINE Pair of(double high, double low) { return {high, low, std::fabs(high) * STEP}; }
  /** The sum of both, whatever their order, and what was rounded away. */
  static BN_INLINE Pair sum(double a, double b) {
    const double s = a + b, t = s - a;
    return {s, (a - (s - t)) + (b - t), 0};
  }
  /** The same where the first is not the smaller one. */
  static BN_INLINE Pair sumOfFalling(double a, double b) {
    const double s = a + b;
    return {s, b - (s - a), 0};
  }
  /** The product: halves of 26 bits have exact ones (Dekker), and a fused multiply-add has it at once. */
  static BN_INLINE Pair product(double a, double b) {
    const double p = a * b;
#if defined(__FMA__) || defined(__aarch64__)
    return {p, std::fma(a, b, -p), 0};
#else
    const double aHigh = upper(a), aLow = a - aHigh, bHigh = upper(b), bLow = b - bHigh;
    return {p, ((aHigh * bHigh - p) + aHigh * bLow + aLow * bHigh) + aLow * bLow, 0};
#endif
  }
  BN_INLINE Pair operator*(Pair other) const {
    const Pair top = product(high, other.high);
    const Pair all = sum(top.high, top.low + (high * other.low + low * other.high));
    const double size = std::fabs(all.high);
    return {all.high, all.low, size * STEP + std::fabs(high) * other.error + std::fabs(other.high) * error};
  }
  BN_INLINE Pair operator-(Pair other) const {
    const Pair top = sum(high, -other.high), rest = sum(low, -other.low);
    const Pair some = sum(top.high, top.low + rest.high), all = sum(some.high, some.low + rest.low);
    const double size = std::fabs(high) + std::fabs(other.high);
    return {all.high, all.low, size * STEP + error + other.error};
  }
  /** By a number without error, of which the reciprocal is known but for 2^-51: what is left is divided once more. */
  BN_INLINE Pair over(Pair divisor, double reciprocal) const {
    const double first = high * reciprocal;
    const Pair rest = *this - divisor * Pair{first, 0, 0};
    const Pair all = sumOfFalling(first, rest.high * reciprocal);
    return {all.high, all.low, std::fabs(all.high) * STEP + rest.error * reciprocal * 2};
  }
  /** Whether every number within the error is rounded to `high`. */
  BN_INLINE bool isDecided() const { return (high + (low + error) == high) & (high + (low - error) == high); }

 private:
  static BN_INLINE double upper(double a) {
    const double t = 134217729 * a;
    return t - (t - a);
  }
};

/**
 * A sum in canonical limbs, in units of 2^unit, as far as two float64 hold it: its five highest limbs that say more
 * than its sign.
 */
template <class Limb>
Pair pairOf(const Limb* limbs, size_t count, int unit) {
  constexpr double LIMB = 4294967296.0;
  const bool negative = limbs[count - 1] < 0;
  // Above the highest of them all bits are the sign.
  const Limb sign = negative ? 0xffffffff : 0;
  size_t last = count - 1;
  double top = static_cast<double>(limbs[last]);
  if (limbs[last] == (negative ? -1 : 0)) {
    --last;
    while (last > 0 && limbs[last] == sign) --last;
    top = static_cast<double>(limbs[last]) - (negative ? LIMB : 0);
  }
  // Each limb is less than what is above it, and what each sum loses is kept: 96 bits and more are left, even of 1.
  double high = top, low = 0, weight = 1;
  for (size_t i = 1; i < 5; ++i) {
    weight /= LIMB;
    const Pair sum = Pair::sumOfFalling(high, i <= last ? static_cast<double>(limbs[last - i]) * weight : 0);
    high = sum.high;
    low += sum.low;
  }
  const Pair all = Pair::sumOfFalling(high, low);
  const double scale = powerOfTwo(unit + 32 * static_cast<int>(last));
  return Pair::of(all.high * scale, all.low * scale);
}

}  // namespace
}  // namespace bn
