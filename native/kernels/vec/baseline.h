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
  static F load(const Float16* p);
  static F load(const Bfloat16* p);
  static F splat(float x) { return {_mm_set1_ps(x)}; }
};
/** Two floats in the lower half of a register. */
struct H {
  static constexpr size_t LENGTH = 2;
  __m128 v;
  static H load(const float* p) { return {_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))}; }
  static H load(const Float16* p);
  static H load(const Bfloat16* p);
  static H splat(float x) { return {_mm_set1_ps(x)}; }
};
struct D {
  static constexpr size_t LENGTH = 2;
  __m128d v;
  static D load(const double* p) { return {_mm_loadu_pd(p)}; }
  static D splat(double x) { return {_mm_set1_pd(x)}; }
};

inline __m128i select(__m128i where, __m128i a, __m128i b) {
  return _mm_or_si128(_mm_and_si128(where, a), _mm_andnot_si128(where, b));
}
inline __m128i load64(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
inline __m128i load32(const void* p) {
  int pair;
  std::memcpy(&pair, p, sizeof pair);
  return _mm_cvtsi32_si128(pair);
}

/** The floats of four numbers of 16 bits. bfloat16 is the upper half of a float. */
inline __m128 wide(const Bfloat16*, __m128i halves) {
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), halves));
}
/** float16: as float bits it is 2^112 too small, and what is not finite is finite. */
inline __m128 wide(const Float16*, __m128i halves) {
  const __m128i bits = _mm_unpacklo_epi16(_mm_setzero_si128(), halves);
  const __m128i magnitude = _mm_srli_epi32(_mm_and_si128(bits, _mm_set1_epi32(0x7fff0000)), 3);
  const __m128i sign = _mm_and_si128(bits, _mm_set1_epi32(static_cast<int>(0x80000000)));
  const __m128i isInfinite = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32((31 << 23) - 1));
  const __m128i above = _mm_or_si128(sign, _mm_and_si128(isInfinite, _mm_set1_epi32(0x7f800000)));
  const __m128 raised = _mm_mul_ps(_mm_castsi128_ps(magnitude), _mm_set1_ps(0x1p112f));
  return _mm_or_ps(raised, _mm_castsi128_ps(above));
}
inline F F::load(const Float16* p) { return {wide(p, load64(p))}; }
inline H H::load(const Float16* p) { return {wide(p, load32(p))}; }
inline F F::load(const Bfloat16* p) { return {wide(p, load64(p))}; }
inline H H::load(const Bfloat16* p) { return {wide(p, load32(p))}; }

/** The nearest numbers of 16 bits. bfloat16: NaN keeps its upper half as it is. */
inline __m128i nearest(const Bfloat16*, __m128 a) {
  const __m128i bits = _mm_castps_si128(a), odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
  const __m128i rounded = _mm_add_epi32(_mm_add_epi32(bits, _mm_set1_epi32(0x7fff)), odd);
  const __m128i halves = _mm_srai_epi32(rounded, 16);
  return _mm_packs_epi32(halves, halves);
}
/**
 * float16: added to an anchor, 2^13 times its own power of two (at least 2^-14), a number is rounded to the unit that
 * it has there; the sum of 10 or 11 bits and the exponent is the result. 65536 stands for all above, infinities and
 * NaN.
 */
