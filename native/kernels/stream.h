// Cache lines: where they begin, asking for them early, and writing past the caches. An output that is larger than the
// caches would only push out of them what is still wanted, and a store that fills a whole line need not read it first.
#pragma once
#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

constexpr size_t LINE_BYTES = 64;
/**
 * Bytes that a walk in order fetches ahead, over all tensors that it reads: as many as memory sends while one byte is
 * on its way. Twice as many would not fit the first cache beside what else is there.
 */
constexpr size_t FETCHED_BYTES = 16384;

/** The number of elements from the beginning of the cache line of p to p. */
template <class T>
inline size_t intoLine(const T* p) {
  return reinterpret_cast<size_t>(p) % LINE_BYTES / sizeof(T);
}
/** The same modulo the number of lanes: how far float coefficients begin into a line so that both are aligned. */
template <class T>
inline size_t intoVectors(const T* p) {
  return intoLine(p) % LANES;
}
/** The number of elements from p to the beginning of the next cache line; 0 where one begins at p. */
template <class T>
inline size_t toLine(const T* p) {
  return (LINE_BYTES / sizeof(T) - intoLine(p)) % (LINE_BYTES / sizeof(T));
}

/** Asks for the cache line of p, into the first cache. */
inline void prefetch(const void* p) {
#if defined(_MSC_VER) && !defined(__clang__)
#if defined(_M_X64)
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
#endif
#else
  __builtin_prefetch(p, 0, 3);
#endif
}

/** Asks for the cache line of p, into the second cache. */
inline void prefetchNear(const void* p) {
#if defined(_MSC_VER) && !defined(__clang__)
#if defined(_M_X64)
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1);
#endif
#else
  __builtin_prefetch(p, 0, 2);
#endif
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
