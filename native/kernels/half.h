// Single numbers of 16 bits: docs/numerics.md, section 11.
#pragma once
#include "layout.h"

#if defined(BN_AVX512) || defined(BN_AVX2)
#include <immintrin.h>
#endif

namespace bn {

/** Sixteen bits of either type, where code looks at run time which one it is: strips.h. */
struct Half {
  uint16_t bits;
};
template <>
struct WideOf<Half> {
  using Type = float;
};

namespace BN_ISA {
namespace {

inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline float wideOf(Bfloat16 half) { return floatOf(static_cast<uint32_t>(half.bits) << 16); }
/** Quiet NaN with nothing in the lower half, and all else as it is. */
inline float quiet(float value) { return value == value ? value : floatOf((bitsOf(value) & 0xffff0000) | 0x400000); }

/** Rounds to the nearest number, of two to the even one. NaN must have nothing in its lower half, where it would carry.
 */
inline void storeHalf(Bfloat16* p, float value) {
  const uint32_t bits = bitsOf(value);
  p->bits = static_cast<uint16_t>((bits + (bits >> 16 & 1) + 0x7fff) >> 16);
}

#if defined(BN_AVX512) || defined(BN_AVX2)

inline float wideOf(Float16 half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half.bits))); }
inline void storeHalf(Float16* p, float value) {
  p->bits = static_cast<uint16_t>(_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(value), _MM_FROUND_TO_NEAREST_INT)));
}

#else

/** The exponent is raised by 112: once more where it is not finite; a subnormal is 2^-14 too large then. */
inline float wideOf(Float16 half) {
  const uint32_t magnitude = (half.bits & 0x7fffu) << 13, sign = (half.bits & 0x8000u) << 16, raise = 112u << 23;
  const uint32_t least = 1u << 23, infinite = 31u << 23;
  const float subnormal = floatOf(magnitude + raise + least) - floatOf(raise + least);
  const uint32_t normal = magnitude + raise + (magnitude >= infinite ? raise : 0);
  return floatOf(sign | (magnitude < least ? bitsOf(subnormal) : normal));
}
/** Below 2^-14 an addition to 1/2 rounds to units of 2^-24. */
inline void storeHalf(Float16* p, float value) {
  const uint32_t bits = bitsOf(value), magnitude = bits & 0x7fffffff, lower = 112u << 23;
  uint32_t half = (magnitude - lower + (bits >> 13 & 1) + 0xfff) >> 13;
  if (magnitude < 113u << 23) half = bitsOf(floatOf(magnitude) + 0.5f) - bitsOf(0.5f);
  if (magnitude >= 143u << 23) half = 0x7c00;
  if (value != value) half = 0x7e00 | (bits >> 13 & 0x3ff);
  p->bits = static_cast<uint16_t>(half | (bits >> 16 & 0x8000));
}

#endif

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
