// The contract between native/runtime, which calls kernels, and native/kernels, which has a table of them for each
// instruction set. src/kernels.ts describes the kernels.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bn {

/** The extents of a tensor (n, c, s): rows, channels, and the values of a channel that lie together in a row. */
struct View {
  size_t n, c, s;
};

/** Elements of 16 bits, as they lie in memory. They are widened where they are read, and rounded where written. */
struct Float16 {
  uint16_t bits;
};
struct Bfloat16 {
  uint16_t bits;
};

/** Wide<T> is the type that elements T of tensors are computed in, and that gamma and beta have beside them. */
template <class T>
struct WideOf {
  using Type = T;
};
template <>
struct WideOf<Float16> {
  using Type = float;
};
template <>
struct WideOf<Bfloat16> {
  using Type = float;
};
template <class T>
using Wide = typename WideOf<T>::Type;

/** The statistics and parameters of a layer, [c] each. A gamma of null is 1, a beta of null is 0. */
template <class T>
struct Affine {
  const double* mean;
  const double* variance;
  const T* gamma;
  const T* beta;
  double epsilon;
};

/** KernelActivation of src/kernels.ts. slope, low and high are used with THREE_LINES alone. */
struct Activation {
  enum Code { NONE = 0, RELU = 1, THREE_LINES = 2 };
  Code code;
  double slope, low, high;
};

/** The sums Σ g and Σ g·(x − mean) of each channel, [c] each. */
struct GradientSums {
  double* sumDy;
  double* sumDyDeviation;
};

/** Numbers of positions, each below n·s, in one of two arrays; where both are null, all positions in ascending order.
 */
struct Positions {
  const int32_t* narrow;
  const double* wide;
  size_t count;

  size_t operator[](size_t row) const {
    return narrow != nullptr ? static_cast<size_t>(narrow[row])
           : wide != nullptr ? static_cast<size_t>(wide[row])
                             : row;
  }
};

/** The two sums of each channel over rows, [c] each. */
struct RowSums {
  double* first;
  double* second;
};

/** The share of the machine that a call may use. It changes how the kernels walk, and never the bits. */
struct Resources {
  /** Threads that may work on the call, the caller among them. */
  size_t threads;
  /** Another thread takes part for each of these many bytes that the call touches. */
  size_t threadBytes;
  /** Bytes that one thread may read twice and find in its own caches the second time. */
  size_t tileBytes;
  /** Bytes that all threads together may read twice and find in the last cache, where a channel exceeds tileBytes. */
  size_t sharedBytes;
  /** A call that touches as many bytes as this, or more, writes its outputs past the caches. */
  size_t streamBytes;
  /** Calls task(job, part) for each part < parts on up to `threads` threads, and returns when all are done. */
  void (*run)(size_t threads, size_t parts, void (*task)(const void* job, size_t part), const void* job);
  /** Whether kernels of AVX-512 may use AVX512IFMA, which multiplies and adds integers of 52 bits. */
  bool ifma = false;
};

/** Arrays of [c] in CachedCoefficients: center, scale and offset. */
constexpr size_t CACHED_COEFFICIENTS = 3;
/**
 * The coefficients of `normalize` in memory that outlives the call. They are computed already where `known`; otherwise
 * `normalize` fills them in. Where `memory` is null, it computes them in the scratch.
 */
struct CachedCoefficients {
  void* memory;
  bool known;
};

/** Every kernel is given this beside its tensors. `scratch` has as many bytes as scratchBytes says, aligned to 64. */
struct Call {
  View view;
  const Resources& resources;
  void* scratch;
};

/** The kernels for tensors of one element type. */
template <class T>
struct KernelTable {
  size_t (*scratchBytes)(View, const Resources&);
  void (*statistics)(double* mean, double* variance, const T* x, const Call&);
  size_t (*rowSumsBytes)(size_t count, size_t c, const Resources&);
  void (*rowSums)(RowSums, const T* x, const Positions&, const double* weights, const double* center, const Call&);
  void (*normalize)(T* y, const T* x, const T* residual, const Affine<Wide<T>>&, const Activation&, CachedCoefficients,
                    const Call&);
  void (*forward)(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<Wide<T>>&,
                  const Activation&, const Call&);
  void (*gradientSums)(GradientSums, const T* dy, const T* x, const T* residual, const Affine<Wide<T>>&,
                       const Activation&, const Call&);
  void (*gradientInput)(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<Wide<T>>&,
                        const Activation&, const GradientSums*, double count, const Call&);
  void (*backward)(T* dx, T* dresidual, Wide<T>* dgamma, Wide<T>* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<Wide<T>>&, const Activation&, bool batchStatistics, const Call&);
};

/** The exact kernels of one element type: src/kernels.ts, ExactTensorKernels. */
template <class T>
struct ExactTable {
  size_t (*scratchBytes)(View, const Resources&);
  void (*sums)(double* records, const T* x, const Call&);
  void (*gradientSums)(double* records, const T* dy, const T* x, const T* residual, const Affine<float>&,
                       const Activation&, const Call&);
  /** Of the scratch of `forward` and `backward`. */
  size_t (*passBytes)(View, const Resources&);
  /** `records` may be null. */
  void (*forward)(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<float>&,
                  const Activation&, double* records, const Call&);
  void (*backward)(T* dx, T* dresidual, float* dgamma, float* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<float>&, const Activation&, bool batchStatistics, const Call&);
};
/** What comes of records: src/kernels.ts, ExactKernels. */
struct ExactResultsTable {
  /** The count of channel ch is counts[ch·step]. */
  void (*statistics)(double* mean, double* variance, const double* records, const double* counts, size_t step,
                     size_t c);
  void (*gradients)(GradientSums, const double* records, const double* mean, size_t c);
};
/** Conversions between 16 bits and float32, of as many elements as the view has. */
template <class T>
struct ConversionTable {
  void (*widen)(float* to, const T* from, const Call&);
  void (*round)(T* to, const float* from, const Call&);
};
/** Numbers of a channel's record. */
constexpr size_t EXACT_RECORD = 35;

/** All kernels of an element type of 16 bits: src/kernels.ts, HalfKernels. */
template <class T>
struct HalfTables {
  KernelTable<T> kernels;
  ExactTable<T> exact;
  ConversionTable<T> conversion;
};

struct Kernels {
  const char* isa;
  KernelTable<float> f32;
  KernelTable<double> f64;
  ExactTable<float> exact;
  ExactResultsTable exactResults;
  HalfTables<Float16> f16;
  HalfTables<Bfloat16> bf16;
};

}  // namespace bn
