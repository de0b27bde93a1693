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
/** Bytes of scratch memory of the two below. */
size_t exactPassBytes(View, const Resources&);
/** `records` may be null. */
template <class T>
void exactForward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<float>&,
                  const Activation&, double* records, const Call&);
template <class T>
void exactBackward(T* dx, T* dresidual, float* dgamma, float* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<float>&, const Activation&, bool batchStatistics, const Call&);

}  // namespace BN_ISA
}  // namespace bn
