// Exact sums of values whatever their exponents are: an integer for each exponent, to which significands are added.
#pragma once
#include <cstring>

#include "exact-limbs.h"
#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Fields of float64 that a float32 has, and a product of two: `count` from `least` on. Of the 53 bits of a significand
 * the last `zeros` are 0. */
struct Exponents {
  int least, count, zeros, unit;

  /** The exponent of the last bit that may be 1, in units. */
  int offset(int i) const { return least + i - 1023 - 52 + zeros - unit; }
};
constexpr Exponents FIRST_EXPONENTS{1023 - 149, 149 + 128, 29, FIRST_UNIT};
constexpr Exponents SECOND_EXPONENTS{1023 - 298, 298 + 256, 5, SECOND_UNIT};

/** float64 as whole numbers, and the places of their exponents, which are `count` for 0 and for what is not finite. */
template <const Exponents& EXPONENTS>
struct Parts {
  static constexpr size_t AT_ONCE = 128;
  int64_t significands[AT_ONCE], places[AT_ONCE];

  /** No branches and no calls, so that this becomes vectors. */
  void split(const double* values, size_t count) {
    uint64_t bits[AT_ONCE];
    std::memcpy(bits, values, count * sizeof(double));
    for (size_t k = 0; k < count; ++k) {
      const uint64_t magnitude = ((bits[k] & 0xfffffffffffff) | 0x10000000000000) >> EXPONENTS.zeros;
      const uint64_t sign = 0 - (bits[k] >> 63);
      significands[k] = static_cast<int64_t>((magnitude ^ sign) - sign);
      const int64_t place = static_cast<int64_t>(bits[k] >> 52 & 0x7ff) - EXPONENTS.least;
      places[k] = (place < 0) | (place >= EXPONENTS.count) ? EXPONENTS.count : place;
    }
  }
};

/** At most 2^15 values are added before these integers are emptied. */
template <const Exponents& EXPONENTS>
class ExponentSums {
 public:
  void clear() { std::memset(sums_, 0, sizeof sums_); }
  BN_INLINE void add(const Parts<EXPONENTS>& parts, size_t k) { sums_[parts.places[k]] += parts.significands[k]; }
  void empty(int64_t* limbs) const {
    for (int i = 0; i < EXPONENTS.count; ++i) {
      if (sums_[i] != 0) addShifted(limbs, sums_[i], EXPONENTS.offset(i));
    }
    carry(limbs, EXPONENTS.unit == FIRST_UNIT ? FIRST_LIMBS : SECOND_LIMBS);
  }

 private:
  int64_t sums_[EXPONENTS.count + 1];
};

/** Values that no bins are enough for: g, and g·(d − center), which for squares is g·(g − 0). */
struct Strays {
  const float* g;
  const float* d;
  float center;
  size_t count, stride;

  /** g and the products, of `some` values from `begin` on. */
  void read(double* first, double* second, size_t begin, size_t some) const {
    const float *const from = g + begin * stride, *const by = d + begin * stride;
    for (size_t k = 0; k < some; ++k) first[k] = from[k * stride];
    for (size_t k = 0; k < some; ++k) second[k] = first[k] * (by[k * stride] - center);
  }
};

/** Counts what is not finite. */
inline void countSpecials(int64_t* counts, const double* values, size_t count) {
  for (size_t k = 0; k < count; ++k) {
    if (!(values[k] - values[k] == 0)) countSpecial(counts, values[k]);
  }
}

/** Many values of one channel. */
class Superaccumulator {
 public:
  BN_NOINLINE void add(int64_t* sums, const Strays& values, bool finite) {
    if (count_ + values.count > MOST) empty(sums);
    if (count_ == 0) first_.clear(), second_.clear();
    count_ += values.count;
    for (size_t begin = 0; begin < values.count; begin += AT_ONCE) {
      const size_t some = values.count - begin < AT_ONCE ? values.count - begin : AT_ONCE;
      double one[AT_ONCE], two[AT_ONCE];
      values.read(one, two, begin, some);
      if (!finite) countSpecials(sums + FIRST_LIMBS, one, some);
      if (!finite) countSpecials(sums + SECOND_AT + SECOND_LIMBS, two, some);
      Parts<FIRST_EXPONENTS> first;
      Parts<SECOND_EXPONENTS> second;
      first.split(one, some);
      second.split(two, some);
      for (size_t k = 0; k < some; ++k) {
        first_.add(first, k);
        second_.add(second, k);
      }
    }
  }
  bool isEmpty() const { return count_ == 0; }
  void empty(int64_t* sums) {
    if (count_ == 0) return;
    first_.empty(sums);
    second_.empty(sums + SECOND_AT);
    count_ = 0;
  }

 private:
  static constexpr size_t MOST = 32768, AT_ONCE = Parts<FIRST_EXPONENTS>::AT_ONCE;
  size_t count_ = 0;
  ExponentSums<FIRST_EXPONENTS> first_;
  ExponentSums<SECOND_EXPONENTS> second_;
};

/** Few values of a channel, 128 at most. */
BN_NOINLINE void addEach(int64_t* sums, const Strays& values, bool finite) {
  constexpr size_t AT_ONCE = Parts<FIRST_EXPONENTS>::AT_ONCE;
  double one[AT_ONCE], two[AT_ONCE];
  values.read(one, two, 0, values.count);
  if (!finite) countSpecials(sums + FIRST_LIMBS, one, values.count);
  if (!finite) countSpecials(sums + SECOND_AT + SECOND_LIMBS, two, values.count);
  Parts<FIRST_EXPONENTS> first;
  Parts<SECOND_EXPONENTS> second;
  first.split(one, values.count);
  second.split(two, values.count);
  for (size_t k = 0; k < values.count; ++k) {
    const int i = static_cast<int>(first.places[k]), j = static_cast<int>(second.places[k]);
    if (i != FIRST_EXPONENTS.count) addShifted(sums, first.significands[k], FIRST_EXPONENTS.offset(i));
    if (j != SECOND_EXPONENTS.count) addShifted(sums + SECOND_AT, second.significands[k], SECOND_EXPONENTS.offset(j));
  }
  carry(sums, FIRST_LIMBS);
  carry(sums + SECOND_AT, SECOND_LIMBS);
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
