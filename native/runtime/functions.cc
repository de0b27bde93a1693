// Arguments in, kernels called. No arithmetic here.
#include "functions.h"

#include "exact_functions.h"
#include "reading.h"

namespace bn {
namespace {

// src/backends/native/table.ts says which arguments each kernel has.

template <class Elements>
napi_value statistics(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 7, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const T* x = in.tensor<T>();
    const Call call = callOf<T>(in, loaded);
    if (!in.areGood()) return;
    loaded.table(T()).statistics(mean, variance, x, call);
  });
  return nullptr;
}

template <class Elements>
napi_value rowSums(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 10, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    double* first = in.channels<double>();
    double* second = in.channels<double>();
    const T* x = in.tensor<T>();
    const Positions positions = in.positions();
    const double* weights = in.optional<double>(positions.count);
    const double* center = in.optionalChannels<double>();
    if (!in.areGood()) return;
    const size_t bytes = loaded.table(T()).rowSumsBytes(positions.count, in.view().c, loaded.resources);
    const Call call = lend(in, loaded, bytes);
    if (!in.areGood()) return;
    loaded.table(T()).rowSums({first, second}, x, positions, weights, center, call);
  });
  return nullptr;
}

template <class Elements>
napi_value normalize(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 13, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<Wide<T>> affine = readAffine<Wide<T>>(in);
    const Activation activation = in.activation();
    const Call call = callOf<T>(in, loaded);
    if (!in.areGood()) return;
    // Nothing fails from here on: what was not known must be filled.
    const CachedCoefficients cached = loaded.coefficientCache.find(affine, in.view().c);
    loaded.table(T()).normalize(y, x, residual, affine, activation, cached, call);
  });
  return nullptr;
}

template <class Elements>
napi_value forward(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 13, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const Wide<T>* gamma = in.optionalChannels<Wide<T>>();
    const Wide<T>* beta = in.optionalChannels<Wide<T>>();
    const Affine<Wide<T>> affine{mean, variance, gamma, beta, in.number()};
    const Activation activation = in.activation();
    const Call call = callOf<T>(in, loaded);
    if (!in.areGood()) return;
    loaded.table(T()).forward(y, x, residual, mean, variance, affine, activation, call);
  });
  return nullptr;
}

template <class Elements>
napi_value gradientSums(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 15, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    double* sumDy = in.channels<double>();
    double* sumDyDeviation = in.channels<double>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<Wide<T>> affine = readAffine<Wide<T>>(in);
    const Activation activation = in.activation();
    const Call call = callOf<T>(in, loaded);
    if (!in.areGood()) return;
    loaded.table(T()).gradientSums({sumDy, sumDyDeviation}, dy, x, residual, affine, activation, call);
  });
  return nullptr;
}

template <class Elements>
napi_value gradientInput(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 18, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    T* dx = in.tensor<T>();
    T* dresidual = in.optionalTensor<T>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<Wide<T>> affine = readAffine<Wide<T>>(in);
    const Activation activation = in.activation();
    GradientSums sums;
    sums.sumDy = in.optionalChannels<double>();
    sums.sumDyDeviation = in.optionalChannels<double>();
    const bool given = sums.sumDy == nullptr || sums.sumDyDeviation == nullptr;
    const double count = in.number();
    const Call call = callOf<T>(in, loaded);
    if (!in.areGood()) return;
    loaded.table(T()).gradientInput(dx, dresidual, dy, x, residual, affine, activation, given ? nullptr : &sums, count,
                                    call);
  });
  return nullptr;
}

template <class Elements>
napi_value backward(napi_env env, napi_callback_info info) {
  withArguments<Elements>(env, info, 18, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    T* dx = in.tensor<T>();
    T* dresidual = in.optionalTensor<T>();
    Wide<T>* dgamma = in.channels<Wide<T>>();
    Wide<T>* dbeta = in.channels<Wide<T>>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<Wide<T>> affine = readAffine<Wide<T>>(in);
    const Activation activation = in.activation();
    const bool batchStatistics = in.boolean();
    const Call call = callOf<T>(in, loaded);
    if (!in.areGood()) return;
    loaded.table(T()).backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics,
                               call);
  });
  return nullptr;
}

template <class T>
napi_value widen(napi_env env, napi_callback_info info) {
  withArguments<T>(env, info, 6, [](Arguments& in, const Loaded& loaded, T) {
    float* to = in.tensor<float>();
    const T* from = in.tensor<T>();
    if (in.areGood()) loaded.half(T()).conversion.widen(to, from, {in.view(), loaded.resources, nullptr});
  });
  return nullptr;
}

template <class T>
napi_value round(napi_env env, napi_callback_info info) {
  withArguments<T>(env, info, 6, [](Arguments& in, const Loaded& loaded, T) {
    T* to = in.tensor<T>();
    const float* from = in.tensor<float>();
    if (in.areGood()) loaded.half(T()).conversion.round(to, from, {in.view(), loaded.resources, nullptr});
  });
  return nullptr;
}

// The kernels of one element type, and those that a type of 16 bits has beside them.
#define BN_KERNELS(END, T)                                                                                           \
  {"statistics" END, statistics<T>}, {"rowSums" END, rowSums<T>}, {"normalize" END, normalize<T>},                   \
      {"forward" END, forward<T>}, {"gradientSums" END, gradientSums<T>}, {"gradientInput" END, gradientInput<T>}, { \
    "backward" END, backward<T>                                                                                      \
  }
#define BN_EXACT(END, T)                                                            \
  {"exactSums" END, exactSums<T>}, {"exactGradientSums" END, exactGradientSums<T>}, \
      {"exactForward" END, exactForward<T>}, {                                      \
    "exactBackward" END, exactBackward<T>                                           \
  }
#define BN_HALF(END, T) \
  BN_KERNELS(END, T), BN_EXACT(END, T), {"widen" END, widen<T>}, { "round" END, round<T> }

constexpr Function FUNCTIONS[] = {
    BN_KERNELS("", FloatOrDouble),      BN_EXACT("", float),      {"exactStatistics", exactStatistics},
    {"exactGradients", exactGradients}, BN_HALF("_f16", Float16), BN_HALF("_bf16", Bfloat16),
};

}  // namespace

Functions functions() { return {FUNCTIONS, sizeof FUNCTIONS / sizeof *FUNCTIONS}; }

}  // namespace bn
