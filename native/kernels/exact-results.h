// What the exact sums of some channels come to, each rounded once: docs/numerics.md, section 10. Two float64 decide
// nearly every rounding, for some channels at a time, in vectors; where they do not, whole numbers do.
#pragma once
#include "exact-nearest.h"
#include "exact-totals.h"
#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The exponent of the least float64. */
constexpr int LEAST = -1074;

/** Whether all terms were finite, of the counts. */
template <class Limb>
bool areFinite(const Limb* counts) {
  return counts[0] == 0 && counts[1] == 0 && counts[2] == 0;
}

template <class Limb>
Pair firstOf(const Limb* record) {
  return pairOf(record, FIRST_LIMBS, FIRST_UNIT);
}
template <class Limb>
Pair secondOf(const Limb* record) {
  return pairOf(record + SECOND_AT, SECOND_LIMBS, SECOND_UNIT);
}

/** Results of some channels, and whether they are right. */
struct Rounded {
  alignas(64) double value[AT_ONCE], decided[AT_ONCE];

  BN_INLINE void set(size_t i, Pair result) {
    value[i] = result.high;
    decided[i] = result.isDecided() ? 1 : 0;
  }
};

/** Sums of some channels as the contract has them. */
struct Records {
  const double* all;

  const double* record(size_t i) const { return all + i * RECORD; }
  void firsts(Pairs& sums, size_t some) const {
    for (size_t i = 0; i < some; ++i) sums.set(i, firstOf(record(i)));
  }
  void seconds(Pairs& sums, size_t some) const {
    for (size_t i = 0; i < some; ++i) sums.set(i, secondOf(record(i)));
  }
  bool isFirstFinite(size_t i) const { return areFinite(record(i) + FIRST_LIMBS); }
  bool isSecondFinite(size_t i) const { return areFinite(record(i) + SECOND_AT + SECOND_LIMBS); }
};

/** Sums of some channels as they come: of those from channel `from` on. */
struct Fresh {
  ExactTotals& all;
  size_t from;

  const int64_t* record(size_t i) const { return all.record(from + i); }
  void firsts(Pairs& sums, size_t some) const {
    all.get(sums, from, false);
    for (size_t i = 0; i < some; ++i) {
      if (!areBins(i)) sums.set(i, firstOf(record(i)));
    }
  }
  void seconds(Pairs& sums, size_t some) const {
    all.get(sums, from, true);
    for (size_t i = 0; i < some; ++i) {
      if (!areBins(i)) sums.set(i, secondOf(record(i)));
    }
  }
  bool isFirstFinite(size_t i) const { return areBins(i) || areFinite(record(i) + FIRST_LIMBS); }
  bool isSecondFinite(size_t i) const { return areBins(i) || areFinite(record(i) + SECOND_AT + SECOND_LIMBS); }

 private:
  bool areBins(size_t i) const { return all.areBins(from + i); }
};

/** What a sum is where not all terms were finite. */
template <class Limb>
double specialSum(const Limb* counts) {
  if (counts[2] != 0 || (counts[0] != 0 && counts[1] != 0)) return __builtin_nan("");
  return counts[0] != 0 ? HUGE_VAL : -HUGE_VAL;
}

/** integer·2^exponent/divisor^power */
double nearest(Integer integer, int exponent, uint64_t divisor, int power) {
  const bool negative = integer.dropSign();
  const double value = integer.nearest(exponent, divisor, power);
  return negative && value > 0 ? -value : value;
}

/** The statistics of some channels. One object, so that compilers see that nothing in it overlaps. */
struct SomeStatistics {
  Pairs s, q;
  alignas(64) double m[AT_ONCE];
  Rounded mean, variance;

  /** S/m and (m·Q − S²)/m² as far as two float64 hold them. */
  BN_NOINLINE void round() {
    for (size_t i = 0; i < AT_ONCE; ++i) {
      const Pair count{m[i], 0, 0};
      const double reciprocal = 1 / m[i];
      mean.set(i, s[i].over(count, reciprocal));
      variance.set(i, (count * q[i] - s[i] * s[i]).over(Pair::product(m[i], m[i]), reciprocal * reciprocal));
    }
  }
};

/** (m·Q − S²)/m² */
template <class Limb>
double varianceOf(const Limb* record, double m) {
  Integer sum(record, FIRST_LIMBS), numerator;
  sum.dropSign();
  numerator.addProduct(Integer(record + SECOND_AT, SECOND_LIMBS), static_cast<uint64_t>(m), 0);
  numerator.subtractSquare(sum);
  return numerator.nearest(SECOND_UNIT, static_cast<uint64_t>(m), 2);
}

