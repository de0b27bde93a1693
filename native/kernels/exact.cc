// Exact sums of float32 and of 16 bits: docs/numerics.md, section 10.
#include "exact.h"

#include "activation.h"
#include "exact-source.h"
#include "exact-walk.h"
#include "kernels_isa.h"

namespace bn {
namespace BN_ISA {

/** The sums of all parts, and three coefficients. */
size_t exactScratchBytes(View v, const Resources& resources) {
  const size_t parts = Shares::partsAtMost(v, resources.threads);
  return parts * v.c * RECORD * sizeof(int64_t) + 3 * (v.c + 2 * LANES) * sizeof(float);
}

/** contract: src/kernels.ts, exactSums */
template <class T>
void exactSums(double* records, const T* x, const Call& call) {
  ExactWalk<Squares<T>>(records, Squares<T>{x}, call).run();
}

/** contract: src/kernels.ts, exactGradientSums */
template <class T>
void exactGradientSums(double* records, const T* dy, const T* x, const T* residual, const Affine<float>& affine,
                       const Activation& activation, const Call& call) {
  const View v = call.view;
  const size_t parts = Shares::partsAtMost(v, call.resources.threads), length = v.c + 2 * LANES;
  float* const memory = reinterpret_cast<float*>(static_cast<int64_t*>(call.scratch) + parts * v.c * RECORD);
  const Coefficients<float> coefs{memory, memory + length, memory + 2 * length, nullptr, nullptr};
  coefficients(coefs, affine, {0, v.c});
  withActivation<float>(activation, activation.code != Activation::NONE && residual != nullptr,
                        [&](auto chosen, auto withResidual) {
                          using Chosen = decltype(chosen);
                          using Source = Products<T, seenBy<Chosen>(withResidual.value), Chosen>;
                          ExactWalk<Source>(records, Source{dy, x, residual, chosen, coefs}, call).run();
                        });
}

#define BN_EXACT_SUMS(T)                                                                                          \
  template void exactSums(double*, const T*, const Call&);                                                        \
  template void exactGradientSums(double*, const T*, const T*, const T*, const Affine<float>&, const Activation&, \
                                  const Call&);
BN_EXACT_SUMS(float)
BN_EXACT_SUMS(Float16)
BN_EXACT_SUMS(Bfloat16)

}  // namespace BN_ISA
}  // namespace bn
