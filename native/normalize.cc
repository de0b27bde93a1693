// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
#include "normalize.h"

#include "elementwise.h"
#include "rooms.h"

namespace bn {
namespace BN_ISA {
namespace {

template <class T, bool RESIDUAL, bool RELU>
struct NormalizeMap {
  using Element = T;
  template <class V>
  struct Parameters {
    V center, scale, offset;
  };
  T* y;
  const T* x;
  const T* residual;
  Coefficients<T> coefs;

  template <class V>
  Parameters<V> parameters(size_t at, bool spread) const {
    return {parameter<V>(coefs.center, at, spread), parameter<V>(coefs.scale, at, spread),
            parameter<V>(coefs.offset, at, spread)};
  }
  template <class V>
  void apply(size_t k, const Parameters<V>& p) const {
    const V d = sub(Traits<V>::load(x + k), p.center);
    const V z = preActivation<RESIDUAL>(d, p.scale, p.offset, residual, k);
    if constexpr (RELU) {
      store(y + k, passed(z, z));
    } else {
      store(y + k, z);
    }
  }
};

}  // namespace

/** contract: src/kernels.ts, normalize */
template <class T>
void normalize(T* y, const T* x, const T* residual, const Affine<T>& affine, Activation activation, View v,
               void* memory) {
  const Scratch<T> scratch(memory, v);
  coefficients(scratch.channels, affine, v.c);
  const Coefficients<T> coefs = v.s < SPREAD_BELOW ? spreadCoefficients(scratch, v, false) : scratch.channels;
  withFlags(residual != nullptr, activation == Activation::relu, [&](auto withResidual, auto withRelu) {
    mapElements(NormalizeMap<T, withResidual.value, withRelu.value>{y, x, residual, coefs}, v);
  });
}

/** contract: src/kernels.ts, forward; affine.mean and affine.variance are mean and variance */
template <class T>
void forward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<T>& affine,
             Activation activation, View v, void* memory) {
  statistics(mean, variance, x, v, memory);
  normalize(y, x, residual, affine, activation, v, memory);
}

template void normalize(float*, const float*, const float*, const Affine<float>&, Activation, View, void*);
template void normalize(double*, const double*, const double*, const Affine<double>&, Activation, View, void*);
template void forward(float*, const float*, const float*, double*, double*, const Affine<float>&, Activation, View,
                      void*);
template void forward(double*, const double*, const double*, double*, double*, const Affine<double>&, Activation, View,
                      void*);

}  // namespace BN_ISA
}  // namespace bn
