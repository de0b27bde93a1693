// The kernels of exact sums.
#pragma once
#include "../kernels.h"

namespace bn {
namespace BN_ISA {

size_t exactScratchBytes(View, const Resources&);
template <class T>
void exactSums(double* records, const T* x, const Call&);
template <class T>
void exactGradientSums(double* records, const T* dy, const T* x, const T* residual, const Affine<float>&,
                       const Activation&, const Call&);
/** The count of channel ch is counts[ch·step]. */
void exactStatistics(double* mean, double* variance, const double* records, const double* counts, size_t step,
                     size_t c);
void exactGradients(GradientSums, const double* records, const double* mean, size_t c);
/** `records` may be null. */
template <class T>
void exactForward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<float>&,
                  const Activation&, double* records, const Call&);
template <class T>
void exactBackward(T* dx, T* dresidual, float* dgamma, float* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<float>&, const Activation&, bool batchStatistics, const Call&);

/** What is summed of a pass: the channels first .. last − 1 by the thread that calls, or all channels by `threads`. */
struct ExactShare {
  View view;
  const Resources& resources;
  size_t threads;
  bool all;
  size_t first, last;
  /** As much as exactMemory says, aligned to 64 bytes. */
  void* memory;
};
/** Bytes of memory for the sums of all channels by so many threads or fewer. */
size_t exactMemory(View, size_t threads);
/** The two statistics of these channels, and their records unless null; arrays begin with those of channel 0. */
template <class T>
void exactMeasure(double* mean, double* variance, double* records, const T* x, const ExactShare&);
/** The gradient sums of these channels. The three arrays are coefficients; of `affine` only the mean is read. */
template <class T>
void exactDifferentiate(GradientSums, const T* dy, const T* x, const T* residual, const Affine<float>&,
                        const Activation&, const float* const coefficients[3], const ExactShare&);

}  // namespace BN_ISA
}  // namespace bn
