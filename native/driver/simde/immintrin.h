// Takes the place of the compiler's header: AVX-512 in portable C, by SIMDe, so that native/kernels/vec/avx512.h runs
// on any processor.
#pragma once
/** SIMDe knows neither 52-bit integers nor the processor's notes of inexact results. */
#define BN_WITHOUT_IFMA
#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

/** The functions that SIMDe 0.7 lacks. */
using __mmask8 = simde__mmask8;
using __mmask16 = simde__mmask16;
using __mmask32 = simde__mmask32;
inline __m512d _mm512_cvtps_pd(__m256 narrow) {
  float in[8];
  double out[8];
  _mm256_storeu_ps(in, narrow);
  for (int j = 0; j < 8; ++j) out[j] = in[j];
  return _mm512_loadu_pd(out);
}
inline __m512 _mm512_maskz_loadu_ps(__mmask16 where, const void* from) {
  float out[16] = {};
  for (int j = 0; j < 16; ++j) {
    if ((where >> j & 1) != 0) out[j] = static_cast<const float*>(from)[j];
  }
  return _mm512_loadu_ps(out);
}
inline void _mm512_stream_ps(float* to, __m512 v) { _mm512_store_ps(to, v); }
inline void _mm512_stream_pd(double* to, __m512d v) { _mm512_store_pd(to, v); }
inline void _mm512_stream_si512(__m512i* to, __m512i v) { _mm512_store_si512(to, v); }

/** float16 by the compiler's own conversions, which know nothing of those in native/kernels. */
typedef float Half __attribute__((mode(HF)));
#undef _mm_cvtph_ps
#undef _mm256_cvtph_ps
#undef _mm_cvtps_ph
#undef _mm256_cvtps_ph
#undef _MM_FROUND_TO_NEAREST_INT
#define _MM_FROUND_TO_NEAREST_INT 0

template <class To, class From, class Vector>
inline void convertAll(To* to, Vector v) {
  From from[sizeof(Vector) / sizeof(From)];
  __builtin_memcpy(from, &v, sizeof v);
  for (size_t j = 0; j < sizeof(Vector) / sizeof(From); ++j) to[j] = static_cast<To>(from[j]);
}
inline __m512 _mm512_cvtph_ps(__m256i halves) {
  float to[16];
  convertAll<float, Half>(to, halves);
  return _mm512_loadu_ps(to);
}
inline __m256 _mm256_cvtph_ps(__m128i halves) {
  float to[8];
  convertAll<float, Half>(to, halves);
  return _mm256_loadu_ps(to);
}
inline __m128 _mm_cvtph_ps(__m128i halves) {
  float to[8];
  convertAll<float, Half>(to, halves);
  return _mm_loadu_ps(to);
}
inline __m256i _mm512_cvtps_ph(__m512 floats, int) {
  Half to[16];
  convertAll<Half, float>(to, floats);
  return _mm256_loadu_si256(reinterpret_cast<__m256i*>(to));
}
inline __m128i _mm256_cvtps_ph(__m256 floats, int) {
  Half to[8];
  convertAll<Half, float>(to, floats);
  return _mm_loadu_si128(reinterpret_cast<__m128i*>(to));
}
inline __m128i _mm_cvtps_ph(__m128 floats, int) {
  Half to[8] = {};
  convertAll<Half, float>(to, floats);
  return _mm_loadu_si128(reinterpret_cast<__m128i*>(to));
}
inline __m128i _mm256_cvtepi32_epi16(__m256i wide) {
  int16_t to[8];
  convertAll<int16_t, int32_t>(to, wide);
  return _mm_loadu_si128(reinterpret_cast<__m128i*>(to));
}
inline __m256i _mm256_mask_or_epi32(__m256i other, __mmask8 where, __m256i a, __m256i b) {
  return _mm256_mask_blend_epi32(where, other, _mm256_or_si256(a, b));
}
