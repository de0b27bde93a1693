// The memory limit for bench/: how fast this machine copies arrays of the size of a case. Not part of the shipped
// addon.
#include <napi.h>

#include <cstdint>
#include <memory>
#include <new>
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

/** Three arrays of one size. They start at different places within a page, or stores would look like loads to come. */
class Arrays {
 public:
  explicit Arrays(size_t elements) : blocks_((elements + BLOCK - 1) / BLOCK) {
    const size_t stride = blocks_ * BLOCK + STAGGER;
    memory_.reset(new float[3 * stride + ALIGNMENT]);
    for (size_t i = 0; i < 3 * stride + ALIGNMENT; i++) memory_[i] = static_cast<float>(i % 1024) * 1e-3f;
    const uintptr_t start = reinterpret_cast<uintptr_t>(memory_.get());
    x = memory_.get() + (ALIGNMENT - start / sizeof(float) % ALIGNMENT) % ALIGNMENT;
    y = x + stride;
    z = y + stride;
  }

  /** The part of member `k` of `members`. */
  size_t begin(unsigned k, unsigned members) const { return blocks_ * k / members * BLOCK; }

  float *x, *y, *z;

 private:
  static constexpr size_t ALIGNMENT = 16;       // floats: a line of the cache
  static constexpr size_t STAGGER = 1024 + 80;  // a page and five lines
  const size_t blocks_;
  std::unique_ptr<float[]> memory_;
};

std::unique_ptr<Arrays> arrays;
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

  /** What one member does to its part. Between the two passes all members wait for each other. */
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

/** allocate(elements): three arrays of so many floats, in place of earlier ones. */
void allocate(const Napi::CallbackInfo& info) {
  arrays.reset();
  try {
    arrays = std::make_unique<Arrays>(static_cast<size_t>(info[0].ToNumber().Int64Value()));
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(info.Env(), "limit: no memory for three such arrays");
  }
}

void release(const Napi::CallbackInfo&) { arrays.reset(); }

/** run(kernel, threads, samples, passes): nanoseconds of a pass, a Float64Array of `samples`. */
Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString();
  const unsigned threads = info[1].ToNumber().Uint32Value(), samples = info[2].ToNumber().Uint32Value();
  const unsigned passes = info[3].ToNumber().Uint32Value();
  const Plan plan(name, best());
  if (!plan.isKnown()) throw Napi::RangeError::New(env, "limit: no kernel is called " + name);
  if (arrays == nullptr || threads == 0 || passes == 0) throw Napi::Error::New(env, "limit: allocate first");
  const Arrays& on = *arrays;
  const std::vector<double> times = measure(threads, samples, passes, [&](unsigned member, Barrier& barrier) {
    const size_t begin = on.begin(member, threads), count = on.begin(member + 1, threads) - begin;
    plan.run(on.y + begin, on.x + begin, on.z + begin, count, barrier);
  });
  Napi::Float64Array result = Napi::Float64Array::New(env, times.size());
  for (size_t i = 0; i < times.size(); i++) result[i] = times[i];
  return result;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports["isa"] = Napi::String::New(env, best().isa);
  exports["allocate"] = Napi::Function::New(env, allocate);
  exports["release"] = Napi::Function::New(env, release);
  exports["run"] = Napi::Function::New(env, run);
  return exports;
}

}  // namespace
}  // namespace limit

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return limit::initialize(env, exports); }

NODE_API_MODULE(limit, initialize)
