// The Node-API edge: arguments in, kernels called. No arithmetic here.
#include <napi.h>

#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "arguments.h"
#include "dispatch.h"
#include "machine.h"
#include "memo.h"
#include "pool.h"

namespace bn {
namespace {

/** The memory that kernels work in: one for each environment, so that worker threads do not share it. */
class Scratch {
 public:
  /** At least `bytes`, aligned to 64; kept, and replaced where it is too small. */
  void* reserve(size_t bytes) {
    if (bytes > size_) {
      memory_.reset(new (std::nothrow) char[bytes + ALIGNMENT]);
      size_ = memory_ == nullptr ? 0 : bytes;
      if (memory_ == nullptr) {
        throw ArgumentError{false, "batchnorm: native: no memory for " + std::to_string(bytes) + " bytes"};
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

/** What `load` was asked for, and what its functions use. */
struct Loaded {
  const Kernels& kernels;
  Resources resources;
  Scratch& scratch;
  Memos& memos;

  const KernelTable<float>& table(float) const { return kernels.f32; }
  const KernelTable<double>& table(double) const { return kernels.f64; }
};

/** One for each environment: the main thread's, and those of worker_threads. */
struct Instance {
  Scratch scratch;
  Memos memos;
  std::vector<std::unique_ptr<Loaded>> loaded;

  Instance() { pool::hold(); }
  ~Instance() { pool::release(); }
};

/** Calls body(arguments, loaded, T()) with the element type of the tensors; errors are thrown in JavaScript. */
template <class Body>
void withArguments(napi_env env, napi_callback_info info, size_t count, const Body& body) {
  try {
    Arguments arguments(env, info, count);
    const Loaded& loaded = *static_cast<const Loaded*>(arguments.data());
    arguments.isDouble() ? body(arguments, loaded, double()) : body(arguments, loaded, float());
  } catch (const ArgumentError& error) {
    (error.isTypeError ? napi_throw_type_error : napi_throw_range_error)(env, nullptr, error.message.c_str());
  } catch (const std::bad_alloc&) {
    napi_throw_range_error(env, nullptr, "batchnorm: native: no memory for coefficients");
  }
}

template <class T>
Call callOf(const Arguments& in, const Loaded& loaded) {
  const size_t bytes = loaded.table(T()).scratchBytes(in.view(), loaded.resources);
  return {in.view(), loaded.resources, loaded.scratch.reserve(bytes)};
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

napi_value statistics(napi_env env, napi_callback_info info) {
  withArguments(env, info, 7, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const T* x = in.tensor<T>();
    loaded.table(T()).statistics(mean, variance, x, callOf<T>(in, loaded));
  });
  return nullptr;
}

napi_value normalize(napi_env env, napi_callback_info info) {
  withArguments(env, info, 13, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<T> affine = readAffine<T>(in);
    const Activation activation = in.activation();
    const Memo memo = loaded.memos.find(affine, in.view().c);
    loaded.table(T()).normalize(y, x, residual, affine, activation, memo, callOf<T>(in, loaded));
  });
  return nullptr;
}

napi_value forward(napi_env env, napi_callback_info info) {
  withArguments(env, info, 13, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    T* y = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    double* mean = in.channels<double>();
    double* variance = in.channels<double>();
    const T* gamma = in.optionalChannels<T>();
    const T* beta = in.optionalChannels<T>();
    const Affine<T> affine{mean, variance, gamma, beta, in.number()};
    const Activation activation = in.activation();
    loaded.table(T()).forward(y, x, residual, mean, variance, affine, activation, callOf<T>(in, loaded));
  });
  return nullptr;
}

napi_value gradientSums(napi_env env, napi_callback_info info) {
  withArguments(env, info, 15, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
    double* sumDy = in.channels<double>();
    double* sumDyDeviation = in.channels<double>();
    const T* dy = in.tensor<T>();
    const T* x = in.tensor<T>();
    const T* residual = in.optionalTensor<T>();
    const Affine<T> affine = readAffine<T>(in);
    const Activation activation = in.activation();
    loaded.table(T()).gradientSums({sumDy, sumDyDeviation}, dy, x, residual, affine, activation, callOf<T>(in, loaded));
  });
  return nullptr;
}

napi_value gradientInput(napi_env env, napi_callback_info info) {
  withArguments(env, info, 18, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
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
    loaded.table(T()).gradientInput(dx, dresidual, dy, x, residual, affine, activation, given ? nullptr : &sums, count,
                                    callOf<T>(in, loaded));
  });
  return nullptr;
}

napi_value backward(napi_env env, napi_callback_info info) {
  withArguments(env, info, 18, [](Arguments& in, const Loaded& loaded, auto element) {
    using T = decltype(element);
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
    loaded.table(T()).backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics,
                               callOf<T>(in, loaded));
  });
  return nullptr;
}

/** isas(): the names of the instruction sets that run here, best first. */
Napi::Value isas(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (const Kernels* kernels : runnable()) names[names.Length()] = kernels->isa;
  return names;
}

/** `threads`, and what the caches of this machine make of the rest: docs/performance.md has the measurements. */
Resources resourcesFor(size_t threads) {
  const Caches& sizes = caches();
  return {threads, 256 * 1024, 2 * sizes.own, sizes.last / 2, sizes.last * 2 / 3, pool::run};
}

/** A number of at least 1 at this name of an object; what is there already where it has none. */
void read(const Napi::Object& from, const char* name, size_t& into) {
  const Napi::Value value = from.Get(name);
  if (value.IsNumber() && value.As<Napi::Number>().DoubleValue() >= 1) into = value.As<Napi::Number>().Int64Value();
}

/**
 * load(isa, { threads, threadBytes, tileBytes, sharedBytes, streamBytes }): the kernels of one instruction set, as an
 * object of functions. All but the threads are for tests and measurements: kernels.h, Resources.
 */
Napi::Value load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Kernels* kernels = info[0].IsString() ? find(info[0].As<Napi::String>().Utf8Value().c_str()) : nullptr;
  if (kernels == nullptr) throw Napi::RangeError::New(env, "batchnorm: native: load: expected a name from isas()");
  Resources resources = resourcesFor(1);
  if (info[1].IsObject()) {
    const Napi::Object wanted = info[1].As<Napi::Object>();
    read(wanted, "threads", resources.threads);
    read(wanted, "threadBytes", resources.threadBytes);
    read(wanted, "tileBytes", resources.tileBytes);
    read(wanted, "sharedBytes", resources.sharedBytes);
    read(wanted, "streamBytes", resources.streamBytes);
  }
  Instance& instance = *env.GetInstanceData<Instance>();
  instance.loaded.emplace_back(new Loaded{*kernels, resources, instance.scratch, instance.memos});

  Napi::Object table = Napi::Object::New(env);
  const auto add = [&](const char* name, napi_callback function) {
    napi_value value;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, instance.loaded.back().get(), &value);
    table[name] = value;
  };
  add("statistics", statistics);
  add("normalize", normalize);
  add("forward", forward);
  add("gradientSums", gradientSums);
  add("gradientInput", gradientInput);
  add("backward", backward);
  return table;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Instance());
  exports["isas"] = Napi::Function::New(env, isas, "isas");
  exports["load"] = Napi::Function::New(env, load, "load");
  return exports;
}

}  // namespace
}  // namespace bn

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) { return bn::initialize(env, exports); }

NODE_API_MODULE(batchnorm, Initialize)
