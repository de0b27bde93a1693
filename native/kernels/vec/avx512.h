// AVX-512 F, VL and BW, with F16C: 16 floats, 8 doubles.
#pragma once
#include <immintrin.h>

namespace bn {
namespace BN_ISA {
namespace {

struct F {
  static constexpr size_t LENGTH = 16;
  __m512 v;
  static F load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static F load(const Float16* p);
  static F load(const Bfloat16* p);
  static F splat(float x) { return {_mm512_set1_ps(x)}; }
};
struct H {
  static constexpr size_t LENGTH = 8;
  __m256 v;
  static H load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static H load(const Float16* p);
  static H load(const Bfloat16* p);
  static H splat(float x) { return {_mm256_set1_ps(x)}; }
};
struct D {
  static constexpr size_t LENGTH = 8;
  __m512d v;
  static D load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static D splat(double x) { return {_mm512_set1_pd(x)}; }
};

inline __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline F F::load(const Float16* p) { return {_mm512_cvtph_ps(load256(p))}; }
inline H H::load(const Float16* p) { return {_mm256_cvtph_ps(load128(p))}; }
/** bfloat16 is the upper half of a float: words of 16 bits move to odd places, and back to places side by side. */
inline __m512i oddPlaces() {
  return _mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2,
                          2, 1, 1, 0, 0);
}
inline __m512i fromOddPlaces() {
  return _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9,
                          7, 5, 3, 1);
}
inline F F::load(const Bfloat16* p) {
  const __m512i words = _mm512_castsi256_si512(load256(p));
  return {_mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, oddPlaces(), words))};
}
inline H H::load(const Bfloat16* p) {
  const __m256i words = _mm256_castsi128_si256(load128(p)), places = _mm512_castsi512_si256(oddPlaces());
  return {_mm256_castsi256_ps(_mm256_maskz_permutexvar_epi16(0xaaaa, places, words))};
}

/**
 * The nearest numbers of 16 bits. VCVTNEPS2BF16 takes subnormals for 0, so bfloat16 is rounded by integers: down or up
 * by half a unit, where NaN keeps its upper half as it is.
 */
inline __m256i nearest(const Float16*, F a) { return _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT); }
inline __m128i nearest(const Float16*, H a) { return _mm256_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT); }
inline __m256i nearest(const Bfloat16*, F a) {
  const __m512i bits = _mm512_castps_si512(a.v), down = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  const __mmask16 isOdd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  const __m512i rounded = _mm512_mask_add_epi32(down, isOdd, bits, _mm512_set1_epi32(0x8000));
  return _mm512_castsi512_si256(_mm512_permutexvar_epi16(fromOddPlaces(), rounded));
}
inline __m128i nearest(const Bfloat16*, H a) {
  const __m256i bits = _mm256_castps_si256(a.v), down = _mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff));
  const __mmask8 isOdd = _mm256_test_epi32_mask(bits, _mm256_set1_epi32(0x10000));
  const __m256i rounded = _mm256_mask_add_epi32(down, isOdd, bits, _mm256_set1_epi32(0x8000));
  return _mm256_cvtepi32_epi16(_mm256_srli_epi32(rounded, 16));
}
/** Numbers of bfloat16 at even and at odd places, as floats. */
inline __m512i load512(const void* p) { return _mm512_loadu_si512(p); }
inline F loadEven(const Bfloat16* p) { return {_mm512_castsi512_ps(_mm512_slli_epi32(load512(p), 16))}; }
inline F loadOdd(const Bfloat16* p) {
  return {_mm512_castsi512_ps(_mm512_and_si512(load512(p), _mm512_set1_epi32(static_cast<int>(0xffff0000))))};
}
/** Words of 16 bits side by side, rounded up where the lower half of the float is more than 0x8000, or that and odd. */
inline __m512i nearest(F even, F odd) {
  const __m512i a = _mm512_castps_si512(even.v), b = _mm512_castps_si512(odd.v), one = _mm512_set1_epi16(1);
  const __m512i toLower = _mm512_set4_epi32(0x0f0e0f0e, 0x0b0a0b0a, 0x07060706, 0x03020302);
  const __m512i toUpper = _mm512_set4_epi32(0x0d0c0d0c, 0x09080908, 0x05040504, 0x01000100);
  const __m512i upper = _mm512_mask_shuffle_epi8(b, 0x3333333333333333, a, toLower);
  const __m512i lower = _mm512_mask_shuffle_epi8(a, 0xcccccccccccccccc, b, toUpper);
  constexpr int OR_AND = 0xf8;  // of VPTERNLOG: a | (b & c)
  const __m512i sticky = _mm512_ternarylogic_epi32(lower, upper, one, OR_AND);
  const __mmask32 isMore = _mm512_cmpge_epu16_mask(sticky, _mm512_set1_epi16(-0x7fff));
  return _mm512_mask_add_epi16(upper, isMore, upper, one);
}
inline void storeWords(Bfloat16* p, __m512i words) { _mm512_storeu_si512(p, words); }
inline void streamWords(Bfloat16* p, __m512i words) { _mm512_stream_si512(reinterpret_cast<__m512i*>(p), words); }