inline __m128i nearest(const Float16*, __m128 a) {
  const __m128i bits = _mm_castps_si128(a);
  const __m128 magnitude = _mm_and_ps(a, _mm_castsi128_ps(_mm_set1_epi32(0x7fffffff)));
  const __m128 bounded = _mm_min_ps(magnitude, _mm_set1_ps(65536));
  const __m128 power = _mm_and_ps(bounded, _mm_castsi128_ps(_mm_set1_epi32(0x7f800000)));
  const __m128i anchor =
      _mm_add_epi32(_mm_castps_si128(_mm_max_ps(power, _mm_set1_ps(0x1p-14f))), _mm_set1_epi32(13 << 23));
  const __m128i sum = _mm_castps_si128(_mm_add_ps(bounded, _mm_castsi128_ps(anchor)));
  const __m128i exponent = _mm_sub_epi32(_mm_srli_epi32(anchor, 13), _mm_set1_epi32(126 << 10));
  const __m128i finite = _mm_add_epi32(_mm_sub_epi32(sum, anchor), exponent);
  const __m128i payload = _mm_and_si128(_mm_srli_epi32(bits, 13), _mm_set1_epi32(0x3ff));
  const __m128i isNan = _mm_castps_si128(_mm_cmpunord_ps(a, a));
  const __m128i nan = _mm_and_si128(isNan, _mm_or_si128(payload, _mm_set1_epi32(0x200)));
  const __m128i sign = _mm_and_si128(_mm_srai_epi32(bits, 16), _mm_set1_epi32(-0x8000));
  const __m128i halves = _mm_or_si128(_mm_or_si128(finite, nan), sign);
  return _mm_packs_epi32(halves, halves);
}
/** Numbers of bfloat16 at even and at odd places, as floats. */
inline __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline F loadEven(const Bfloat16* p) { return {_mm_castsi128_ps(_mm_slli_epi32(load128(p), 16))}; }
inline F loadOdd(const Bfloat16* p) {
  return {_mm_castsi128_ps(_mm_and_si128(load128(p), _mm_set1_epi32(static_cast<int>(0xffff0000))))};
}
/** Words of 16 bits side by side, rounded up where the lower half of the float is more than 0x8000, or that and odd. */
inline __m128i nearest(F even, F odd) {
  const __m128i a = _mm_castps_si128(even.v), b = _mm_castps_si128(odd.v);
  const __m128i above = _mm_set1_epi32(static_cast<int>(0xffff0000));
  const __m128i upper = _mm_or_si128(_mm_srli_epi32(a, 16), _mm_and_si128(b, above));
  const __m128i lower = _mm_or_si128(_mm_andnot_si128(above, a), _mm_slli_epi32(b, 16));
  const __m128i isEven = _mm_andnot_si128(upper, _mm_set1_epi16(1));
  return _mm_sub_epi16(upper, _mm_srai_epi16(_mm_subs_epu16(lower, isEven), 15));
}
inline void storeWords(Bfloat16* p, __m128i words) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words); }
inline void streamWords(Bfloat16* p, __m128i words) { _mm_stream_si128(reinterpret_cast<__m128i*>(p), words); }

/** Quiet NaN with nothing in the lower half, and all else as it is. */
inline F quiet(F a) {
  const __m128i bits = _mm_castps_si128(a.v), upper = _mm_slli_epi32(_mm_srli_epi32(bits, 16), 16);
  const __m128i isNan = _mm_castps_si128(_mm_cmpunord_ps(a.v, a.v));
  return {_mm_castsi128_ps(select(isNan, _mm_or_si128(upper, _mm_set1_epi32(0x400000)), bits))};
}
/**
 * Writes COUNT floats of float16, eight numbers at a time; false where one is not finite, whose float is wrong then.
 * As float bits a number is 2^112 too small, as in `wide`. Intel's processors take long for subnormal numbers here.
 */
