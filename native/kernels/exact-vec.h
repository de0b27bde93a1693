// What exact sums ask of an instruction set beside vec.h: the largest and the least exponent of many floats, the rest
// of an exact product, and 64-bit integers as many as D has doubles.
#pragma once
#include <cstdint>

#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Whether there are 32 registers for vectors, and not 16. */
#if defined(BN_AVX512) || defined(BN_NEON)
constexpr bool MANY_REGISTERS = true;
#else
constexpr bool MANY_REGISTERS = false;
#endif
/** The bits of floats without their signs, which order as their magnitudes do. */
constexpr uint32_t MAGNITUDE = 0x7fffffff;
/** Those of infinity; NaN lies above. */
constexpr uint32_t INFINITE = 0x7f800000;

#if defined(BN_AVX512)

/** a·b − c, rounded once; exact wherever it is used here. */
inline D productLess(D a, D b, D c) { return {_mm512_fmsub_pd(a.v, b.v, c.v)}; }

/** a − b by the units that multiply, as fast: processors that have others only for additions are kept busy with both.
 */
inline D differenceOtherwise(D a, D b) { return {_mm512_fnmadd_pd(b.v, _mm512_set1_pd(1), a.v)}; }

/** The sum of the bits, as 64-bit integers. */
inline D addBits(D a, D b) {
  return {_mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a.v), _mm512_castpd_si512(b.v)))};
}

/** 64-bit integers, as many as D has doubles. */
struct L {
  __m512i v;
  BN_INLINE static L load(const int64_t* p) { return {_mm512_loadu_si512(p)}; }
};
inline void store(int64_t* p, L a) { _mm512_storeu_si512(p, a.v); }
inline L add(L a, L b) { return {_mm512_add_epi64(a.v, b.v)}; }
/** How far the bits of a lie above those of b. */
inline L bitsBetween(D a, D b) { return {_mm512_sub_epi64(_mm512_castpd_si512(a.v), _mm512_castpd_si512(b.v))}; }

/** The bits of the largest magnitude of floats, if MOST, and of the least that is not 0, less 1; INFINITE or more where
 * all are 0. */
template <bool MOST>
struct Extremes {
  static constexpr size_t LENGTH = F::LENGTH;
  __m512i most = _mm512_setzero_si512(), least = _mm512_set1_epi32(-1);
  BN_INLINE void see(F x) {
    const __m512i y = _mm512_and_si512(_mm512_castps_si512(x.v), _mm512_set1_epi32(MAGNITUDE));
    if constexpr (MOST) most = _mm512_max_epu32(most, y);
    least = _mm512_min_epu32(least, _mm512_sub_epi32(y, _mm512_set1_epi32(1)));
  }
  BN_INLINE void load(const uint32_t* mosts, const uint32_t* leasts) {
    if constexpr (MOST) most = _mm512_loadu_si512(mosts);
    least = _mm512_loadu_si512(leasts);
  }
  BN_INLINE void save(uint32_t* mosts, uint32_t* leasts) const {
    if constexpr (MOST) _mm512_storeu_si512(mosts, most);
    _mm512_storeu_si512(leasts, least);
  }
};

/** The first `count` floats of memory or of a vector, fewer than it has, and 0 behind them. */
inline F loadSome(const float* p, size_t count) {
  return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p)};
}
inline F keepSome(F a, size_t count) { return {_mm512_maskz_mov_ps(static_cast<__mmask16>((1u << count) - 1), a.v)}; }

#elif defined(BN_AVX2)

inline D productLess(D a, D b, D c) { return {_mm256_fmsub_pd(a.v, b.v, c.v)}; }
inline D differenceOtherwise(D a, D b) { return {_mm256_fnmadd_pd(b.v, _mm256_set1_pd(1), a.v)}; }

inline D addBits(D a, D b) {
  return {_mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a.v), _mm256_castpd_si256(b.v)))};
}

struct L {
  __m256i v;
  BN_INLINE static L load(const int64_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
};
inline void store(int64_t* p, L a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }
inline L add(L a, L b) { return {_mm256_add_epi64(a.v, b.v)}; }
inline L bitsBetween(D a, D b) { return {_mm256_sub_epi64(_mm256_castpd_si256(a.v), _mm256_castpd_si256(b.v))}; }

template <bool MOST>
struct Extremes {
  static constexpr size_t LENGTH = F::LENGTH;
  __m256i most = _mm256_setzero_si256(), least = _mm256_set1_epi32(-1);
  BN_INLINE void see(F x) {
    const __m256i y = _mm256_and_si256(_mm256_castps_si256(x.v), _mm256_set1_epi32(MAGNITUDE));
    if constexpr (MOST) most = _mm256_max_epu32(most, y);
    least = _mm256_min_epu32(least, _mm256_add_epi32(y, _mm256_set1_epi32(-1)));
  }
  BN_INLINE void load(const uint32_t* mosts, const uint32_t* leasts) {
    if constexpr (MOST) most = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(mosts));
    least = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(leasts));
  }
  BN_INLINE void save(uint32_t* mosts, uint32_t* leasts) const {
    if constexpr (MOST) _mm256_storeu_si256(reinterpret_cast<__m256i*>(mosts), most);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(leasts), least);
  }
};

