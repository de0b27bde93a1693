// The kernels of exact sums.
#pragma once
#include "../kernels.h"

namespace bn {
namespace BN_ISA {

size_t exactScratchBytes(View, const Resources&);
void exactSums(double* records, const float* x, const Call&);
void exactGradientSums(double* records, const float* dy, const float* x, const float* residual, const Affine<float>&,
                       const Activation&, const Call&);

}  // namespace BN_ISA
}  // namespace bn
