// What exact sums come to, each rounded once: docs/numerics.md, section 10. Two float64 decide nearly every rounding,
// for some channels at a time, in vectors; where they do not, whole numbers do.
#include "exact-results.h"

#include "exact-nearest.h"
#include "exact-pairs.h"
#include "exact.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The exponent of the least float64. */
constexpr int LEAST = -1074;
/** Channels that are rounded together: whole vectors of any width. */
constexpr size_t AT_ONCE = 16;

/** Numbers of some channels. Loops over all of them have no branches, so that they become vectors. */
struct Pairs {
  alignas(64) double high[AT_ONCE] = {}, low[AT_ONCE] = {};

  void set(size_t i, Pair value) {
    high[i] = value.high;
    low[i] = value.low;
  }
  Pair operator[](size_t i) const { return Pair::of(high[i], low[i]); }
};

/** Results of some channels, and whether they are right. */
struct Rounded {
  alignas(64) double value[AT_ONCE], decided[AT_ONCE];

  void set(size_t i, Pair result) {
    value[i] = result.high;
    decided[i] = result.isDecided() ? 1 : 0;
  }
};

/** The sums of some channels; what is not finite is left out. */
template <class Limb>
struct Sums {
  const Limb* records;
  size_t count;

  const Limb* first(size_t i) const { return records + i * RECORD; }
  const Limb* second(size_t i) const { return first(i) + SECOND_AT; }
  Pair firstPair(size_t i) const { return pairOf(first(i), FIRST_LIMBS, FIRST_UNIT); }
  Pair secondPair(size_t i) const { return pairOf(second(i), SECOND_LIMBS, SECOND_UNIT); }
  bool isFirstFinite(size_t i) const { return areFinite(first(i) + FIRST_LIMBS); }
  bool isSecondFinite(size_t i) const { return areFinite(second(i) + SECOND_LIMBS); }

