// Whole numbers of any size, and the float64 nearest to a quotient of them: what exact sums come to where two float64
// do not decide it.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "exact-limbs.h"

namespace bn {
namespace {

/** Limbs of 32 bits, in two's complement, little end first: H in units of 2^-1223, and what is taken from it. */
class Integer {
 public:
  static constexpr size_t LIMBS = 54;

  Integer() { std::memset(limbs_, 0, sizeof limbs_); }
  /** Of canonical limbs, of which the last has the sign. */
  template <class Limb>
  Integer(const Limb* record, size_t count) {
    for (size_t i = 0; i + 1 < count; ++i) limbs_[i] = static_cast<uint32_t>(record[i]);
    const int32_t top = static_cast<int32_t>(record[count - 1]);
    limbs_[count - 1] = static_cast<uint32_t>(top);
    for (size_t i = count; i < LIMBS; ++i) limbs_[i] = top < 0 ? 0xffffffff : 0;
  }

  bool isNegative() const { return limbs_[LIMBS - 1] >> 31 != 0; }
  void negate() {
    uint64_t sum = 1;
    for (size_t i = 0; i < LIMBS; ++i) {
      sum += static_cast<uint32_t>(~limbs_[i]);
      limbs_[i] = static_cast<uint32_t>(sum);
      sum >>= 32;
    }
  }
  void add(const Integer& other) {
    uint64_t sum = 0;
    for (size_t i = 0; i < LIMBS; ++i) {
      sum += static_cast<uint64_t>(limbs_[i]) + other.limbs_[i];
      limbs_[i] = static_cast<uint32_t>(sum);
      sum >>= 32;
    }
  }
  /** Makes it positive; true where it was not. */
  bool dropSign() {
    const bool was = isNegative();
    if (was) negate();
    return was;
  }
  /** Adds a·b·2^shift, where a is not negative and b below 2^64. */
  void addProduct(const Integer& a, uint64_t b, size_t shift) {
    const uint32_t factors[2] = {static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32)};
    for (size_t k = 0; k < 2; ++k) {
      const uint64_t factor = static_cast<uint64_t>(factors[k]) << (shift % 32);
      addRow(a, static_cast<uint32_t>(factor), shift / 32 + k);
      addRow(a, static_cast<uint32_t>(factor >> 32), shift / 32 + k + 1);
    }
  }
  /** Takes away a², where a is not negative. */
  void subtractSquare(const Integer& a) {
    negate();
    for (size_t i = 0; i < LIMBS; ++i) addRow(a, a.limbs_[i], i);
    negate();
  }
  /**
   * The float64 nearest to this·2^exponent/divisor², or /divisor, where the last bit is 0 if two are; not negative, and
   * the divisor below 2^48.
   */
  double nearest(int exponent, uint64_t divisor, int power) const {
    Integer rest = *this;
    // 2^40 or more, twice, are divided away: then 64 bits are left at least.
    const int up = 64 + 96 - static_cast<int>(rest.bits());
    bool inexact = rest.shift(up);
    for (int i = 0; i < power; ++i) inexact |= rest.divide(divisor);
    const size_t bits = rest.bits();
    if (bits == 0) return 0;
    exponent -= up;
    // A subnormal number has fewer than 53 bits.
    const int last = static_cast<int>(bits) - 53;
    const int cut = exponent + last < -1074 ? -1074 - exponent : last;
    inexact |= rest.shift(1 - cut);  // one bit more than are kept
    uint64_t kept = rest.limbs_[0] | static_cast<uint64_t>(rest.limbs_[1]) << 32;
    const bool half = kept & 1;
    kept >>= 1;
    if (half && (inexact || (kept & 1))) ++kept;
    return std::ldexp(static_cast<double>(kept), exponent + cut);
  }

 private:
  uint32_t limbs_[LIMBS];

  size_t bits() const {
    size_t i = LIMBS;
    while (i > 0 && limbs_[i - 1] == 0) --i;
    if (i == 0) return 0;
    size_t bits = 32 * (i - 1);
    for (uint32_t top = limbs_[i - 1]; top != 0; top >>= 1) ++bits;
    return bits;
  }
  void addRow(const Integer& a, uint32_t factor, size_t at) {
    uint64_t carry = 0;
    if (factor == 0) return;
    for (size_t i = 0; i + at < LIMBS; ++i) {
      carry += limbs_[i + at] + static_cast<uint64_t>(a.limbs_[i]) * factor;
      limbs_[i + at] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  /** By 2^up, or down where that is negative; whether bits were lost. */
  bool shift(int up) {
    Integer to;
    bool lost = false;
    const int whole = up >= 0 ? up / 32 : -((-up + 31) / 32), part = up - 32 * whole;
    for (int i = 0; i < static_cast<int>(LIMBS); ++i) {
      const uint64_t moved = static_cast<uint64_t>(limbs_[i]) << part;
      const int low = i + whole, high = low + 1;
      if (low >= 0) {
        if (low < static_cast<int>(LIMBS)) to.limbs_[low] |= static_cast<uint32_t>(moved);
      } else {
        lost |= static_cast<uint32_t>(moved) != 0;
      }
      if (high >= 0) {
        if (high < static_cast<int>(LIMBS)) to.limbs_[high] |= static_cast<uint32_t>(moved >> 32);
      } else {
        lost |= moved >> 32 != 0;
      }
    }
    *this = to;
    return lost;
  }
  /** Whether there is a remainder. */
  bool divide(uint64_t divisor) {
    uint64_t remainder = 0;
    for (size_t i = LIMBS; i-- > 0;) {
      uint32_t quotient = 0;
      for (int half = 16; half >= 0; half -= 16) {
        remainder = remainder << 16 | (limbs_[i] >> half & 0xffff);
        quotient |= static_cast<uint32_t>(remainder / divisor) << half;
        remainder %= divisor;
      }
      limbs_[i] = quotient;
    }
    return remainder != 0;
  }
};

}  // namespace
}  // namespace bn
