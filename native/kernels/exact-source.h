// What exact sums are of: x and x·x, or g and g·d.
#pragma once
#include "activation.h"
#include "exact-block.h"
#include "exact-channel.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The coefficients of the columns of a block. */
struct Spread {
  alignas(64) float center[MOST_COLUMNS], scale[MOST_COLUMNS], offset[MOST_COLUMNS];
};

/** Whether elements are floats as they lie in memory. Those of 16 bits are widened while they are gathered. */
template <class T>
constexpr bool ARE_FLOATS = sizeof(T) == sizeof(float);

/** Asks for `count` elements that are wanted later. */
template <class T>
BN_INLINE void fetchRow(const T* p, size_t count) {
  for (size_t j = 0; j < count; j += LINE_BYTES / sizeof(T)) prefetch(p + j);
}

/** Σ x and Σ x². */
template <class T>
struct Squares {
  using Element = T;
  static constexpr bool SQUARES = true, DIRECT = ARE_FLOATS<T>;
  static constexpr size_t TENSORS = 1;
  const T* x;

  const T* g() const { return x; }
  const T* d() const { return x; }
  void fetch(size_t k, size_t count) const { fetchRow(x + k, count); }
  void parameters(Spread&, size_t, size_t) const {}
  /** Vectors, of which the last two may overlap: a call of the library's copy takes longer. */
  void gather(float* g, float*, const Spread&, size_t k, size_t count, bool) const {
    size_t j = 0;
    for (; j + F::LENGTH <= count; j += F::LENGTH) store(g + j, F::load(x + k + j));
    if (j == count) return;
    if (count >= F::LENGTH) return store(g + count - F::LENGTH, F::load(x + k + count - F::LENGTH));
    BN_SINGLY
    for (; j < count; ++j) g[j] = Traits<float>::load(x + k + j);
  }
};

/** Σ g and Σ g·d, where g is dy through the activation and d = fl(x − center). */
template <class T, Residual RESIDUAL, class ACTIVATION>
struct Products {
  using Element = T;
  static constexpr bool SQUARES = false, DIRECT = ARE_FLOATS<T> && !ACTIVATION::GATES;
  static constexpr size_t TENSORS = ACTIVATION::GATES && RESIDUAL != Residual::NO ? 3 : 2;
  const T* dy;
  const T* x;
  const T* residual;
  ACTIVATION activation;
  Coefficients<float> coefs;

  const T* g() const { return dy; }
  const T* d() const { return x; }
  void fetch(size_t k, size_t count) const {
    fetchRow(x + k, count);
    fetchRow(dy + k, count);
    if (TENSORS == 3 && residual != nullptr) fetchRow(residual + k, count);
  }
  void parameters(Spread& spread, size_t column, size_t ch) const {
    spread.center[column] = coefs.center[ch];
    spread.scale[column] = coefs.scale[ch];
    spread.offset[column] = coefs.offset[ch];
  }
  void gather(float* g, float* d, const Spread& spread, size_t k, size_t count, bool one) const {
    one ? gather<true>(g, d, spread, k, count) : gather<false>(g, d, spread, k, count);
  }

 private:
  template <bool ONE>
  BN_INLINE void gather(float* g, float* d, const Spread& spread, size_t k, size_t count) const {
    size_t j = 0;
    for (; j + F::LENGTH <= count; j += F::LENGTH) set<ONE, F>(g, d, spread, k, j);
    if (j == count) return;
    if (count >= F::LENGTH) return set<ONE, F>(g, d, spread, k, count - F::LENGTH);
    BN_SINGLY
    for (; j < count; ++j) set<ONE, float>(g, d, spread, k, j);
  }
  template <bool ONE, class V>
  BN_INLINE void set(float* g, float* d, const Spread& spread, size_t k, size_t j) const {
    const V deviation = sub(Traits<V>::load(x + k + j), parameter<V>(spread.center, ONE ? 0 : j, !ONE));
    V gradient = Traits<V>::load(dy + k + j);
    if constexpr (ACTIVATION::GATES) {
      const V scale = parameter<V>(spread.scale, ONE ? 0 : j, !ONE);
      const V offset = parameter<V>(spread.offset, ONE ? 0 : j, !ONE);
      gradient =
          BN_ISA::gradient(activation, gradient, preActivation<RESIDUAL>(deviation, scale, offset, residual, k + j));
    }
    store(g + j, gradient);
    store(d + j, deviation);
  }
};

/** Another source behind functions of its own, so that all sources that are gathered share the code of one walk. */
template <bool OF_SQUARES>
struct Gathered {
  static constexpr bool SQUARES = OF_SQUARES, DIRECT = false;
  const void* source;
  void (*fetchOf)(const void* source, size_t k, size_t count);
  void (*parametersOf)(const void* source, Spread&, size_t column, size_t ch);
  void (*gatherOf)(const void* source, float* g, float* d, const Spread&, size_t k, size_t count, bool one);

  template <class Source>
  static Gathered of(const Source& source) {
    const auto fetch = [](const void* own, size_t k, size_t count) {
      static_cast<const Source*>(own)->fetch(k, count);
    };
    const auto parameters = [](const void* own, Spread& spread, size_t column, size_t ch) {
      static_cast<const Source*>(own)->parameters(spread, column, ch);
    };
    const auto gather = [](const void* own, float* g, float* d, const Spread& spread, size_t k, size_t count,
                           bool one) { static_cast<const Source*>(own)->gather(g, d, spread, k, count, one); };
    return {&source, fetch, parameters, gather};
  }
  void fetch(size_t k, size_t count) const { fetchOf(source, k, count); }
  void parameters(Spread& spread, size_t column, size_t ch) const { parametersOf(source, spread, column, ch); }
  void gather(float* g, float* d, const Spread& spread, size_t k, size_t count, bool one) const {
    gatherOf(source, g, d, spread, k, count, one);
  }
};

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
