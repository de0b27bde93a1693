// The integers that exact sums end in: docs/numerics.md. Fixed point, in limbs of 32 bits, little end first; while sums
// are made, a limb is an int64 whose upper half is room for carries.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../kernels.h"
#include "layout.h"

namespace bn {

/** Limbs of a first sum, whose unit is 2^-149, and of a second, whose unit is 2^-298. */
constexpr size_t FIRST_LIMBS = 10, SECOND_LIMBS = 19;
constexpr int FIRST_UNIT = -149, SECOND_UNIT = -298;
/** +Inf, −Inf, NaN. */
constexpr size_t SPECIALS = 3;
/** Numbers of a channel's record: first sum, its counts, second sum, its counts. */
constexpr size_t RECORD = FIRST_LIMBS + SPECIALS + SECOND_LIMBS + SPECIALS;
constexpr size_t SECOND_AT = FIRST_LIMBS + SPECIALS;
static_assert(RECORD == EXACT_RECORD, "the addon checks lengths by it");

namespace {

/** The float64 of these bits. */
inline double doubleOf(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
/** 2^exponent, of a normal number. */
inline double powerOfTwo(int exponent) { return doubleOf(static_cast<uint64_t>(exponent + 1023) << 52); }

/** Adds value·2^offset units, where value is below 2^62; below 0, the bits that are shifted out are 0. */
inline void addShifted(int64_t* limbs, int64_t value, int offset) {
  if (offset < 0) {
    if (offset <= -63) return;
    value >>= -offset;
    offset = 0;
  }
  const int shift = offset & 31;
  int64_t* const at = limbs + (offset >> 5);
  const uint64_t low = static_cast<uint64_t>(value) << shift;
  at[0] += static_cast<int64_t>(low & 0xffffffff);
  at[1] += static_cast<int64_t>(low >> 32);
  at[2] += shift == 0 ? value >> 63 : value >> (64 - shift);
}

/** Carries upward in the sums of a channel, so that all limbs but the signed last ones are in [0, 2^32). Most are 0. */
inline void settle(int64_t* sums) {
  const auto limbs = [](int64_t* at, size_t count) {
    int64_t carried = 0;
    for (size_t i = 0; i + 1 < count; ++i) {
      if ((at[i] | carried) == 0) continue;
      carried += at[i];
      at[i] = carried & 0xffffffff;
      carried >>= 32;
    }
    at[count - 1] += carried;
  };
  limbs(sums, FIRST_LIMBS);
  limbs(sums + SECOND_AT, SECOND_LIMBS);
}

/** Counts one value that is not finite. */
inline void countSpecial(int64_t* counts, double value) { ++counts[value > 0 ? 0 : value < 0 ? 1 : 2]; }

/** Adds canonical limbs to canonical ones. Most are 0. */
inline void addLimbs(double* to, const int64_t* limbs, size_t count) {
  int64_t carried = 0;
  for (size_t i = 0; i + 1 < count; ++i) {
    if ((limbs[i] | carried) == 0) continue;
    const int64_t sum = static_cast<int64_t>(to[i]) + limbs[i] + carried;
    to[i] = static_cast<double>(sum & 0xffffffff);
    carried = sum >> 32;
  }
  to[count - 1] += static_cast<double>(limbs[count - 1] + carried);
}

/** Adds what was summed to a channel's record. */
inline void addToRecord(double* record, const int64_t* sums) {
  addLimbs(record, sums, FIRST_LIMBS);
  addLimbs(record + SECOND_AT, sums + SECOND_AT, SECOND_LIMBS);
  for (size_t i = 0; i < SPECIALS; ++i) {
    record[FIRST_LIMBS + i] += static_cast<double>(sums[FIRST_LIMBS + i]);
    record[SECOND_AT + SECOND_LIMBS + i] += static_cast<double>(sums[SECOND_AT + SECOND_LIMBS + i]);
  }
}

}  // namespace
}  // namespace bn
