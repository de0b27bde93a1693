// Exact sums of values whatever their exponents are, one by one: an integer for each exponent.
#pragma once
#include <cstring>

#include "exact-limbs.h"
#include "exact-vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Fields of float64 from the least on that a float32 has, and a product of two; there are 2^15 values at most. */
struct Exponents {
  int least, count, zeros, unit;

  /** The exponent of the last bit that may be 1, `zeros` bits before the end, in units. */
  int offset(int i) const { return least + i - 1023 - 52 + zeros - unit; }
};
constexpr Exponents FIRST_EXPONENTS{1023 - 149, 149 + 128, 29, FIRST_UNIT};
constexpr Exponents SECOND_EXPONENTS{1023 - 298, 298 + 256, 5, SECOND_UNIT};

template <const Exponents& EXPONENTS>
class ExponentSums {
 public:
  ExponentSums() { std::memset(sums_, 0, sizeof sums_); }

  BN_INLINE void add(int64_t* counts, double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const int field = static_cast<int>(bits >> 52) & 0x7ff;
    if (field == 0) return;
    if (field == 0x7ff) return countSpecial(counts, value);
    const uint64_t significand = (bits & 0xfffffffffffff) | 0x10000000000000;
    const int64_t magnitude = static_cast<int64_t>(significand >> EXPONENTS.zeros);
    const int64_t sign = static_cast<int64_t>(bits) >> 63;
    sums_[field - EXPONENTS.least] += (magnitude ^ sign) - sign;
  }
  void empty(int64_t* limbs) const {
    for (int i = 0; i < EXPONENTS.count; ++i) {
      if (sums_[i] != 0) addShifted(limbs, sums_[i], EXPONENTS.offset(i));
    }
  }

 private:
  int64_t sums_[EXPONENTS.count];
};

/** Adds at most 2^15 values, finite or not, `stride` apart, to the sums of a channel: g, and g·d or g·(d − center). */
BN_NOINLINE void addSlowly(int64_t* sums, const float* g, const float* d, const float* center, size_t count,
                           size_t stride) {
  ExponentSums<FIRST_EXPONENTS> first;
  ExponentSums<SECOND_EXPONENTS> second;
  for (size_t k = 0; k < count * stride; k += stride) {
    const double wide = g[k];
    first.add(sums + FIRST_LIMBS, wide);
    second.add(sums + SECOND_AT + SECOND_LIMBS, wide * (center == nullptr ? d[k] : d[k] - *center));
  }
  first.empty(sums);
  second.empty(sums + SECOND_AT);
  carry(sums, FIRST_LIMBS);
  carry(sums + SECOND_AT, SECOND_LIMBS);
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
