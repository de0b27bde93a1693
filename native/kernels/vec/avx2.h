// AVX2 with FMA and F16C: 8 floats, 4 doubles.
#pragma once
#include <immintrin.h>

namespace bn {
namespace BN_ISA {
namespace {

struct F {
  static constexpr size_t LENGTH = 8;
  __m256 v;
  static F load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static F load(const Float16* p);
  static F load(const Bfloat16* p);
  static F splat(float x) { return {_mm256_set1_ps(x)}; }
};
struct H {
  static constexpr size_t LENGTH = 4;
  __m128 v;
  static H load(const float* p) { return {_mm_loadu_ps(p)}; }
  static H load(const Float16* p);
  static H load(const Bfloat16* p);
  static H splat(float x) { return {_mm_set1_ps(x)}; }
};
struct D {
  static constexpr size_t LENGTH = 4;
  __m256d v;
  static D load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static D splat(double x) { return {_mm256_set1_pd(x)}; }
};

inline __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline __m128i load64(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
inline F F::load(const Float16* p) { return {_mm256_cvtph_ps(load128(p))}; }
inline H H::load(const Float16* p) { return {_mm_cvtph_ps(load64(p))}; }
/** bfloat16 is the upper half of a float. Shuffles move it there and back: there are fewer units for shifts. */
inline F F::load(const Bfloat16* p) {
  const __m256i twice = _mm256_broadcastsi128_si256(load128(p));
  const __m256i upper = _mm256_setr_epi8(-1, -1, 0, 1, -1, -1, 2, 3, -1, -1, 4, 5, -1, -1, 6, 7, -1, -1, 8, 9, -1, -1,
                                         10, 11, -1, -1, 12, 13, -1, -1, 14, 15);
  return {_mm256_castsi256_ps(_mm256_shuffle_epi8(twice, upper))};
}
inline H H::load(const Bfloat16* p) { return {_mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), load64(p)))}; }

/** The nearest numbers of 16 bits. bfloat16 is rounded by integers: NaN keeps its upper half as it is. */
inline __m128i nearest(const Float16*, F a) { return _mm256_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT); }
inline __m128i nearest(const Float16*, H a) { return _mm_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT); }
inline __m128i nearest(const Bfloat16*, F a) {
  const __m256i bits = _mm256_castps_si256(a.v), one = _mm256_set1_epi32(0x10000);
  const __m256i isOdd = _mm256_cmpeq_epi32(_mm256_and_si256(bits, one), one);
  const __m256i rounded = _mm256_sub_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), isOdd);
  const __m256i halves =
      _mm256_shuffle_epi8(rounded, _mm256_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, 2, 3, 6,
                                                    7, 10, 11, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1));
  return _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0x08));
}
inline __m128i nearest(const Bfloat16*, H a) {
  const __m128i bits = _mm_castps_si128(a.v), odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
  const __m128i rounded = _mm_add_epi32(_mm_add_epi32(bits, _mm_set1_epi32(0x7fff)), odd);
  const __m128i halves = _mm_srli_epi32(rounded, 16);
  return _mm_packus_epi32(halves, halves);
}
/** Numbers of bfloat16 at even and at odd places, as floats. */
inline __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline F loadEven(const Bfloat16* p) { return {_mm256_castsi256_ps(_mm256_slli_epi32(load256(p), 16))}; }
inline F loadOdd(const Bfloat16* p) {
  return {_mm256_castsi256_ps(_mm256_and_si256(load256(p), _mm256_set1_epi32(static_cast<int>(0xffff0000))))};
}
/** Words of 16 bits side by side, rounded up where the lower half of the float is more than 0x8000, or that and odd. */
inline __m256i nearest(F even, F odd) {
  const __m256i a = _mm256_castps_si256(even.v), b = _mm256_castps_si256(odd.v);
  const __m256i upper = _mm256_blend_epi16(_mm256_srli_epi32(a, 16), b, 0xaa);
  const __m256i lower = _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa);
  const __m256i isEven = _mm256_andnot_si256(upper, _mm256_set1_epi16(1));
  return _mm256_sub_epi16(upper, _mm256_srai_epi16(_mm256_subs_epu16(lower, isEven), 15));
}
inline void storeWords(Bfloat16* p, __m256i words) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), words); }
inline void streamWords(Bfloat16* p, __m256i words) { _mm256_stream_si256(reinterpret_cast<__m256i*>(p), words); }

