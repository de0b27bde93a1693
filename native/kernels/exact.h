// The kernels of exact sums.
#pragma once
#include "../kernels.h"

namespace bn {
namespace BN_ISA {

size_t exactScratchBytes(View, const Resources&);
void exactSums(double* records, const float* x, const Call&);
void exactGradientSums(double* records, const float* dy, const float* x, const float* residual, const Affine<float>&,
                       const Activation&, const Call&);
/** The count of channel ch is counts[ch·step]. */
void exactStatistics(double* mean, double* variance, const double* records, const double* counts, size_t step,
                     size_t c);
void exactGradients(GradientSums, const double* records, const double* mean, size_t c);
/** Bytes of scratch memory of the two below. */
size_t exactPassBytes(View, const Resources&);
/** `records` may be null. */
void exactForward(float* y, const float* x, const float* residual, double* mean, double* variance, const Affine<float>&,
                  const Activation&, double* records, const Call&);
void exactBackward(float* dx, float* dresidual, float* dgamma, float* dbeta, const float* dy, const float* x,
                   const float* residual, const Affine<float>&, const Activation&, bool batchStatistics, const Call&);

}  // namespace BN_ISA
}  // namespace bn