template <size_t COUNT>
inline bool widenMany(float* to, const Float16* from) {
  const __m128i zero = _mm_setzero_si128(), unsignedPart = _mm_set1_epi16(0x7fff);
  __m128i largest = zero;
  const auto raised = [](__m128i upper) {
    const __m128i bits = _mm_and_si128(_mm_srai_epi32(upper, 3), _mm_set1_epi32(static_cast<int>(0x8fffe000)));
    return _mm_mul_ps(_mm_castsi128_ps(bits), _mm_set1_ps(0x1p112f));
  };
  for (size_t k = 0; k < COUNT; k += 8) {
    const __m128i halves = load128(from + k);
    largest = _mm_max_epi16(largest, _mm_and_si128(halves, unsignedPart));
    _mm_storeu_ps(to + k, raised(_mm_unpacklo_epi16(zero, halves)));
    _mm_storeu_ps(to + k + 4, raised(_mm_unpackhi_epi16(zero, halves)));
  }
  return _mm_movemask_epi8(_mm_cmpgt_epi16(largest, _mm_set1_epi16(0x7bff))) == 0;
}
/**
 * Writes COUNT numbers of float16, eight at a time; false where one is not finite, whose bits may be wrong then. The
 * same sum with an anchor as in `nearest`: exponents are found in 16 bits, from 2^-14 on, since 0.5 is its anchor.
 */
template <bool STREAM, size_t COUNT>
inline bool roundMany(Float16* to, const float* from) {
  __m128i largest = _mm_setzero_si128();
  const auto digits = [](__m128 a, __m128i anchor) {
    const __m128 magnitude = _mm_and_ps(a, _mm_castsi128_ps(_mm_set1_epi32(0x7fffffff)));
    return _mm_sub_epi32(_mm_castps_si128(_mm_add_ps(magnitude, _mm_castsi128_ps(anchor))), anchor);
  };
  for (size_t k = 0; k < COUNT; k += 8) {
    const __m128 a = _mm_loadu_ps(from + k), b = _mm_loadu_ps(from + k + 4);
    const __m128i upper =
        _mm_packs_epi32(_mm_srai_epi32(_mm_castps_si128(a), 16), _mm_srai_epi32(_mm_castps_si128(b), 16));
    const __m128i above = _mm_subs_epu16(_mm_and_si128(upper, _mm_set1_epi16(0x7f80)), _mm_set1_epi16(113 << 7));
    const __m128i exponent = _mm_min_epi16(above, _mm_set1_epi16(30 << 7));
    const __m128i anchor = _mm_add_epi16(exponent, _mm_set1_epi16(126 << 7)), zero = _mm_setzero_si128();
    const __m128i sum =
        _mm_packs_epi32(digits(a, _mm_unpacklo_epi16(zero, anchor)), digits(b, _mm_unpackhi_epi16(zero, anchor)));
    const __m128i magnitude = _mm_adds_epi16(sum, _mm_slli_epi16(exponent, 3));
    const __m128i halves = _mm_or_si128(magnitude, _mm_and_si128(upper, _mm_set1_epi16(-0x8000)));
    largest = _mm_max_epi16(largest, magnitude);
    if constexpr (STREAM) {
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + k), halves);
    } else {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + k), halves);
    }
  }
  return _mm_movemask_epi8(_mm_cmpgt_epi16(largest, _mm_set1_epi16(0x7bff))) == 0;
}
template <class T>
inline void storeHalf(T* p, F a) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), nearest(p, a.v));
}
template <class T>
inline void storeHalf(T* p, H a) {
  const int pair = _mm_cvtsi128_si32(nearest(p, a.v));
  std::memcpy(p, &pair, sizeof pair);
}
template <class T>
inline void streamHalf(T* p, F a) {
  _mm_stream_si64(reinterpret_cast<long long*>(p), _mm_cvtsi128_si64(nearest(p, a.v)));
}

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
inline H lowerHalf(F a) { return {a.v}; }
inline H upperHalf(F a) { return {_mm_movehl_ps(a.v, a.v)}; }
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
inline F relu(F z) { return {_mm_and_ps(_mm_cmpnle_ps(z.v, _mm_setzero_ps()), z.v)}; }
inline H relu(H z) { return {_mm_and_ps(_mm_cmpnle_ps(z.v, _mm_setzero_ps()), z.v)}; }
inline D relu(D z) { return {_mm_and_pd(_mm_cmpnle_pd(z.v, _mm_setzero_pd()), z.v)}; }

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