/** Quiet NaN with nothing in the lower half, and all else as it is. */
inline F quiet(F a) {
  const __m256 upper = _mm256_and_ps(a.v, _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xffff0000))));
  const __m256 nan = _mm256_or_ps(upper, _mm256_castsi256_ps(_mm256_set1_epi32(0x400000)));
  return {_mm256_blendv_ps(a.v, nan, _mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q))};
}
template <class T>
inline void storeHalf(T* p, F a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), nearest(p, a));
}
template <class T>
inline void storeHalf(T* p, H a) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), nearest(p, a));
}
template <class T>
inline void streamHalf(T* p, F a) {
  _mm_stream_si128(reinterpret_cast<__m128i*>(p), nearest(p, a));
}

inline void store(float* p, F a) { _mm256_storeu_ps(p, a.v); }
inline void store(float* p, H a) { _mm_storeu_ps(p, a.v); }
inline void store(double* p, D a) { _mm256_storeu_pd(p, a.v); }
/** Stores past the caches; p must be aligned to the vector. */
inline void stream(float* p, F a) { _mm256_stream_ps(p, a.v); }
inline void stream(double* p, D a) { _mm256_stream_pd(p, a.v); }
/** Waits for what was streamed. It comes before another thread may read that. */
inline void drain() { _mm_sfence(); }
inline F add(F a, F b) { return {_mm256_add_ps(a.v, b.v)}; }
inline H add(H a, H b) { return {_mm_add_ps(a.v, b.v)}; }
inline D add(D a, D b) { return {_mm256_add_pd(a.v, b.v)}; }
inline F sub(F a, F b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline H sub(H a, H b) { return {_mm_sub_ps(a.v, b.v)}; }
inline D sub(D a, D b) { return {_mm256_sub_pd(a.v, b.v)}; }
inline F mul(F a, F b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline H mul(H a, H b) { return {_mm_mul_ps(a.v, b.v)}; }
inline D mul(D a, D b) { return {_mm256_mul_pd(a.v, b.v)}; }
inline H lowerHalf(F a) { return {_mm256_castps256_ps128(a.v)}; }
inline H upperHalf(F a) { return {_mm256_extractf128_ps(a.v, 1)}; }
inline D widen(H a) { return {_mm256_cvtps_pd(a.v)}; }
inline D addExactProduct(D sum, D a, D b) { return {_mm256_fmadd_pd(a.v, b.v, sum.v)}; }

inline F gate(F a, F z) {
  const __m256 positive = _mm256_and_ps(_mm256_cmp_ps(z.v, _mm256_setzero_ps(), _CMP_GT_OQ), a.v);
  return {_mm256_or_ps(positive, _mm256_and_ps(_mm256_cmp_ps(z.v, z.v, _CMP_UNORD_Q), z.v))};
}
inline F relu(F z) { return {_mm256_and_ps(_mm256_cmp_ps(z.v, _mm256_setzero_ps(), _CMP_NLE_UQ), z.v)}; }
inline H gate(H a, H z) {
  const __m128 positive = _mm_and_ps(_mm_cmpgt_ps(z.v, _mm_setzero_ps()), a.v);
  return {_mm_or_ps(positive, _mm_and_ps(_mm_cmpunord_ps(z.v, z.v), z.v))};
}
inline H relu(H z) { return {_mm_and_ps(_mm_cmpnle_ps(z.v, _mm_setzero_ps()), z.v)}; }
inline D gate(D a, D z) {
  const __m256d positive = _mm256_and_pd(_mm256_cmp_pd(z.v, _mm256_setzero_pd(), _CMP_GT_OQ), a.v);
  return {_mm256_or_pd(positive, _mm256_and_pd(_mm256_cmp_pd(z.v, z.v, _CMP_UNORD_Q), z.v))};
}
inline D relu(D z) { return {_mm256_and_pd(_mm256_cmp_pd(z.v, _mm256_setzero_pd(), _CMP_NLE_UQ), z.v)}; }

/** atMost is true where a ≤ b; choose is a where that is so, and b elsewhere. */
inline __m256 atMost(F a, F b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ); }
inline F choose(__m256 where, F a, F b) { return {_mm256_blendv_ps(b.v, a.v, where)}; }
inline __m128 atMost(H a, H b) { return _mm_cmple_ps(a.v, b.v); }
inline H choose(__m128 where, H a, H b) { return {_mm_blendv_ps(b.v, a.v, where)}; }
inline __m256d atMost(D a, D b) { return _mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ); }
inline D choose(__m256d where, D a, D b) { return {_mm256_blendv_pd(b.v, a.v, where)}; }

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
