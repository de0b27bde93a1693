// Numbers as the sum of two float64, of 106 bits, with a bound of their error: enough to decide nearly every rounding.
#pragma once
#include <cmath>
#include <cstddef>

namespace bn {
namespace {

/**
 * high + low, where high is the sum rounded; the number that it stands for is within `error` of it. Below, errors of
 * each step are at most 2^-102 of the largest number in it, and are taken as 2^-98.
 */
struct Pair {
  double high, low, error;

  static constexpr double STEP = 1.0 / (1ULL << 49) / (1ULL << 49);

  /** The sum of both, whatever their order, and what was rounded away. */
  static Pair sum(double a, double b) {
    const double s = a + b, t = s - a;
    return {s, (a - (s - t)) + (b - t), 0};
  }
  /** The product, without a fused multiply-add: halves of 26 bits have exact products (Dekker). */
  static Pair product(double a, double b) {
    const double p = a * b;
    const double aHigh = upper(a), aLow = a - aHigh, bHigh = upper(b), bLow = b - bHigh;
    return {p, ((aHigh * bHigh - p) + aHigh * bLow + aLow * bHigh) + aLow * bLow, 0};
  }
  Pair operator*(Pair other) const {
    const Pair top = product(high, other.high);
    const Pair all = sum(top.high, top.low + (high * other.low + low * other.high));
    const double size = std::fabs(all.high);
    return {all.high, all.low, size * STEP + std::fabs(high) * other.error + std::fabs(other.high) * error};
  }
  Pair operator-(Pair other) const {
    const Pair top = sum(high, -other.high), rest = sum(low, -other.low);
    const Pair some = sum(top.high, top.low + rest.high), all = sum(some.high, some.low + rest.low);
    const double size = std::fabs(high) + std::fabs(other.high);
    return {all.high, all.low, size * STEP + error + other.error};
  }
  /** By a number without error. */
  Pair operator/(Pair other) const {
    const double first = high / other.high;
    const Pair rest = *this - other * Pair{first, 0, 0};
    const double second = rest.high / other.high;
    const Pair last = rest - other * Pair{second, 0, 0};
    const Pair top = sum(first, second), all = sum(top.high, top.low + last.high / other.high);
    return {all.high, all.low, std::fabs(all.high) * STEP + last.error / std::fabs(other.high) * 2};
  }
  /** Whether every number within the error is rounded to `high`. */
  bool isDecided() const { return high + (low + error) == high && high + (low - error) == high; }

 private:
  static double upper(double a) {
    const double t = 134217729 * a;
    return t - (t - a);
  }
};

/** A sum of a record, as far as two float64 hold it. */
inline Pair pairOf(const double* limbs, size_t count, double unit) {
  constexpr double LIMB = 4294967296.0;
  // The limbs above carry nothing but the sign where they are all 0 or all 2^32 − 1 below −1.
  size_t last = count - 1;
  double top = limbs[last];
  while (last > 0 && (top == 0 || (top == -1 && limbs[last - 1] >= LIMB / 2))) {
    top = top == 0 ? limbs[last - 1] : limbs[last - 1] - LIMB;
    --last;
  }
  double scale = unit, sum = top, low = 0, weight = 1;
  for (size_t i = 0; i < last; ++i) scale *= LIMB;
  const size_t lowest = last < 4 ? 0 : last - 4;
  for (size_t i = last; i-- > lowest;) {
    weight /= LIMB;
    const Pair next = Pair::sum(sum, limbs[i] * weight);
    sum = next.high;
    low += next.low;
  }
  const Pair all = Pair::sum(sum, low);
  return {all.high * scale, all.low * scale, std::fabs(all.high * scale) * Pair::STEP};
}

}  // namespace
}  // namespace bn
