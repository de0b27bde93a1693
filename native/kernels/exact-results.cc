// What exact sums come to, each rounded once: docs/numerics.md, section 10. Two float64 decide nearly every rounding;
// where they do not, whole numbers do.
#include "exact-nearest.h"
#include "exact-pairs.h"
#include "exact.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The exponent of the least float64. */
constexpr int LEAST = -1074;

Pair firstOf(const double* record) { return pairOf(record, FIRST_LIMBS, FIRST_UNIT); }
Pair secondOf(const double* record) { return pairOf(record + SECOND_AT, SECOND_LIMBS, SECOND_UNIT); }

/** Whether all terms were finite, of the counts. */
bool areFinite(const double* counts) { return counts[0] == 0 && counts[1] == 0 && counts[2] == 0; }
/** What a sum is where not all were. */
double specialSum(const double* counts) {
  if (counts[2] != 0 || (counts[0] != 0 && counts[1] != 0)) return __builtin_nan("");
  return counts[0] != 0 ? HUGE_VAL : -HUGE_VAL;
}

/** integer·2^exponent/divisor^power */
double nearest(Integer integer, int exponent, uint64_t divisor, int power) {
  const bool negative = integer.dropSign();
  const double value = integer.nearest(exponent, divisor, power);
  return negative && value > 0 ? -value : value;
}

double meanOf(const double* record, Pair s, double m) {
  const Pair mean = s / Pair{m, 0, 0};
  if (mean.isDecided()) return mean.high;
  return nearest(Integer(record, FIRST_LIMBS), FIRST_UNIT, static_cast<uint64_t>(m), 1);
}

/** (m·Q − S²)/m² */
double varianceOf(const double* record, Pair s, double m) {
  const Pair count{m, 0, 0}, variance = (count * secondOf(record) - s * s) / Pair::product(m, m);
  if (variance.high > 0 && variance.isDecided()) return variance.high;
  Integer sum(record, FIRST_LIMBS), numerator;
  sum.dropSign();
  numerator.addProduct(Integer(record + SECOND_AT, SECOND_LIMBS), static_cast<uint64_t>(m), 0);
  numerator.subtractSquare(sum);
  return numerator.nearest(SECOND_UNIT, static_cast<uint64_t>(m), 2);
}

/** G or H. */
double valueOf(const double* limbs, size_t count, int unit, Pair pair) {
  if (!areFinite(limbs + count)) return specialSum(limbs + count);
  return pair.isDecided() ? pair.high : nearest(Integer(limbs, count), unit, 1, 0);
}

/** H − rest·G */
double deviationOf(const double* record, Pair g, double rest) {
  const Pair h = secondOf(record), deviation = h - g * Pair{rest, 0, 0};
  // Beyond these, products of halves or their errors would be subnormal or infinite.
  const double size = std::fabs(rest) * std::fabs(g.high);
  const bool inRange = size == 0 || (size > 0x1p-800 && size < 0x1p800 && std::fabs(rest) > 0x1p-600);
  if (inRange && deviation.isDecided() && std::fabs(deviation.high) > 0x1p-900) return deviation.high;
  int exponent;
  const double significand = std::frexp(std::fabs(rest), &exponent);
  const uint64_t whole = static_cast<uint64_t>(std::ldexp(significand, 53));
  // |rest| = whole·2^(exponent − 53); all is in units of 2^(LEAST + FIRST_UNIT), or twice as many bits below.
  Integer first(record, FIRST_LIMBS), product, sum;
  const bool negative = first.dropSign() != (rest < 0);
  const int shift = exponent - 53 - LEAST;
  product.addProduct(first, shift < 0 ? whole >> -shift : whole, shift < 0 ? 0 : static_cast<size_t>(shift));
  if (!negative) product.negate();
  Integer second(record + SECOND_AT, SECOND_LIMBS);
  const bool secondNegative = second.dropSign();
  sum.addProduct(second, 1, static_cast<size_t>(SECOND_UNIT - FIRST_UNIT - LEAST));
  if (secondNegative) sum.negate();
  sum.add(product);
  return nearest(sum, LEAST + FIRST_UNIT, 1, 0);
}

}  // namespace

/** contract: src/kernels.ts, exactStatistics */
void exactStatistics(double* mean, double* variance, const double* records, const double* counts, size_t step,
                     size_t c) {
  for (size_t ch = 0; ch < c; ++ch) {
    const double* const record = records + ch * RECORD;
    const double m = counts[ch * step];
    if (!areFinite(record + FIRST_LIMBS) || m == 0) {
      mean[ch] = areFinite(record + FIRST_LIMBS) ? __builtin_nan("") : specialSum(record + FIRST_LIMBS);
      variance[ch] = __builtin_nan("");
      continue;
    }
    const Pair s = firstOf(record);
    mean[ch] = meanOf(record, s, m);
    variance[ch] = varianceOf(record, s, m);
  }
}

/** contract: src/kernels.ts, exactGradients */
void exactGradients(GradientSums sums, const double* records, const double* mean, size_t c) {
  for (size_t ch = 0; ch < c; ++ch) {
    const double* const record = records + ch * RECORD;
    const double rest = mean[ch] - static_cast<double>(static_cast<float>(mean[ch]));
    const Pair g = firstOf(record);
    const double sumDy = valueOf(record, FIRST_LIMBS, FIRST_UNIT, g);
    sums.sumDy[ch] = sumDy;
    const double* const second = record + SECOND_AT;
    const bool finite = areFinite(record + FIRST_LIMBS) && areFinite(second + SECOND_LIMBS) && rest - rest == 0;
    sums.sumDyDeviation[ch] = finite ? deviationOf(record, g, rest)
                                     : valueOf(second, SECOND_LIMBS, SECOND_UNIT, secondOf(record)) - rest * sumDy;
  }
}

}  // namespace BN_ISA
}  // namespace bn
