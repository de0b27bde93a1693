// The thin layer between the kernels and the instruction set. Each header in vec/ defines three types of vectors:
//
//   F  floats, as many as a register holds          (elementwise passes, float32)
//   D  doubles, as many as a register holds         (sums; elementwise passes, float64)
//   H  floats, as many as D has doubles             (what is widened into sums)
//
// Each has LENGTH, a static load(pointer) and splat(value), and the functions store, add, sub, mul, gate, relu, atMost
// and choose. H has widen (to D), F has lowerHalf and upperHalf (as H), D has addExactProduct, F and D have stream, and
// drain comes after streaming. F and H load 16 bits, too, and storeHalf and streamHalf round to them. This file gives
// float and double the same functions, so that a formula is written once and serves vectors and tails alike.
#pragma once
#include "half.h"
#include "layout.h"

// BN_INLINE    a function that is only fast in the registers of its caller
// BN_NOINLINE  a loop that would else be compiled into each of its callers
// BN_UNROLL    before a loop over memory that pays for four steps at a time
// BN_SINGLY    before a loop over few elements, one by one: Clang makes no vectors of it. `singly` is for GCC, too
#if defined(_MSC_VER) && !defined(__clang__)
#define BN_INLINE __forceinline
#define BN_NOINLINE __declspec(noinline)
#define BN_UNROLL
#define BN_SINGLY
#else
#define BN_INLINE inline __attribute__((always_inline))
#define BN_NOINLINE __attribute__((noinline))
#define BN_UNROLL _Pragma("GCC unroll 4")
#if defined(__clang__)
#define BN_SINGLY _Pragma("clang loop vectorize(disable) unroll(disable)")
#else
#define BN_SINGLY
#endif
#endif

#if defined(BN_AVX512)
#include "vec/avx512.h"
#elif defined(BN_AVX2)
#include "vec/avx2.h"
#elif defined(BN_NEON)
#include "vec/neon.h"
#else
#include "vec/baseline.h"
#endif
#include "even_odd.h"

