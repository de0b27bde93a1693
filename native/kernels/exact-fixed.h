// Exact sums as whole numbers, where the processor multiplies and adds integers of 52 bits: AVX512IFMA.
//
// A value plus an anchor 1.5·2^(52 + unit) is a float64 whose last 52 bits are 2^51 plus the value in units: exactly,
// unless the unit does not divide the value, which the processor notes as an inexact result, or the value is 2^51
// units or more, which changes the exponent. The bits are added up, and so are the lower and the upper 52 bits of
// their products. What 2^51 adds to all this is known, and is subtracted when the sums are settled. Bins of float64
// (exact-bins.h) have less room: here values may reach over 51 bits, and 512 are added before sums are settled.
#pragma once
#include "exact-bins.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Values that are added before sums are settled: so each stays below 2^62. */
constexpr size_t FIXED_TERMS = 512;
/** Bits from the unit of the values to their largest exponent. */
constexpr int FIXED_REACH = 51;

#if defined(BN_AVX512) && !defined(BN_WITHOUT_IFMA)

constexpr bool CAN_BE_FIXED = true;

/** The numbers of a vector of columns, which lie in the place of bins: one behind the other, `width` apart. */
enum FixedPlace { SUM_OF_G, SUM_OF_D, LOW, HIGH, BEYOND };

