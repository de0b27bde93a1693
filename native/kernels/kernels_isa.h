// The kernels of one instruction set: stats.cc, normalize.cc and backward.cc define them, table.cc gathers them.
#pragma once
#include "../kernels.h"

namespace bn {
namespace BN_ISA {

template <class T>
void statistics(double* mean, double* variance, const T* x, const Call&);
template <class T>
void normalize(T* y, const T* x, const T* residual, const Affine<T>&, const Activation&, CachedCoefficients,
               const Call&);
template <class T>
void forward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<T>&, const Activation&,
             const Call&);
template <class T>
void gradientSums(GradientSums, const T* dy, const T* x, const T* residual, const Affine<T>&, const Activation&,
                  const Call&);
template <class T>
void gradientInput(T* dx, T* dresidual, const T* dy, const T* x, const T* residual, const Affine<T>&, const Activation&,
                   const GradientSums*, double count, const Call&);
template <class T>
void backward(T* dx, T* dresidual, T* dgamma, T* dbeta, const T* dy, const T* x, const T* residual, const Affine<T>&,
              const Activation&, bool batchStatistics, const Call&);

}  // namespace BN_ISA
}  // namespace bn
