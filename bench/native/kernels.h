// The loops of the memory limit: the plainest ones that touch the same arrays.
#pragma once
#include <cstddef>

namespace limit {

/** Elements are handled in blocks of this many floats; slices are multiples of it. */
constexpr size_t BLOCK = 64;

/** The loops of one instruction set. What is written is aligned to 64 bytes, `count` is a multiple of BLOCK. */
struct Kernels {
  const char* isa;
  /** y ← x, with stores that go through the caches or (nt) past them. */
  void (*copy)(float* y, const float* x, size_t count);
  void (*copynt)(float* y, const float* x, size_t count);
  /** y ← x + ½·z */
  void (*triad)(float* y, const float* x, const float* z, size_t count);
  void (*triadnt)(float* y, const float* x, const float* z, size_t count);
  /** Σx, and Σx·z: the first pass of a forward and of a backward. */
  float (*sum)(const float* x, size_t count);
  float (*dot)(const float* x, const float* z, size_t count);
};

#if defined(LIMIT_AVX2)
extern const Kernels kernels_avx2;
#endif
extern const Kernels kernels_baseline;

}  // namespace limit
