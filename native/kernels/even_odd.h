// Two vectors of bfloat16 at a time: numbers at even places and numbers at odd ones. Each half of a word of 32 bits is
// the upper half of a float, so one shift makes floats of the numbers at even places, and one mask of those at odd
// ones; results are put side by side again and rounded in words of 16 bits. NEON has no such pairs.
#pragma once

namespace bn {
namespace BN_ISA {
namespace {

#if defined(BN_NEON)

/** What elementwise passes over bfloat16 take. */
using EvenOdd = F;

#else

/** As many numbers as two F have. */
struct EvenOdd {
  static constexpr size_t LENGTH = 2 * F::LENGTH;
  F even, odd;
  static EvenOdd load(const Bfloat16* p) { return {loadEven(p), loadOdd(p)}; }
  static EvenOdd splat(float x) { return {F::splat(x), F::splat(x)}; }
};

inline EvenOdd add(EvenOdd a, EvenOdd b) { return {add(a.even, b.even), add(a.odd, b.odd)}; }
inline EvenOdd sub(EvenOdd a, EvenOdd b) { return {sub(a.even, b.even), sub(a.odd, b.odd)}; }
inline EvenOdd mul(EvenOdd a, EvenOdd b) { return {mul(a.even, b.even), mul(a.odd, b.odd)}; }
inline EvenOdd gate(EvenOdd a, EvenOdd z) { return {gate(a.even, z.even), gate(a.odd, z.odd)}; }
inline EvenOdd relu(EvenOdd z) { return {relu(z.even), relu(z.odd)}; }
inline void storeHalf(Bfloat16* p, EvenOdd a) { storeWords(p, nearest(a.even, a.odd)); }
inline void streamHalf(Bfloat16* p, EvenOdd a) { streamWords(p, nearest(a.even, a.odd)); }

#endif

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
