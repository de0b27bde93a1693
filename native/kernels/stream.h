// Writing past the caches: what is larger than they are would only push out of them what is still wanted, and a store
// that fills a whole line need not read it first.
#pragma once
#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

constexpr size_t LINE_BYTES = 64;
/** Bytes that a walk in order fetches ahead, over all tensors that it reads: what memory sends while one byte is on its
 * way. Half of it cost the sums of a backward of (100352,64) a fifth; twice as much is more than the first cache holds
 * beside what else is there. */
constexpr size_t FETCHED_BYTES = 16384;

/** Elements from p back to where its cache line begins. */
template <class T>
inline size_t intoLine(const T* p) {
  return reinterpret_cast<size_t>(p) % LINE_BYTES / sizeof(T);
}
/** Elements from p on to where the next cache line begins, unless one begins there. */
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

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
