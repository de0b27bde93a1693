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

/** src/kernels.ts, KernelActivation; the parameters count with THREE_LINES. */
struct Activation {
  enum Code { NONE = 0, RELU = 1, THREE_LINES = 2 };
  Code code;
  double slope, low, high;
};

/** sumDy and sumDyDeviation, [c] each. */
struct GradientSums {
  double* sumDy;
  double* sumDyDeviation;
};

/** What a call may use of the machine. Changes how the kernels walk, and never the bits. */
struct Resources {
  /** Threads that may work on the call, the caller among them. */
  size_t threads;
  /** Another thread takes part for each of these many bytes that the call touches. */
  size_t threadBytes;
  /** What one thread may read twice and find in caches near by the second time. */
  size_t tileBytes;
  /** What all threads together may read twice and find in the last cache, where a channel is larger than a tile. */
  size_t sharedBytes;
  /** The least bytes that a call touches to have its outputs written past the caches. */
  size_t streamBytes;
  /** Calls task(job, part) for each part < parts on up to `threads` threads, and returns when all are done. */
  void (*run)(size_t threads, size_t parts, void (*task)(const void* job, size_t part), const void* job);
};

/** The three coefficients of `normalize`, [c] each, in memory that outlives the call; `known`: they are there already.
 */
constexpr size_t CACHED_COEFFICIENTS = 3;
struct CachedCoefficients {
  void* memory;
  bool known;
};

/** What every kernel is given beside its tensors; `scratch` is `scratchBytes` bytes, aligned to 64. */
struct Call {
  View view;
  const Resources& resources;
  void* scratch;
};

/** The kernels for one element type. */
template <class T>
struct KernelTable {
  size_t (*scratchBytes)(View, const Resources&);
  void (*statistics)(double* mean, double* variance, const T* x, const Call&);
  /** With a memo of no memory, coefficients are computed in the scratch. */
  void (*normalize)(T* y, const T* x, const T* residual, const Affine<T>&, const Activation&, CachedCoefficients,
                    const Call&);
  void (*forward)(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<T>&,
                  const Activation&, const Call&);
  void (*gradientSums)(GradientSums, const T* dy, const T* x, const T* residual, const Affine<T>&, const Activation&,
                       const Call&);
  void (*gradientInput)(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<T>&,
                        const Activation&, const GradientSums*, double count, const Call&);
  void (*backward)(T* dx, T* dresidual, T* dgamma, T* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<T>&, const Activation&, bool batchStatistics, const Call&);
};

struct Kernels {
  const char* isa;
  KernelTable<float> f32;
  KernelTable<double> f64;
};

}  // namespace bn