 private:
  /** Whether all terms were finite, of the counts. */
  static bool areFinite(const Limb* counts) { return counts[0] == 0 && counts[1] == 0 && counts[2] == 0; }
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

/** S/m and (m·Q − S²)/m² as far as two float64 hold them. */
BN_NOINLINE void roundStatistics(Rounded& mean, Rounded& variance, const Pairs& s, const Pairs& q, const double* m) {
  for (size_t i = 0; i < AT_ONCE; ++i) {
    const Pair count{m[i], 0, 0};
    mean.set(i, s[i] / count);
    variance.set(i, (count * q[i] - s[i] * s[i]) / Pair::product(m[i], m[i]));
  }
}

/** (m·Q − S²)/m² */
template <class Limb>
double varianceOf(const Limb* first, const Limb* second, double m) {
  Integer sum(first, FIRST_LIMBS), numerator;
  sum.dropSign();
  numerator.addProduct(Integer(second, SECOND_LIMBS), static_cast<uint64_t>(m), 0);
  numerator.subtractSquare(sum);
  return numerator.nearest(SECOND_UNIT, static_cast<uint64_t>(m), 2);
}

template <class Limb>
void statisticsOfSome(double* mean, double* variance, const Sums<Limb>& sums, const double* counts, size_t step) {
  Pairs s, q;
  Rounded means, variances;
  alignas(64) double m[AT_ONCE];
  for (size_t i = 0; i < AT_ONCE; ++i) m[i] = 1;
  for (size_t i = 0; i < sums.count; ++i) {
    if (!sums.isFirstFinite(i) || counts[i * step] == 0) continue;
    s.set(i, sums.firstPair(i));
    q.set(i, sums.secondPair(i));
    m[i] = counts[i * step];
  }
  roundStatistics(means, variances, s, q, m);
  for (size_t i = 0; i < sums.count; ++i) {
    mean[i] = means.value[i];
    variance[i] = variances.value[i];
    const double count = counts[i * step];
    if (!sums.isFirstFinite(i) || count == 0) {
      mean[i] = sums.isFirstFinite(i) ? __builtin_nan("") : specialSum(sums.first(i) + FIRST_LIMBS);
      variance[i] = __builtin_nan("");
      continue;
    }
    if (means.decided[i] == 0) {
      mean[i] = nearest(Integer(sums.first(i), FIRST_LIMBS), FIRST_UNIT, static_cast<uint64_t>(count), 1);
    }
    // Without squares all values were 0.
    const bool isDecided = variances.decided[i] != 0 && variance[i] > 0;
    if (!isDecided && q.high[i] != 0) variance[i] = varianceOf(sums.first(i), sums.second(i), count);
  }
}

/** H − rest·G as far as two float64 hold it. */
BN_NOINLINE void roundGradients(Rounded& sum, Rounded& deviation, const Pairs& g, const Pairs& h, const double* rest) {
  for (size_t i = 0; i < AT_ONCE; ++i) {
    sum.set(i, g[i]);
    deviation.set(i, h[i] - g[i] * Pair{rest[i], 0, 0});
  }
}

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
double deviationOf(const Limb* first, const Limb* second, double rest) {
  int exponent;
  const double significand = std::frexp(std::fabs(rest), &exponent);
  const uint64_t whole = static_cast<uint64_t>(std::ldexp(significand, 53));
  // |rest| = whole·2^(exponent − 53); all is in units of 2^(LEAST + FIRST_UNIT), or twice as many bits below.
  Integer g(first, FIRST_LIMBS), product, sum;
  const bool negative = g.dropSign() != (rest < 0);
  const int shift = exponent - 53 - LEAST;
  product.addProduct(g, shift < 0 ? whole >> -shift : whole, shift < 0 ? 0 : static_cast<size_t>(shift));
  if (!negative) product.negate();
  Integer h(second, SECOND_LIMBS);
  const bool secondNegative = h.dropSign();
  sum.addProduct(h, 1, static_cast<size_t>(SECOND_UNIT - FIRST_UNIT - LEAST));
  if (secondNegative) sum.negate();
  sum.add(product);
  return nearest(sum, LEAST + FIRST_UNIT, 1, 0);
}

template <class Limb>
void gradientsOfSome(GradientSums results, const Sums<Limb>& sums, const double* mean) {
  Pairs g, h;
  Rounded values, deviations;
  alignas(64) double rests[AT_ONCE] = {};
  for (size_t i = 0; i < sums.count; ++i) {
    rests[i] = mean[i] - static_cast<double>(static_cast<float>(mean[i]));
    g.set(i, sums.firstPair(i));
    h.set(i, sums.secondPair(i));
  }
  roundGradients(values, deviations, g, h, rests);
  for (size_t i = 0; i < sums.count; ++i) {
    const Limb *const first = sums.first(i), *const second = sums.second(i);
    const bool isFirst = sums.isFirstFinite(i), isSecond = sums.isSecondFinite(i);
    const double rest = rests[i];
    double sumDy = values.value[i], deviation = deviations.value[i];
    if (!isFirst) {
      sumDy = specialSum(first + FIRST_LIMBS);
    } else if (values.decided[i] == 0) {
      sumDy = valueOf(first, FIRST_LIMBS, FIRST_UNIT);
    }
    if (!isFirst || !isSecond || !(rest - rest == 0)) {
      const double other = isSecond ? valueOf(second, SECOND_LIMBS, SECOND_UNIT) : specialSum(second + SECOND_LIMBS);
      deviation = other - rest * sumDy;
    } else if (deviations.decided[i] == 0 || !isInRange(rest, g.high[i], deviation)) {
      deviation = deviationOf(first, second, rest);
    }
    results.sumDy[i] = sumDy;
    results.sumDyDeviation[i] = deviation;
  }
}

}  // namespace

template <class Limb>
void statisticsOf(double* mean, double* variance, const Limb* sums, const double* counts, size_t step, size_t c) {
  for (size_t ch = 0; ch < c; ch += AT_ONCE) {
    const Sums<Limb> some{sums + ch * RECORD, minOf(AT_ONCE, c - ch)};
    statisticsOfSome(mean + ch, variance + ch, some, counts + ch * step, step);
  }
}

template <class Limb>
void gradientsOf(GradientSums results, const Limb* sums, const double* mean, size_t c) {
  for (size_t ch = 0; ch < c; ch += AT_ONCE) {
    const Sums<Limb> some{sums + ch * RECORD, minOf(AT_ONCE, c - ch)};
    gradientsOfSome({results.sumDy + ch, results.sumDyDeviation + ch}, some, mean + ch);
  }
}

template void statisticsOf(double*, double*, const int64_t*, const double*, size_t, size_t);
template void gradientsOf(GradientSums, const int64_t*, const double*, size_t);

/** contract: src/kernels.ts, exactStatistics */
void exactStatistics(double* mean, double* variance, const double* records, const double* counts, size_t step,
                     size_t c) {
  statisticsOf(mean, variance, records, counts, step, c);
}

/** contract: src/kernels.ts, exactGradients */
void exactGradients(GradientSums sums, const double* records, const double* mean, size_t c) {
  gradientsOf(sums, records, mean, c);
}

}  // namespace BN_ISA
}  // namespace bn
