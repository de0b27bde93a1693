// Whole passes with exact sums: docs/numerics.md, section 10.
#include "coefficients.h"
#include "exact-limbs.h"
#include "exact.h"
#include "kernels_isa.h"
#include "walk.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Records of no data, and gradient sums, in the last part of the scratch; the kernels of parts have the first. */
struct Own {
  double *records, *sumDy, *sumDyDeviation;

  static size_t partBytes(const Call& call) {
    const size_t sums = exactScratchBytes(call.view, call.resources);
    return divideUp(maxOf(sums, Walk<float>::bytes(call.view, call.resources)), 64) * 64;
  }
  explicit Own(const Call& call) {
    const size_t c = call.view.c;
    records = reinterpret_cast<double*>(static_cast<char*>(call.scratch) + partBytes(call));
    std::memset(records, 0, c * RECORD * sizeof(double));
    sumDy = records + c * RECORD;
    sumDyDeviation = sumDy + c;
  }
};

}  // namespace

size_t exactPassBytes(View v, const Resources& resources) {
  return Own::partBytes({v, resources, nullptr}) + v.c * (RECORD + 2) * sizeof(double);
}

/** contract: src/kernels.ts, exactForward; affine.mean and affine.variance point to `mean` and `variance` */
template <class T>
void exactForward(T* y, const T* x, const T* residual, double* mean, double* variance, const Affine<float>& affine,
                  const Activation& activation, double* records, const Call& call) {
  const Own own(call);
  const View v = call.view;
  const double m = static_cast<double>(v.n * v.s);
  exactSums(own.records, x, call);
  exactStatistics(mean, variance, own.records, &m, 0, v.c);
  normalize(y, x, residual, affine, activation, CachedCoefficients{nullptr, false}, call);
  if (records != nullptr) std::memcpy(records, own.records, v.c * RECORD * sizeof(double));
}

/** contract: src/kernels.ts, exactBackward */
template <class T>
void exactBackward(T* dx, T* dresidual, float* dgamma, float* dbeta, const T* dy, const T* x, const T* residual,
                   const Affine<float>& affine, const Activation& activation, bool batchStatistics, const Call& call) {
  const Own own(call);
  const View v = call.view;
  const GradientSums sums{own.sumDy, own.sumDyDeviation};
  exactGradientSums(own.records, dy, x, residual, affine, activation, call);
  exactGradients(sums, own.records, affine.mean, v.c);
  const double count = static_cast<double>(v.n * v.s);
  gradientInput(dx, dresidual, dy, x, residual, affine, activation, batchStatistics ? &sums : nullptr, count, call);
  for (size_t ch = 0; ch < v.c; ++ch) {
    const double rstd = reciprocalDeviation(affine.variance[ch], affine.epsilon);
    dgamma[ch] = static_cast<float>(sums.sumDyDeviation[ch] * rstd);
    dbeta[ch] = static_cast<float>(sums.sumDy[ch]);
  }
}

#define BN_EXACT_PASSES(T)                                                                                      \
  template void exactForward(T*, const T*, const T*, double*, double*, const Affine<float>&, const Activation&, \
                             double*, const Call&);                                                             \
  template void exactBackward(T*, T*, float*, float*, const T*, const T*, const T*, const Affine<float>&,       \
                              const Activation&, bool, const Call&);
BN_EXACT_PASSES(float)
BN_EXACT_PASSES(Float16)
BN_EXACT_PASSES(Bfloat16)

}  // namespace BN_ISA
}  // namespace bn
