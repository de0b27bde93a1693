// Exact sums of float32: docs/numerics.md, section 10.
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
void exactSums(double* records, const float* x, const Call& call) {
  ExactWalk<Squares>(records, Squares{x}, call).run();
}

/** contract: src/kernels.ts, exactGradientSums */
void exactGradientSums(double* records, const float* dy, const float* x, const float* residual,
                       const Affine<float>& affine, const Activation& activation, const Call& call) {
  const View v = call.view;
  const size_t parts = Shares::partsAtMost(v, call.resources.threads), length = v.c + 2 * LANES;
  float* const memory = reinterpret_cast<float*>(static_cast<int64_t*>(call.scratch) + parts * v.c * RECORD);
  const Coefficients<float> coefs{memory, memory + length, memory + 2 * length, nullptr, nullptr};
  coefficients(coefs, affine, {0, v.c});
  withActivation<float>(activation, activation.code != Activation::NONE && residual != nullptr,
                        [&](auto chosen, auto withResidual) {
                          using Chosen = decltype(chosen);
                          using Source = Products<seenBy<Chosen>(withResidual.value), Chosen>;
                          ExactWalk<Source>(records, Source{dy, x, residual, chosen, coefs}, call).run();
                        });
}

}  // namespace BN_ISA
}  // namespace bn