#if defined(_MSC_VER)
inline __m512i addLowOfProduct(__m512i sum, __m512i a, __m512i b) { return _mm512_madd52lo_epu64(sum, a, b); }
inline __m512i addHighOfProduct(__m512i sum, __m512i a, __m512i b) { return _mm512_madd52hi_epu64(sum, a, b); }
#else
// Written as instructions: the intrinsics want -mavx512ifma, and what the compiler makes of that runs on fewer
// processors.
BN_INLINE __m512i addLowOfProduct(__m512i sum, __m512i a, __m512i b) {
  __asm__("vpmadd52luq %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
BN_INLINE __m512i addHighOfProduct(__m512i sum, __m512i a, __m512i b) {
  __asm__("vpmadd52huq %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
#endif

/** The processor's note of inexact results. */
class Inexact {
 public:
  static void forget() {
    if (isNoted()) _mm_setcsr(_mm_getcsr() & ~FLAG);
  }
  /** Whether any result was rounded since it was forgotten. */
  static bool isNoted() { return (_mm_getcsr() & FLAG) != 0; }

 private:
  static constexpr unsigned FLAG = 0x20;
};

/** The sums of a vector of columns while values are added. Every other product goes to twins. */
template <bool SQUARES>
struct FixedVector {
  static constexpr bool UNROLLED = SQUARES;
  struct Half {
    __m512i anchorOfG, anchorOfD, sumOfG, sumOfD, low, high, lowTwin, highTwin;

    BN_INLINE void begin(const double* anchors, size_t width) {
      anchorOfG = _mm512_loadu_si512(anchors);
      anchorOfD = _mm512_loadu_si512(anchors + (SQUARES ? 0 : width));
      sumOfG = sumOfD = low = high = lowTwin = highTwin = _mm512_setzero_si512();
    }
    BN_INLINE void load(const double* sums, size_t width) {
      sumOfG = _mm512_loadu_si512(sums + SUM_OF_G * width);
      if (!SQUARES) sumOfD = _mm512_loadu_si512(sums + SUM_OF_D * width);
      low = _mm512_loadu_si512(sums + LOW * width);
      high = _mm512_loadu_si512(sums + HIGH * width);
    }
    BN_INLINE void save(double* sums, size_t width) const {
      _mm512_storeu_si512(sums + SUM_OF_G * width, sumOfG);
      if (!SQUARES) _mm512_storeu_si512(sums + SUM_OF_D * width, sumOfD);
      _mm512_storeu_si512(sums + LOW * width, _mm512_add_epi64(low, lowTwin));
      _mm512_storeu_si512(sums + HIGH * width, _mm512_add_epi64(high, highTwin));
    }
    template <bool TWIN>
    BN_INLINE void add(D g, D d, __m512i& beyond) {
      const __m512i a = fixed(g, anchorOfG, sumOfG, beyond), b = SQUARES ? a : fixed(d, anchorOfD, sumOfD, beyond);
      (TWIN ? lowTwin : low) = addLowOfProduct(TWIN ? lowTwin : low, a, b);
      (TWIN ? highTwin : high) = addHighOfProduct(TWIN ? highTwin : high, a, b);
    }

   private:
    /** The bits of a value plus its anchor; which of them differ from the anchor is put together in `beyond`. */
    BN_INLINE static __m512i fixed(D value, __m512i anchor, __m512i& sum, __m512i& beyond) {
      constexpr int OR_DIFFERENCE = 0xf6;
      const __m512i bits = _mm512_castpd_si512(_mm512_add_pd(value.v, _mm512_castsi512_pd(anchor)));
      sum = _mm512_add_epi64(sum, bits);
      beyond = _mm512_ternarylogic_epi64(beyond, bits, anchor, OR_DIFFERENCE);
      return bits;
    }
  };
  Half lower, upper;
  __m512i beyond[2];

  BN_INLINE void begin(const BinState& state, size_t j) {
    lower.begin(state.anchors + j, state.width);
    upper.begin(state.anchors + j + D::LENGTH, state.width);
    beyond[0] = beyond[1] = _mm512_setzero_si512();
  }
  BN_INLINE void load(const BinState& state, size_t j) {
    begin(state, j);
    lower.load(state.sums + j, state.width);
    upper.load(state.sums + j + D::LENGTH, state.width);
    beyond[0] = _mm512_loadu_si512(state.sums + BEYOND * state.width + j);
  }
  BN_INLINE void save(BinState& state, size_t j) const {
    lower.save(state.sums + j, state.width);
    upper.save(state.sums + j + D::LENGTH, state.width);
    _mm512_storeu_si512(state.sums + BEYOND * state.width + j, _mm512_or_si512(beyond[0], beyond[1]));
  }
  template <bool TWIN>
  BN_INLINE void add(const float* g, const float* d, const float* center) {
    const D first = widen(H::load(g)), second = widen(H::load(g + H::LENGTH));
    if constexpr (SQUARES) return addHalves<TWIN>(first, second, first, second);
    const F by = less(F::load(d), F::load(center));
    addHalves<TWIN>(first, second, widen(lowerHalf(by)), widen(upperHalf(by)));
  }
  /** Adds `count` values, fewer than there are columns, and 0 to the other columns. */
  BN_INLINE void addSome(const float* g, const float* d, const float* center, size_t count) {
    const F of = loadSome(g, count);
    const F by = SQUARES ? of : keepSome(less(loadSome(d, count), F::load(center)), count);
    addHalves<false>(widen(lowerHalf(of)), widen(upperHalf(of)), widen(lowerHalf(by)), widen(upperHalf(by)));
  }

 private:
  template <bool TWIN>
  BN_INLINE void addHalves(D lowerG, D upperG, D lowerD, D upperD) {
    lower.template add<TWIN>(lowerG, lowerD, beyond[0]);
    upper.template add<TWIN>(upperG, upperD, beyond[1]);
  }
  /** a − b, rounded without a note. */
  BN_INLINE static F less(F a, F b) {
    return {_mm512_sub_round_ps(a.v, b.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
};

/** Whether all values that were added to the vector of columns at j were below 2^51 units. */
inline bool areFixed(const BinState& state, size_t j) {
  const __m512i exponents = _mm512_set1_epi64(static_cast<long long>(0xfff0000000000000));
  const __m512i beyond = _mm512_loadu_si512(state.sums + BEYOND * state.width + j);
  return _mm512_test_epi64_mask(beyond, exponents) == 0;
}

/**
 * Moves the sums of `added` values to the integers of the vector of columns at j: that of g, and that of products in
 * units of 2^52 and in units. True where one of them has become so large that all want to be emptied.
 *
 *   Σ (g + 2^51)(d + 2^51) = Σ g·d + 2^51·(Σ g + Σ d) + added·2^102
 */
template <bool SQUARES>
BN_INLINE bool settleFixed(BinState& state, size_t j, size_t added) {
  const size_t width = state.width;
  const __m512i terms = _mm512_set1_epi64(static_cast<long long>(added)), one = _mm512_set1_epi64(1);
  const __m512i ones = _mm512_slli_epi64(terms, 50), last52 = _mm512_set1_epi64((1LL << 52) - 1);
  __m512i size = _mm512_setzero_si512();
  for (size_t k = j; k < j + F::LENGTH; k += D::LENGTH) {
    const double *const sums = state.sums + k, *const anchors = state.anchors + k;
    const auto sumOf = [&](FixedPlace place, size_t anchor) {
      const __m512i bits = _mm512_loadu_si512(anchors + anchor * width);
      // Anchors have 1 as their 52nd bit, and 0 in those below: only the upper 13 bits count.
      const __m512i all = _mm512_slli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(bits, 51), terms), 51);
      return _mm512_sub_epi64(_mm512_loadu_si512(sums + place * width), all);
    };
    const __m512i g = sumOf(SUM_OF_G, 0), d = SQUARES ? g : sumOf(SUM_OF_D, 1), both = _mm512_add_epi64(g, d);
    __m512i high = _mm512_sub_epi64(_mm512_loadu_si512(sums + HIGH * width), ones);
    high = _mm512_sub_epi64(high, _mm512_srai_epi64(both, 1));
    __m512i low = _mm512_loadu_si512(sums + LOW * width);
    low = _mm512_sub_epi64(low, _mm512_slli_epi64(_mm512_and_si512(both, one), 51));
    high = _mm512_add_epi64(high, _mm512_srai_epi64(low, 52));
    low = _mm512_and_si512(low, last52);
    const __m512i moved[] = {g, high, low};
    for (size_t bin = 0; bin < 3; ++bin) {
      int64_t* const at = state.integers + bin * width + k;
      const __m512i sum = _mm512_add_epi64(_mm512_loadu_si512(at), moved[bin]);
      _mm512_storeu_si512(at, sum);
      size = _mm512_or_si512(size, _mm512_xor_si512(sum, _mm512_srai_epi64(sum, 63)));
    }
  }
  return _mm512_test_epi64_mask(size, _mm512_set1_epi64(~((1LL << 60) - 1))) != 0;
}

#else

constexpr bool CAN_BE_FIXED = false;

struct Inexact {
  static void forget() {}
  static bool isNoted() { return false; }
};
inline bool areFixed(const BinState&, size_t) { return false; }
template <bool SQUARES>
bool settleFixed(BinState&, size_t, size_t) {
  return false;
}

#endif

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
