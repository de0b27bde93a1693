// The kernels of one instruction set: row_sums.cc, normalize.cc, backward.cc and conversion.cc define them,
// table.cc gathers them.
#pragma once
#include "../kernels.h"

namespace bn {
namespace BN_ISA {

template <class T>
void statistics(double* mean, double* variance, const T* x, const Call&);
/** Bytes of scratch memory of `rowSums`, for so many rows. */
template <class T>
size_t rowSumsBytes(size_t count, size_t c, const Resources&);
template <class T>
void rowSums(RowSums, const T* x, const Positions&, const double* weights, const double* center, const Call&);
template <class T>
void normalize(T* y, const T* x, const T* residual, const Affine<Wide<T>>&, const Activation&, CachedCoefficients,
               const Call&);
template <class T>
void forward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<Wide<T>>&,
             const Activation&, const Call&);
template <class T>
void gradientSums(GradientSums, const T* dy, const T* x, const T* residual, const Affine<Wide<T>>&, const Activation&,
                  const Call&);
template <class T>
void gradientInput(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<Wide<T>>&,
                   const Activation&, const GradientSums*, double count, const Call&);
template <class T>
void backward(T* dx, T* dresidual, Wide<T>* dgamma, Wide<T>* dbeta, const T* dy, const T* x, const T* residual,
              const Affine<Wide<T>>&, const Activation&, bool batchStatistics, const Call&);

/** Conversions of n·c·s elements between 16 bits and float32. */
template <class T>
void widenTensor(float* to, const T* from, const Call&);
template <class T>
void roundTensor(T* to, const float* from, const Call&);

}  // namespace BN_ISA
}  // namespace bn