namespace bn {
namespace BN_ISA {
namespace {

/**
 * Calls each(k) for k .. end, the few single elements at the ends of rows. No compiler makes vectors of them, whose
 * code is long, and asking whether they pay takes longer than the elements. GCC before 14 has no word for this, but an
 * empty statement that it may not move.
 */
template <class Each>
BN_INLINE void singly(size_t k, size_t end, const Each& each) {
  BN_SINGLY
  for (; k < end; ++k) {
#if defined(__GNUC__) && !defined(__clang__)
    __asm__ volatile("");
#endif
    each(k);
  }
}

inline D widen(D v) { return v; }

/** The doubles of an F. */
struct Doubles {
  static constexpr size_t LENGTH = F::LENGTH;
  D lower, upper;
  static Doubles load(const double* p) { return {D::load(p), D::load(p + D::LENGTH)}; }
  static Doubles splat(double x) { return {D::splat(x), D::splat(x)}; }
};
inline Doubles widen(F v) { return {widen(lowerHalf(v)), widen(upperHalf(v))}; }
inline void store(double* p, Doubles v) {
  store(p, v.lower);
  store(p + D::LENGTH, v.upper);
}
inline Doubles add(Doubles a, Doubles b) { return {add(a.lower, b.lower), add(a.upper, b.upper)}; }
inline Doubles addExactProduct(Doubles sum, Doubles a, Doubles b) {
  return {addExactProduct(sum.lower, a.lower, b.lower), addExactProduct(sum.upper, a.upper, b.upper)};
}

inline void store(float* p, float v) { *p = v; }
inline void store(double* p, double v) { *p = v; }
inline float add(float a, float b) { return a + b; }
inline double add(double a, double b) { return a + b; }
inline float sub(float a, float b) { return a - b; }
inline double sub(double a, double b) { return a - b; }
inline float mul(float a, float b) { return a * b; }
inline double mul(double a, double b) { return a * b; }
inline double widen(float v) { return v; }
inline double widen(double v) { return v; }
inline double addExactProduct(double sum, double a, double b) { return sum + a * b; }

/** v where `where` is true, +0 elsewhere: by bits, since half of the branches on signs of noise are guessed wrongly. */
inline float keptIf(bool where, float v) { return floatOf(bitsOf(v) & (0u - where)); }
inline double keptIf(bool where, double v) {
  uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  bits &= uint64_t{0} - where;
  std::memcpy(&v, &bits, sizeof bits);
  return v;
}

/** v where z > 0, +0 where z ≤ 0, NaN where z is NaN. */
inline float gate(float v, float z) { return z != z ? z : keptIf(z > 0, v); }
inline double gate(double v, double z) { return z != z ? z : keptIf(z > 0, v); }

/** z where z > 0 or z is NaN, +0 elsewhere: gate(z, z) in fewer instructions. */
inline float relu(float z) { return keptIf(!(z <= 0), z); }
inline double relu(double z) { return keptIf(!(z <= 0), z); }

/** True where a ≤ b, and so nowhere where one of them is NaN. */
inline bool atMost(float a, float b) { return a <= b; }
inline bool atMost(double a, double b) { return a <= b; }
/** a where `where` is true, b elsewhere. */
inline float choose(bool where, float a, float b) { return where ? a : b; }
inline double choose(bool where, double a, double b) { return where ? a : b; }

template <class V>
inline void store(Float16* p, V v) {
  storeHalf(p, v);
}
template <class V>
inline void store(Bfloat16* p, V v) {
  storeHalf(p, v);
}
template <class V>
inline void stream(Float16* p, V v) {
  streamHalf(p, v);
}
template <class V>
inline void stream(Bfloat16* p, V v) {
  streamHalf(p, v);
}

/** Stores v at p. If STREAM, it goes past the caches, and p must be aligned to the vector. */
template <bool STREAM, class T, class V>
inline void put(T* p, V v) {
  if constexpr (STREAM) {
    stream(p, v);
  } else {
    store(p, v);
  }
}

/** The properties of V that kernels use, the same for vectors and single elements. Sum is the type of its sums. */
template <class V, class SUM = D>
struct VectorTraits {
  using Sum = SUM;
  static constexpr size_t LENGTH = V::LENGTH;
  template <class T>
  static V load(const T* p) {
    return V::load(p);
  }
  template <class T>
  static V splat(T v) {
    return V::splat(v);
  }
};
template <class V>
struct Traits : VectorTraits<V> {};
template <>
struct Traits<F> : VectorTraits<F, Doubles> {};
template <>
struct Traits<Doubles> : VectorTraits<Doubles, Doubles> {};
template <class T>
struct ScalarTraits {
  using Sum = double;
  static constexpr size_t LENGTH = 1;
  static T load(const T* p) { return *p; }
  static float load(const Float16* p) { return wideOf(*p); }
  static float load(const Bfloat16* p) { return wideOf(*p); }
  static T splat(T v) { return v; }
};
template <>
struct Traits<float> : ScalarTraits<float> {};
template <>
struct Traits<double> : ScalarTraits<double> {};

/** The vectors of an element type: Full for elementwise passes, in rows of a channel also Mapped, and Part for sums. */
template <class T>
struct Vectors;
template <>
struct Vectors<float> {
  using Mapped = F;
  using Full = F;
  using Part = H;
};
template <>
struct Vectors<double> {
  using Mapped = D;
  using Full = D;
  using Part = D;
};
template <>
struct Vectors<Float16> : Vectors<float> {};
template <>
struct Vectors<Bfloat16> : Vectors<float> {
  using Mapped = EvenOdd;
};
template <>
struct Vectors<Half> : Vectors<float> {};

/** The vectors that sums take. Much arithmetic on floats is done on full vectors, whose halves are widened then. */
template <class T, bool BY_FULL>
struct Summand {
  using Vector = typename Vectors<T>::Part;
};
template <class T>
struct Summand<T, true> {
  using Vector = typename Vectors<T>::Full;
};

/** sum + a·b. float32 factors make exact products, where a fused and an unfused sum are the same bits. */
template <class Sum>
inline Sum addProduct(Sum sum, Sum a, Sum b, float) {
  return addExactProduct(sum, a, b);
}
template <class Sum>
inline Sum addProduct(Sum sum, Sum a, Sum b, double) {
  return add(sum, mul(a, b));
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