template <class Sums>
void statisticsOfSome(double* mean, double* variance, const Sums& sums, size_t some, const double* counts,
                      size_t step) {
  SomeStatistics own;
  sums.firsts(own.s, some);
  sums.seconds(own.q, some);
  for (size_t i = 0; i < AT_ONCE; ++i) own.m[i] = i < some ? counts[i * step] : 1;
  own.round();
  for (size_t i = 0; i < some; ++i) {
    mean[i] = own.mean.value[i];
    variance[i] = own.variance.value[i];
    const double count = counts[i * step];
    if (!sums.isFirstFinite(i) || count == 0) {
      mean[i] = sums.isFirstFinite(i) ? __builtin_nan("") : specialSum(sums.record(i) + FIRST_LIMBS);
      variance[i] = __builtin_nan("");
      continue;
    }
    if (own.mean.decided[i] == 0) {
      mean[i] = nearest(Integer(sums.record(i), FIRST_LIMBS), FIRST_UNIT, static_cast<uint64_t>(count), 1);
    }
    // Without squares all values were 0.
    const bool isDecided = own.variance.decided[i] != 0 && variance[i] > 0;
    if (!isDecided && own.q.high[i] != 0) variance[i] = varianceOf(sums.record(i), count);
  }
}

/** The gradient sums of some channels. */
struct SomeGradients {
  Pairs g, h;
  alignas(64) double rest[AT_ONCE] = {};
  Rounded sum, deviation;

  /** G and H − rest·G as far as two float64 hold them. */
  BN_NOINLINE void round() {
    for (size_t i = 0; i < AT_ONCE; ++i) {
      sum.set(i, g[i]);
      deviation.set(i, h[i] - g[i] * Pair{rest[i], 0, 0});
    }
  }
};

/** Whether no product of halves in rest·G, nor its error, is subnormal or infinite. */
bool isInRange(double rest, double g, double deviation) {
  const double size = std::fabs(rest) * std::fabs(g);
  const bool isProduct = size == 0 || (size > 0x1p-800 && size < 0x1p800 && std::fabs(rest) > 0x1p-600);
  return isProduct && std::fabs(deviation) > 0x1p-900;
}

/** G or H. */
template <class Limb>
double valueOf(const Limb* limbs, size_t count, int unit) {
  return nearest(Integer(limbs, count), unit, 1, 0);
}

/** H − rest·G */
template <class Limb>
double deviationOf(const Limb* record, double rest) {
  int exponent;
  const double significand = std::frexp(std::fabs(rest), &exponent);
  const uint64_t whole = static_cast<uint64_t>(std::ldexp(significand, 53));
  // |rest| = whole·2^(exponent − 53); all is in units of 2^(LEAST + FIRST_UNIT), or twice as many bits below.
  Integer g(record, FIRST_LIMBS), product, sum;
  const bool negative = g.dropSign() != (rest < 0);
  const int shift = exponent - 53 - LEAST;
  product.addProduct(g, shift < 0 ? whole >> -shift : whole, shift < 0 ? 0 : static_cast<size_t>(shift));
  if (!negative) product.negate();
  Integer h(record + SECOND_AT, SECOND_LIMBS);
  const bool secondNegative = h.dropSign();
  sum.addProduct(h, 1, static_cast<size_t>(SECOND_UNIT - FIRST_UNIT - LEAST));
  if (secondNegative) sum.negate();
  sum.add(product);
  return nearest(sum, LEAST + FIRST_UNIT, 1, 0);
}

template <class Sums>
void gradientsOfSome(GradientSums results, const Sums& sums, size_t some, const double* mean) {
  SomeGradients own;
  sums.firsts(own.g, some);
  sums.seconds(own.h, some);
  for (size_t i = 0; i < some; ++i) own.rest[i] = mean[i] - static_cast<double>(static_cast<float>(mean[i]));
  own.round();
  for (size_t i = 0; i < some; ++i) {
    const bool isFirst = sums.isFirstFinite(i), isSecond = sums.isSecondFinite(i);
    const double rest = own.rest[i];
    double sumDy = own.sum.value[i], deviation = own.deviation.value[i];
    if (!isFirst) {
      sumDy = specialSum(sums.record(i) + FIRST_LIMBS);
    } else if (own.sum.decided[i] == 0) {
      sumDy = valueOf(sums.record(i), FIRST_LIMBS, FIRST_UNIT);
    }
    if (!isFirst || !isSecond || !(rest - rest == 0)) {
      const auto* const second = sums.record(i) + SECOND_AT;
      const double other = isSecond ? valueOf(second, SECOND_LIMBS, SECOND_UNIT) : specialSum(second + SECOND_LIMBS);
      deviation = other - rest * sumDy;
    } else if (own.deviation.decided[i] == 0 || !isInRange(rest, own.g.high[i], deviation)) {
      deviation = deviationOf(sums.record(i), rest);
    }
    results.sumDy[i] = sumDy;
    results.sumDyDeviation[i] = deviation;
  }
}

/** The contract's exactStatistics of `count` channels with m values each. */
void statisticsOf(double* mean, double* variance, ExactTotals& totals, double m, size_t count) {
  for (size_t i = 0; i < count; i += AT_ONCE) {
    statisticsOfSome(mean + i, variance + i, Fresh{totals, i}, minOf(AT_ONCE, count - i), &m, 0);
  }
}

/** The contract's exactGradients of `count` channels. */
void gradientsOf(GradientSums results, ExactTotals& totals, const double* mean, size_t count) {
  for (size_t i = 0; i < count; i += AT_ONCE) {
    const GradientSums some{results.sumDy + i, results.sumDyDeviation + i};
    gradientsOfSome(some, Fresh{totals, i}, minOf(AT_ONCE, count - i), mean + i);
  }
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
