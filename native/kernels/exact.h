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

}  // namespace BN_ISA
}  // namespace bn
