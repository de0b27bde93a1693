// All memory that the addon asks for, so that there is one place where it can be refused: nothing throws, and whoever
// asks looks whether it came. Built with BN_FAIL_ALLOCATION, the addon refuses what a test wants refused
// (test/native-shortage.test.ts); the start of a thread counts there as well.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(BN_FAIL_ALLOCATION)
#include <atomic>
#endif

namespace bn {
namespace memory {

#if defined(BN_FAIL_ALLOCATION)
constexpr long long NEVER = 1LL << 62;
/** How many more requests are granted. Below 0 they are refused: the next one alone, or all. */
inline std::atomic<long long> left{NEVER};
inline std::atomic<bool> refusesAll{false};
inline bool isRefused() {
  const long long before = left.fetch_sub(1);
  return before == 0 || (before < 0 && refusesAll);
}
#else
constexpr bool isRefused() { return false; }
#endif

/** Memory of `bytes` bytes, or null where there is none. */
inline void* allocate(size_t bytes) { return isRefused() ? nullptr : std::malloc(bytes); }
inline void release(void* memory) { std::free(memory); }

/** A new T{values...}, or null where there is no memory for it. */
template <class T, class... Values>
T* make(Values&&... values) {
  void* const place = allocate(sizeof(T));
  return place == nullptr ? nullptr : new (place) T{std::forward<Values>(values)...};
}
template <class T>
void destroy(T* made) {
  made->~T();
  release(made);
}

}  // namespace memory
}  // namespace bn
