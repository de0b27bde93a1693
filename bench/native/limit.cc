// The memory limit for bench/: how fast this machine copies the arrays of a case. Not part of the shipped addon.
#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels.h"
#include "team.h"

namespace limit {
namespace {

const Kernels& best() {
#if defined(LIMIT_AVX2) && (defined(__GNUC__) || defined(__clang__))
  if (__builtin_cpu_supports("avx2")) return kernels_avx2;
#endif
  return kernels_baseline;
}

/** The elements of a case's own arrays that loops in whole, aligned blocks reach: all but a few at the ends. */
struct Arrays {
  float *y, *x, *z;
  size_t blocks;

  Arrays(float* to, float* from, float* other, size_t length) {
    const size_t start = (LINE - reinterpret_cast<uintptr_t>(to) / sizeof(float) % LINE) % LINE;
    y = to + start;
    x = from + start;
    z = other + start;
    blocks = length < start ? 0 : (length - start) / BLOCK;
  }

  /** The part of member `k` of `members`. */
  size_t begin(unsigned k, unsigned members) const { return blocks * k / members * BLOCK; }

 private:
  static constexpr size_t LINE = 16;  // floats: a line of the cache
};

volatile float sink;

/** One kernel by its name: a pass that writes and, before it where the name begins with "two", one that only reads. */
struct Plan {
  Plan(const std::string& name, const Kernels& kernels) {
    const auto is = [&](const char* once, const char* twice) { return name == once || name == twice; };
    if (is("copy", "twopass")) copy = kernels.copy;
    if (is("copynt", "twopassnt")) copy = kernels.copynt;
    if (is("triad", "twotriad")) triad = kernels.triad;
    if (is("triadnt", "twotriadnt")) triad = kernels.triadnt;
    if (name.rfind("twopass", 0) == 0) sum = kernels.sum;
    if (name.rfind("twotriad", 0) == 0) dot = kernels.dot;
  }

  bool isKnown() const { return copy != nullptr || triad != nullptr; }

  /** The work of one member on its part. Between the two passes all members wait for each other. */
  void run(float* y, const float* x, const float* z, size_t count, Barrier& barrier) const {
    if (sum != nullptr) sink = sum(x, count);
    if (dot != nullptr) sink = dot(x, z, count);
    if (sum != nullptr || dot != nullptr) barrier.wait();
    if (copy != nullptr) copy(y, x, count);
    if (triad != nullptr) triad(y, x, z, count);
  }

  decltype(Kernels::copy) copy = nullptr;
  decltype(Kernels::triad) triad = nullptr;
  decltype(Kernels::sum) sum = nullptr;
  decltype(Kernels::dot) dot = nullptr;
};

/** run(kernel, y, x, z, threads, samples, passes): nanoseconds of a pass over all elements, a Float64Array of
 * `samples`. */
Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString();
  auto y = info[1].As<Napi::Float32Array>(), x = info[2].As<Napi::Float32Array>(), z = info[3].As<Napi::Float32Array>();
  const unsigned threads = info[4].ToNumber().Uint32Value(), samples = info[5].ToNumber().Uint32Value();
  const unsigned passes = info[6].ToNumber().Uint32Value();
  const Plan plan(name, best());
  if (!plan.isKnown()) throw Napi::RangeError::New(env, "limit: no kernel is called " + name);
  const size_t length = y.ElementLength();
  const Arrays on(y.Data(), x.Data(), z.Data(), length);
  if (x.ElementLength() != length || z.ElementLength() != length || on.blocks == 0 || threads == 0 || passes == 0) {
    throw Napi::RangeError::New(env, "limit: wanted three arrays of one length, threads and passes");
  }
  const std::vector<double> times = measure(threads, samples, passes, [&](unsigned member, Barrier& barrier) {
    const size_t begin = on.begin(member, threads), count = on.begin(member + 1, threads) - begin;
    plan.run(on.y + begin, on.x + begin, on.z + begin, count, barrier);
  });
  const double all = static_cast<double>(length) / static_cast<double>(on.blocks * BLOCK);
  Napi::Float64Array result = Napi::Float64Array::New(env, times.size());
  for (size_t i = 0; i < times.size(); i++) result[i] = times[i] * all;
  return result;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports["isa"] = Napi::String::New(env, best().isa);
  exports["run"] = Napi::Function::New(env, run);
  return exports;
}

}  // namespace
}  // namespace limit

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return limit::initialize(env, exports); }

NODE_API_MODULE(limit, initialize)
