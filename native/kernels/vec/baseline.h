// SSE2, which every x86-64 processor has: 4 floats, 2 doubles, no fused multiply-add.
#pragma once
#include <emmintrin.h>

namespace bn {
namespace BN_ISA {
namespace {

struct F {
  static constexpr size_t LENGTH = 4;
  __m128 v;
  static F load(const float* p) { return {_mm_loadu_ps(p)}; }
  static F splat(float x) { return {_mm_set1_ps(x)}; }
};
/** Two floats in the lower half of a register. */
struct H {
  static constexpr size_t LENGTH = 2;
  __m128 v;
  static H load(const float* p) { return {_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))}; }
  static H splat(float x) { return {_mm_set1_ps(x)}; }
};
struct D {
  static constexpr size_t LENGTH = 2;
  __m128d v;
  static D load(const double* p) { return {_mm_loadu_pd(p)}; }
  static D splat(double x) { return {_mm_set1_pd(x)}; }
};

inline void store(float* p, F a) { _mm_storeu_ps(p, a.v); }
inline void store(float* p, H a) { _mm_storel_pi(reinterpret_cast<__m64*>(p), a.v); }
inline void store(double* p, D a) { _mm_storeu_pd(p, a.v); }
/** Stores past the caches; p must be aligned to the vector. */
inline void stream(float* p, F a) { _mm_stream_ps(p, a.v); }
inline void stream(double* p, D a) { _mm_stream_pd(p, a.v); }
/** Waits for what was streamed. It comes before another thread may read that. */
inline void drain() { _mm_sfence(); }
inline F add(F a, F b) { return {_mm_add_ps(a.v, b.v)}; }
inline H add(H a, H b) { return {_mm_add_ps(a.v, b.v)}; }
inline D add(D a, D b) { return {_mm_add_pd(a.v, b.v)}; }
inline F sub(F a, F b) { return {_mm_sub_ps(a.v, b.v)}; }
inline H sub(H a, H b) { return {_mm_sub_ps(a.v, b.v)}; }
inline D sub(D a, D b) { return {_mm_sub_pd(a.v, b.v)}; }
inline F mul(F a, F b) { return {_mm_mul_ps(a.v, b.v)}; }
inline H mul(H a, H b) { return {_mm_mul_ps(a.v, b.v)}; }
inline D mul(D a, D b) { return {_mm_mul_pd(a.v, b.v)}; }
inline D widen(H a) { return {_mm_cvtps_pd(a.v)}; }
inline D addExactProduct(D sum, D a, D b) { return {_mm_add_pd(sum.v, _mm_mul_pd(a.v, b.v))}; }

inline __m128 gate(__m128 a, __m128 z) {
  const __m128 positive = _mm_and_ps(_mm_cmpgt_ps(z, _mm_setzero_ps()), a);
  return _mm_or_ps(positive, _mm_and_ps(_mm_cmpunord_ps(z, z), z));
}
inline F gate(F a, F z) { return {gate(a.v, z.v)}; }
inline H gate(H a, H z) { return {gate(a.v, z.v)}; }
inline D gate(D a, D z) {
  const __m128d positive = _mm_and_pd(_mm_cmpgt_pd(z.v, _mm_setzero_pd()), a.v);
  return {_mm_or_pd(positive, _mm_and_pd(_mm_cmpunord_pd(z.v, z.v), z.v))};
}

/** atMost is true where a ≤ b; choose is a where that is so, and b elsewhere. */
inline __m128 atMost(F a, F b) { return _mm_cmple_ps(a.v, b.v); }
inline __m128 atMost(H a, H b) { return _mm_cmple_ps(a.v, b.v); }
inline __m128d atMost(D a, D b) { return _mm_cmple_pd(a.v, b.v); }
inline __m128 choose(__m128 where, __m128 a, __m128 b) {
  return _mm_or_ps(_mm_and_ps(where, a), _mm_andnot_ps(where, b));
}
inline F choose(__m128 where, F a, F b) { return {choose(where, a.v, b.v)}; }
inline H choose(__m128 where, H a, H b) { return {choose(where, a.v, b.v)}; }
inline D choose(__m128d where, D a, D b) { return {_mm_or_pd(_mm_and_pd(where, a.v), _mm_andnot_pd(where, b.v))}; }

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