/** -1 for the first `count` floats, 0 for the others. */
inline __m256i maskOf(size_t count) {
  alignas(64) static constexpr int32_t MASKS[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(MASKS + 8 - count));
}
inline F loadSome(const float* p, size_t count) { return {_mm256_maskload_ps(p, maskOf(count))}; }
inline F keepSome(F a, size_t count) { return {_mm256_and_ps(a.v, _mm256_castsi256_ps(maskOf(count)))}; }

#elif defined(BN_NEON)

inline D productLess(D a, D b, D c) { return {vfmaq_f64(vnegq_f64(c.v), a.v, b.v)}; }
inline D differenceOtherwise(D a, D b) { return sub(a, b); }

inline D addBits(D a, D b) {
  return {vreinterpretq_f64_s64(vaddq_s64(vreinterpretq_s64_f64(a.v), vreinterpretq_s64_f64(b.v)))};
}

struct L {
  int64x2_t v;
  BN_INLINE static L load(const int64_t* p) { return {vld1q_s64(p)}; }
};
inline void store(int64_t* p, L a) { vst1q_s64(p, a.v); }
inline L add(L a, L b) { return {vaddq_s64(a.v, b.v)}; }
inline L bitsBetween(D a, D b) { return {vsubq_s64(vreinterpretq_s64_f64(a.v), vreinterpretq_s64_f64(b.v))}; }

template <bool MOST>
struct Extremes {
  static constexpr size_t LENGTH = F::LENGTH;
  uint32x4_t most = vdupq_n_u32(0), least = vdupq_n_u32(0xffffffff);
  BN_INLINE void see(F x) {
    const uint32x4_t y = vandq_u32(vreinterpretq_u32_f32(x.v), vdupq_n_u32(MAGNITUDE));
    if constexpr (MOST) most = vmaxq_u32(most, y);
    least = vminq_u32(least, vsubq_u32(y, vdupq_n_u32(1)));
  }
  BN_INLINE void load(const uint32_t* mosts, const uint32_t* leasts) {
    if constexpr (MOST) most = vld1q_u32(mosts);
    least = vld1q_u32(leasts);
  }
  BN_INLINE void save(uint32_t* mosts, uint32_t* leasts) const {
    if constexpr (MOST) vst1q_u32(mosts, most);
    vst1q_u32(leasts, least);
  }
};

#else

inline D productLess(D a, D b, D c) { return {_mm_sub_pd(_mm_mul_pd(a.v, b.v), c.v)}; }
inline D differenceOtherwise(D a, D b) { return sub(a, b); }

inline D addBits(D a, D b) { return {_mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(a.v), _mm_castpd_si128(b.v)))}; }

struct L {
  __m128i v;
  BN_INLINE static L load(const int64_t* p) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))}; }
};
inline void store(int64_t* p, L a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), a.v); }
inline L add(L a, L b) { return {_mm_add_epi64(a.v, b.v)}; }
inline L bitsBetween(D a, D b) { return {_mm_sub_epi64(_mm_castpd_si128(a.v), _mm_castpd_si128(b.v))}; }

/** SSE2 has the largest of 16-bit integers only: the upper half of each float is enough, since it holds the exponent.
 * It has the least of floats, and keeps the second where the first is NaN: so 0 less 1, which is one, is passed over.
 */
template <bool MOST>
struct Extremes {
  static constexpr size_t LENGTH = F::LENGTH;
  __m128i most = _mm_setzero_si128();
  __m128 least = _mm_castsi128_ps(_mm_set1_epi32(INFINITE));
  BN_INLINE void see(F x) {
    const __m128i y = _mm_and_si128(_mm_castps_si128(x.v), _mm_set1_epi32(MAGNITUDE));
    if constexpr (MOST) most = _mm_max_epi16(most, y);
    const __m128 less = _mm_castsi128_ps(_mm_add_epi32(y, _mm_set1_epi32(-1)));
    least = _mm_min_ps(less, least);
  }
  BN_INLINE void load(const uint32_t* mosts, const uint32_t* leasts) {
    if constexpr (MOST) most = _mm_loadu_si128(reinterpret_cast<const __m128i*>(mosts));
    least = _mm_loadu_ps(reinterpret_cast<const float*>(leasts));
  }
  BN_INLINE void save(uint32_t* mosts, uint32_t* leasts) const {
    const __m128i upper = _mm_and_si128(most, _mm_set1_epi32(static_cast<int>(0xffff0000)));
    if constexpr (MOST) _mm_storeu_si128(reinterpret_cast<__m128i*>(mosts), upper);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(leasts), _mm_castps_si128(least));
  }
};

#endif

#if !defined(BN_AVX512) && !defined(BN_AVX2)
inline F loadSome(const float* p, size_t count) {
  float values[F::LENGTH] = {};
  for (size_t j = 0; j < count; ++j) values[j] = p[j];
  return F::load(values);
}
inline F keepSome(F a, size_t count) {
  float values[F::LENGTH];
  store(values, a);
  return loadSome(values, count);
}
#endif

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