/** Quiet NaN with nothing in the lower half, and all else as it is. */
inline F quiet(F a) {
  const __m512i bits = _mm512_castps_si512(a.v);
  const __m512i upper = _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(0xffff0000)));
  const __mmask16 isNan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return {_mm512_castsi512_ps(_mm512_mask_or_epi32(bits, isNan, upper, _mm512_set1_epi32(0x400000)))};
}
template <class T>
inline void storeHalf(T* p, F a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), nearest(p, a));
}
template <class T>
inline void storeHalf(T* p, H a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), nearest(p, a));
}
template <class T>
inline void streamHalf(T* p, F a) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), nearest(p, a));
}

inline void store(float* p, F a) { _mm512_storeu_ps(p, a.v); }
inline void store(float* p, H a) { _mm256_storeu_ps(p, a.v); }
inline void store(double* p, D a) { _mm512_storeu_pd(p, a.v); }
/** Stores past the caches; p must be aligned to the vector. */
inline void stream(float* p, F a) { _mm512_stream_ps(p, a.v); }
inline void stream(double* p, D a) { _mm512_stream_pd(p, a.v); }
/** Waits for what was streamed. It comes before another thread may read that. */
inline void drain() { _mm_sfence(); }
inline F add(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
inline H add(H a, H b) { return {_mm256_add_ps(a.v, b.v)}; }
inline D add(D a, D b) { return {_mm512_add_pd(a.v, b.v)}; }
inline F sub(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline H sub(H a, H b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline D sub(D a, D b) { return {_mm512_sub_pd(a.v, b.v)}; }
inline F mul(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline H mul(H a, H b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline D mul(D a, D b) { return {_mm512_mul_pd(a.v, b.v)}; }
inline H lowerHalf(F a) { return {_mm512_castps512_ps256(a.v)}; }
inline H upperHalf(F a) { return {_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1))}; }
inline D widen(H a) { return {_mm512_cvtps_pd(a.v)}; }
inline D addExactProduct(D sum, D a, D b) { return {_mm512_fmadd_pd(a.v, b.v, sum.v)}; }

/** For VFIXUPIMM, by the kind of z: +0 in the place of zeros and of what is negative, z itself where it is NaN. */
constexpr int GATED = 0x08080811;
inline F gate(F a, F z) { return {_mm512_fixupimm_ps(a.v, z.v, _mm512_set1_epi32(GATED), 0)}; }
inline F relu(F z) { return gate(z, z); }
inline H gate(H a, H z) { return {_mm256_fixupimm_ps(a.v, z.v, _mm256_set1_epi32(GATED), 0)}; }
inline H relu(H z) { return gate(z, z); }
inline D gate(D a, D z) { return {_mm512_fixupimm_pd(a.v, z.v, _mm512_set1_epi64(GATED), 0)}; }
inline D relu(D z) { return gate(z, z); }

/** atMost is true where a ≤ b; choose is a where that is so, and b elsewhere. */
inline __mmask16 atMost(F a, F b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }
inline F choose(__mmask16 where, F a, F b) { return {_mm512_mask_mov_ps(b.v, where, a.v)}; }
inline __m256 atMost(H a, H b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ); }
inline H choose(__m256 where, H a, H b) { return {_mm256_blendv_ps(b.v, a.v, where)}; }
inline __mmask8 atMost(D a, D b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ); }
inline D choose(__mmask8 where, D a, D b) { return {_mm512_mask_mov_pd(b.v, where, a.v)}; }

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
