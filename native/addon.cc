// The Node-API edge: arguments in, kernels called. No arithmetic here.
#include <napi.h>

#include <cstdint>
#include <memory>
#include <new>

#include "arguments.h"
#include "dispatch.h"

namespace bn {
namespace {

/** The memory that kernels work in: one for each environment, so that worker threads do not share it. */
class Scratch {
 public:
  /** At least `bytes`, aligned to 64; kept, and replaced where it is too small. */
  void* reserve(Napi::Env env, size_t bytes) {
    if (bytes > size_) {
      memory_.reset(new (std::nothrow) char[bytes + ALIGNMENT]);
      size_ = memory_ == nullptr ? 0 : bytes;
      if (memory_ == nullptr) {
        throw Napi::RangeError::New(env, "batchnorm: native: no memory for " + std::to_string(bytes) + " bytes");
      }
    }
    const uintptr_t start = reinterpret_cast<uintptr_t>(memory_.get());
    return reinterpret_cast<void*>((start + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  }

 private:
  static constexpr uintptr_t ALIGNMENT = 64;
  std::unique_ptr<char[]> memory_;
  size_t size_ = 0;
};

/** One call: the kernels that were loaded, its arguments, and the memory to work in. */
struct Call {
  Call(const Napi::CallbackInfo& info, size_t count)
      : kernels(*static_cast<const Kernels*>(info.Data())),
        arguments(info, count),
        scratch(info.Env().GetInstanceData<Scratch>()->reserve(info.Env(), kernels.scratchBytes(arguments.view()))) {}

  const Kernels& kernels;
  Arguments arguments;
  void* scratch;
};

const KernelTable<float>& tableOf(const Kernels& kernels, float) { return kernels.f32; }
const KernelTable<double>& tableOf(const Kernels& kernels, double) { return kernels.f64; }

/** Calls body(T()) with the element type of the tensor at index `tensor`: anything but float64 is taken for float32. */
template <class Body>
void withElement(const Napi::CallbackInfo& info, size_t tensor, const Body& body) {
  const Napi::Value value = info[tensor];
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array) {
    body(double());
  } else {
    body(float());
  }
}

template <class T>
Affine<T> readAffine(Arguments& in) {
  const double* mean = in.channels<double>();
  const double* variance = in.channels<double>();
  const T* gamma = in.optionalChannels<T>();
  const T* beta = in.optionalChannels<T>();
  return {mean, variance, gamma, beta, in.number()};
}

// Arguments of each kernel: src/backends/native.ts.

void statistics(const Napi::CallbackInfo& info) {
  withElement(info, 2, [&](auto element) {
    using T = decltype(element);
    Call call(info, 6);
    Arguments& in = call.arguments;
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const T* x = in.tensor<T>();
    tableOf(call.kernels, T()).statistics(mean, variance, x, in.view(), call.scratch);
  });
}

void normalize(const Napi::CallbackInfo& info) {
  withElement(info, 1, [&](auto element) {
    using T = decltype(element);
    Call call(info, 12);
    Arguments& in = call.arguments;
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<T> affine = readAffine<T>(in);
    const Activation activation = in.activation();
    tableOf(call.kernels, T()).normalize(y, x, residual, affine, activation, in.view(), call.scratch);
  });
}

void forward(const Napi::CallbackInfo& info) {
  withElement(info, 1, [&](auto element) {
    using T = decltype(element);
    Call call(info, 12);
    Arguments& in = call.arguments;
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const T* gamma = in.optionalChannels<T>();
    const T* beta = in.optionalChannels<T>();
    const Affine<T> affine{mean, variance, gamma, beta, in.number()};
    const Activation activation = in.activation();
    tableOf(call.kernels, T()).forward(y, x, residual, mean, variance, affine, activation, in.view(), call.scratch);
  });
}

void gradientSums(const Napi::CallbackInfo& info) {
  withElement(info, 3, [&](auto element) {
    using T = decltype(element);
    Call call(info, 14);
    Arguments& in = call.arguments;
    double* sumDy = in.channels<double>();
    double* sumDyDeviation = in.channels<double>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<T> affine = readAffine<T>(in);
    const Activation activation = in.activation();
    tableOf(call.kernels, T())
        .gradientSums({sumDy, sumDyDeviation}, dy, x, residual, affine, activation, in.view(), call.scratch);
  });
}

void gradientInput(const Napi::CallbackInfo& info) {
  withElement(info, 3, [&](auto element) {
    using T = decltype(element);
    Call call(info, 17);
    Arguments& in = call.arguments;
    T* dx = in.tensor<T>();
    T* dresidual = in.optionalTensor<T>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<T> affine = readAffine<T>(in);
    const Activation activation = in.activation();
    GradientSums sums;
    sums.sumDy = in.optionalChannels<double>();
    sums.sumDyDeviation = in.optionalChannels<double>();
    const bool given = sums.sumDy == nullptr || sums.sumDyDeviation == nullptr;
    const double count = in.number();
    tableOf(call.kernels, T())
        .gradientInput(dx, dresidual, dy, x, residual, affine, activation, given ? nullptr : &sums, count, in.view(),
                       call.scratch);
  });
}

void backward(const Napi::CallbackInfo& info) {
  withElement(info, 5, [&](auto element) {
    using T = decltype(element);
    Call call(info, 17);
    Arguments& in = call.arguments;
    T* dx = in.tensor<T>();
    T* dresidual = in.optionalTensor<T>();
    T* dgamma = in.channels<T>();
    T* dbeta = in.channels<T>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<T> affine = readAffine<T>(in);
    const Activation activation = in.activation();
    const bool batchStatistics = in.boolean();
    tableOf(call.kernels, T())
        .backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, in.view(),
                  call.scratch);
  });
}

/** isas(): the names of the instruction sets that run here, best first. */
Napi::Value isas(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (const Kernels* kernels : runnable()) names[names.Length()] = kernels->isa;
  return names;
}

/** load(isa): the kernels of one instruction set, as an object of functions. */
Napi::Value load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Kernels* kernels = info[0].IsString() ? find(info[0].As<Napi::String>().Utf8Value().c_str()) : nullptr;
  if (kernels == nullptr) throw Napi::RangeError::New(env, "batchnorm: native: load: expected a name from isas()");
  void* data = const_cast<Kernels*>(kernels);
  Napi::Object table = Napi::Object::New(env);
  table["statistics"] = Napi::Function::New<statistics>(env, "statistics", data);
  table["normalize"] = Napi::Function::New<normalize>(env, "normalize", data);
  table["forward"] = Napi::Function::New<forward>(env, "forward", data);
  table["gradientSums"] = Napi::Function::New<gradientSums>(env, "gradientSums", data);
  table["gradientInput"] = Napi::Function::New<gradientInput>(env, "gradientInput", data);
  table["backward"] = Napi::Function::New<backward>(env, "backward", data);
  return table;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Scratch());
  exports["isas"] = Napi::Function::New(env, isas, "isas");
  exports["load"] = Napi::Function::New(env, load, "load");
  return exports;
}

}  // namespace
}  // namespace bn

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) { return bn::initialize(env, exports); }

NODE_API_MODULE(batchnorm, Initialize)
