// The functions of exact sums, as functions.cc has those of all other kernels.
#pragma once
#include "reading.h"

namespace bn {

/** withArguments for what exact sums have of T only, or of no tensor, where T is float. */
template <class T, class Body>
void withExactArguments(napi_env env, napi_callback_info info, size_t count, const Body& body) {
  Arguments arguments(env, info, count, sizeof(T) == 2);
  if (arguments.isDouble()) arguments.fail(ErrorKind::TYPE, "exact sums expected float32 tensors, got float64");
  if (arguments.areGood()) body(arguments, *static_cast<const Loaded*>(arguments.data()));
}

template <class T>
napi_value exactSums(napi_env env, napi_callback_info info) {
  withExactArguments<T>(env, info, 6, [](Arguments& in, const Loaded& loaded) {
    const ExactTable<T>& exact = loaded.exact(T());
    double* records = in.records();
    const T* x = in.tensor<T>();
    const Call call = callOf(in, loaded, exact.scratchBytes);
    if (in.areGood()) exact.sums(records, x, call);
  });
  return nullptr;
}

template <class T>
napi_value exactGradientSums(napi_env env, napi_callback_info info) {
  withExactArguments<T>(env, info, 14, [](Arguments& in, const Loaded& loaded) {
    const ExactTable<T>& exact = loaded.exact(T());
    double* records = in.records();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<float> affine = readAffine<float>(in);
    const Activation activation = in.activation();
    const Call call = callOf(in, loaded, exact.scratchBytes);
    if (in.areGood()) exact.gradientSums(records, dy, x, residual, affine, activation, call);
  });
  return nullptr;
}

template <class T>
napi_value exactForward(napi_env env, napi_callback_info info) {
  withExactArguments<T>(env, info, 14, [](Arguments& in, const Loaded& loaded) {
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const float* gamma = in.optionalChannels<float>();
    const float* beta = in.optionalChannels<float>();
    const Affine<float> affine{mean, variance, gamma, beta, in.number()};
    const Activation activation = in.activation();
    double* records = in.optional<double>(EXACT_RECORD * in.view().c);
    const ExactTable<T>& exact = loaded.exact(T());
    const Call call = callOf(in, loaded, exact.passBytes);
    if (in.areGood()) exact.forward(y, x, residual, mean, variance, affine, activation, records, call);
  });
  return nullptr;
}

template <class T>
napi_value exactBackward(napi_env env, napi_callback_info info) {
  withExactArguments<T>(env, info, 18, [](Arguments& in, const Loaded& loaded) {
    T* dx = in.tensor<T>();
    T* dresidual = in.optionalTensor<T>();
    float* dgamma = in.channels<float>();
    float* dbeta = in.channels<float>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<float> affine = readAffine<float>(in);
    const Activation activation = in.activation();
    const bool batchStatistics = in.boolean();
    const ExactTable<T>& exact = loaded.exact(T());
    const Call call = callOf(in, loaded, exact.passBytes);
    if (!in.areGood()) return;
    exact.backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, call);
  });
  return nullptr;
}

inline napi_value exactStatistics(napi_env env, napi_callback_info info) {
  withExactArguments<float>(env, info, 8, [](Arguments& in, const Loaded& loaded) {
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const double* records = in.records();
    double one = 0;
    size_t step = 0;
    const double* counts = in.counts(one, step);
    if (in.areGood()) loaded.kernels.exactResults.statistics(mean, variance, records, counts, step, in.view().c);
  });
  return nullptr;
}

inline napi_value exactGradients(napi_env env, napi_callback_info info) {
  withExactArguments<float>(env, info, 8, [](Arguments& in, const Loaded& loaded) {
    double* sumDy = in.channels<double>();
    double* sumDyDeviation = in.channels<double>();
    const double* records = in.records();
    const double* mean = in.channels<double>();
    if (in.areGood()) loaded.kernels.exactResults.gradients({sumDy, sumDyDeviation}, records, mean, in.view().c);
  });
  return nullptr;
}

}  // namespace bn
