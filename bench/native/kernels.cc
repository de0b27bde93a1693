// Compiled once per instruction set, LIMIT_ISA. Nothing of the standard library is used here that could leave a weak
// symbol behind: see ARCHITECTURE.md, "One C++ source".
#include "kernels.h"

#if defined(__AVX2__) || defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

#define LIMIT_NAME(isa) LIMIT_JOIN(kernels_, isa)
#define LIMIT_JOIN(prefix, isa) prefix##isa
#define LIMIT_TEXT(isa) LIMIT_QUOTE(isa)
#define LIMIT_QUOTE(isa) #isa

namespace limit {
namespace {

#if defined(__AVX2__)
using Vector = __m256;
inline Vector load(const float* at) { return _mm256_loadu_ps(at); }
inline void store(float* at, Vector v) { _mm256_store_ps(at, v); }
inline void stream(float* at, Vector v) { _mm256_stream_ps(at, v); }
inline Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
inline Vector all(float value) { return _mm256_set1_ps(value); }
inline void drain() { _mm_sfence(); }
#elif defined(__SSE2__) || defined(_M_X64)
using Vector = __m128;
inline Vector load(const float* at) { return _mm_loadu_ps(at); }
inline void store(float* at, Vector v) { _mm_store_ps(at, v); }
inline void stream(float* at, Vector v) { _mm_stream_ps(at, v); }
inline Vector add(Vector a, Vector b) { return _mm_add_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm_mul_ps(a, b); }
inline Vector all(float value) { return _mm_set1_ps(value); }
inline void drain() { _mm_sfence(); }
#else
// The compiler makes vectors of these loops; stores past the caches are ordinary ones.
using Vector = float;
inline Vector load(const float* at) { return *at; }
inline void store(float* at, Vector v) { *at = v; }
inline void stream(float* at, Vector v) { *at = v; }
inline Vector add(Vector a, Vector b) { return a + b; }
inline Vector multiply(Vector a, Vector b) { return a * b; }
inline Vector all(float value) { return value; }
inline void drain() {}
#endif

constexpr size_t WIDTH = sizeof(Vector) / sizeof(float);
/** As many chains of additions as hide the latency of one. */
constexpr size_t CHAINS = 8;

template <void (*put)(float*, Vector)>
void copy(float* y, const float* x, size_t count) {
  for (size_t i = 0; i < count; i += BLOCK) {
    for (size_t j = i; j < i + BLOCK; j += WIDTH) put(y + j, load(x + j));
  }
  drain();
}

template <void (*put)(float*, Vector)>
void triad(float* y, const float* x, const float* z, size_t count) {
  const Vector half = all(0.5f);
  for (size_t i = 0; i < count; i += BLOCK) {
    for (size_t j = i; j < i + BLOCK; j += WIDTH) put(y + j, add(load(x + j), multiply(half, load(z + j))));
  }
  drain();
}

float total(const Vector (&chains)[CHAINS]) {
  alignas(64) float lanes[WIDTH];
  Vector whole = chains[0];
  for (size_t k = 1; k < CHAINS; k++) whole = add(whole, chains[k]);
  store(lanes, whole);
  float result = 0;
  for (size_t k = 0; k < WIDTH; k++) result += lanes[k];
  return result;
}

float sum(const float* x, size_t count) {
  Vector chains[CHAINS];
  for (size_t k = 0; k < CHAINS; k++) chains[k] = all(0);
  for (size_t i = 0; i < count; i += CHAINS * WIDTH) {
    for (size_t k = 0; k < CHAINS; k++) chains[k] = add(chains[k], load(x + i + k * WIDTH));
  }
  return total(chains);
}

float dot(const float* x, const float* z, size_t count) {
  Vector chains[CHAINS];
  for (size_t k = 0; k < CHAINS; k++) chains[k] = all(0);
  for (size_t i = 0; i < count; i += CHAINS * WIDTH) {
    for (size_t k = 0; k < CHAINS; k++) {
      const size_t j = i + k * WIDTH;
      chains[k] = add(chains[k], multiply(load(x + j), load(z + j)));
    }
  }
  return total(chains);
}

static_assert(BLOCK % (CHAINS * WIDTH) == 0, "a block is whole steps of every loop");

}  // namespace

const Kernels LIMIT_NAME(LIMIT_ISA) = {
    LIMIT_TEXT(LIMIT_ISA), copy<store>, copy<stream>, triad<store>, triad<stream>, sum, dot,
};

}  // namespace limit
