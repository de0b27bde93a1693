// Exact sums of float32 and of 16 bits: docs/numerics.md, section 10.
#include "exact.h"

#include "activation.h"
#include "exact-results.h"
#include "exact-walk.h"
#include "kernels_isa.h"

namespace bn {
namespace BN_ISA {
namespace {

/** The sums of a share go to `take`. */
template <class Source>
void walkWith(const Source& source, const ExactShare& share, const Taker& take) {
  const ExactWalk<Source> walk(source, share.view, share.resources, share.threads, static_cast<int64_t*>(share.memory));
  share.all ? walk.run(take) : walk.some({share.first, share.last}, take);
}
template <class Source>
void walk(const Source& source, const ExactShare& share, const Taker& take) {
  if constexpr (Source::DIRECT) {
    walkWith(source, share, take);
  } else {
    walkWith(Gathered<Source::SQUARES>::of(source), share, take);
  }
}

template <class T>
void walkGradients(const T* dy, const T* x, const T* residual, const Activation& activation,
                   const float* const coefs[3], const ExactShare& share, const Taker& take) {
  // Nothing is written to them.
  float* const each[] = {const_cast<float*>(coefs[0]), const_cast<float*>(coefs[1]), const_cast<float*>(coefs[2])};
  const Coefficients<float> own{each[0], each[1], each[2], nullptr, nullptr};
  withActivation<float>(activation, activation.code != Activation::NONE && residual != nullptr,
                        [&](auto chosen, auto withResidual) {
                          using Chosen = decltype(chosen);
                          using Source = Products<T, seenBy<Chosen>(withResidual.value), Chosen>;
                          walk(Source{dy, x, residual, chosen, own}, share, take);
                        });
}

/** Adds sums to the records of all channels. */
void record(double* records, Channels channels, ExactTotals& totals) {
  for (size_t ch = channels.first; ch < channels.last; ++ch) {
    addToRecord(records + ch * RECORD, totals.record(ch - channels.first));
  }
}

/** All channels of a call that reads so many tensors. */
template <class T>
ExactShare allOf(const Call& call, size_t tensors) {
  const View v = call.view;
  const size_t threads = threadsFor(v.n * v.c * v.s * sizeof(T) * tensors, call.resources);
  return {v, call.resources, threads, true, 0, v.c, call.scratch};
}

}  // namespace

size_t exactMemory(View v, size_t threads) {
  const size_t parts = Shares::partsAtMost(v, threads);
  return parts == 1 ? 0 : divideUp(parts * v.c * RECORD * sizeof(int64_t), 64) * 64;
}

/** The sums of parts, and three coefficients. */
size_t exactScratchBytes(View v, const Resources& resources) {
  return exactMemory(v, resources.threads) + 3 * (v.c + 2 * LANES) * sizeof(float);
}

/** contract: src/kernels.ts, exactSums */
template <class T>
void exactSums(double* records, const T* x, const Call& call) {
  const auto take = [&](Channels channels, ExactTotals& totals) { record(records, channels, totals); };
  walk(Squares<T>{x}, allOf<T>(call, 1), Taker::of(take));
}

/** contract: src/kernels.ts, exactGradientSums */
template <class T>
void exactGradientSums(double* records, const T* dy, const T* x, const T* residual, const Affine<float>& affine,
                       const Activation& activation, const Call& call) {
  const View v = call.view;
  const size_t length = v.c + 2 * LANES;
  float* const memory =
      reinterpret_cast<float*>(static_cast<char*>(call.scratch) + exactMemory(v, call.resources.threads));
  const Coefficients<float> coefs{memory, memory + length, memory + 2 * length, nullptr, nullptr};
  coefficients(coefs, affine, {0, v.c});
  const auto take = [&](Channels channels, ExactTotals& totals) { record(records, channels, totals); };
  const float* const each[] = {coefs.center, coefs.scale, coefs.offset};
  const bool isRead = activation.code != Activation::NONE && residual != nullptr;
  walkGradients(dy, x, residual, activation, each, allOf<T>(call, isRead ? 3 : 2), Taker::of(take));
}

template <class T>
void exactMeasure(double* mean, double* variance, double* records, const T* x, const ExactShare& share) {
  const double m = static_cast<double>(share.view.n * share.view.s);
  const auto take = [&](Channels channels, ExactTotals& totals) {
    const size_t first = channels.first, count = channels.last - first;
    statisticsOf(mean + first, variance + first, totals, m, count);
    if (records == nullptr) return;
    std::memset(records + first * RECORD, 0, count * RECORD * sizeof(double));
    for (size_t i = 0; i < count; ++i) addToRecord(records + (first + i) * RECORD, totals.record(i));
  };
  walk(Squares<T>{x}, share, Taker::of(take));
}

template <class T>
void exactDifferentiate(GradientSums results, const T* dy, const T* x, const T* residual, const Affine<float>& affine,
                        const Activation& activation, const float* const coefficients[3], const ExactShare& share) {
  const auto take = [&](Channels channels, ExactTotals& totals) {
    const size_t first = channels.first;
    gradientsOf({results.sumDy + first, results.sumDyDeviation + first}, totals, affine.mean + first,
                channels.last - first);
  };
  walkGradients(dy, x, residual, activation, coefficients, share, Taker::of(take));
}

#define BN_EXACT_SUMS(T)                                                                                          \
  template void exactSums(double*, const T*, const Call&);                                                        \
  template void exactGradientSums(double*, const T*, const T*, const T*, const Affine<float>&, const Activation&, \
                                  const Call&);                                                                   \
  template void exactMeasure(double*, double*, double*, const T*, const ExactShare&);                             \
  template void exactDifferentiate(GradientSums, const T*, const T*, const T*, const Affine<float>&,              \
                                   const Activation&, const float* const[3], const ExactShare&);
BN_EXACT_SUMS(float)
BN_EXACT_SUMS(Float16)
BN_EXACT_SUMS(Bfloat16)

}  // namespace BN_ISA
}  // namespace bn
