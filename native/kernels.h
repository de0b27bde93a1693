// contract: src/kernels.ts. What the addon calls: one table of kernels for each instruction set.
#pragma once
#include <cstddef>

namespace bn {

/** Tensors are (n, c, s): src/kernels.ts. */
struct View {
  size_t n, c, s;
};

/** What is per channel, [c] each; gamma and beta may be null. */
template <class T>
struct Affine {
  const double* mean;
  const double* variance;
  const T* gamma;
  const T* beta;
  double epsilon;
};

enum class Activation : int { none = 0, relu = 1 };

/** sumDy and sumDyDeviation, [c] each. */
struct GradientSums {
  double* sumDy;
  double* sumDyDeviation;
};

/** The kernels for one element type. `scratch` is `scratchBytes(view)` bytes, aligned to 64. */
template <class T>
struct KernelTable {
  void (*statistics)(double* mean, double* variance, const T* x, View, void* scratch);
  void (*normalize)(T* y, const T* x, const T* residual, const Affine<T>&, Activation, View, void* scratch);
  void (*forward)(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<T>&, Activation,
                  View, void* scratch);
  void (*gradientSums)(GradientSums, const T* dy, const T* x, const T* residual, const Affine<T>&, Activation, View,
                       void* scratch);
  void (*gradientInput)(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<T>&, Activation,
                        const GradientSums*, double count, View, void* scratch);
  void (*backward)(T* dx, T* dresidual, T* dgamma, T* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<T>&, Activation, bool batchStatistics, View, void* scratch);
};

struct Kernels {
  const char* isa;
  size_t (*scratchBytes)(View);
  KernelTable<float> f32;
  KernelTable<double> f64;
};

}  // namespace bn
