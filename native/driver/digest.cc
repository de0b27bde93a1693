// Prints a digest without JavaScript, for processors that Node.js does not run on here, and for emulated ones. The data
// and the hash are defined in test/support/digests.ts. The arguments are one case:
//
//   digest n c s float32|float64|float16|bfloat16 unit|near|offset|tiny|decades|special|constant true|false
//   none|relu|'slope low high' seed
//
// The digest is computed once for every way in which kernels can walk, on up to seven threads, and by two callers at
// once. The exit code is 1 where one of them differs. `npm run test:sanitize` runs this program under sanitizers.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "../kernels/half.h"
#include "../runtime/pool.h"

#if defined(BN_FEW_THREADS)
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

/** Takes the place of the system's function. The main thread starts the callers; all others get one thread together. */
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* data) {
  static std::atomic<int> left{1};
  if (getpid() != gettid() && left.fetch_sub(1) <= 0) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  return reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, start, data);
}
#endif

namespace bn {
namespace BN_ISA {
extern const Kernels kernels;
}

namespace {

class Draws {
 public:
  explicit Draws(uint32_t seed) : state_(seed) {}
  uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  double base() { return static_cast<double>(next() >> 8) - 8388608.0; }
  double unit() { return std::ldexp(base(), -22); }
  double value(const std::string& kind) {
    if (kind == "unit") return unit();
    if (kind == "near") return unit() + 1000;
    if (kind == "offset") return unit() + 10000;
    if (kind == "tiny") return std::ldexp(base(), -149);
    if (kind == "decades") {
      const double significand = unit();
      return std::ldexp(significand, static_cast<int>((next() >> 8) % 121) - 60);
    }
    if (kind == "special") {
      const uint32_t which = (next() >> 20) % 192;
      return which == 0 ? std::nan("") : which == 1 ? HUGE_VAL : which == 2 ? -0.0 : unit();
    }
    if (kind == "constant") return 3.25;
    std::fprintf(stderr, "digest: unknown data %s\n", kind.c_str());
    std::exit(2);
  }

 private:
  uint32_t state_;
};

class Hash {
 public:
  void add(const std::vector<float>& array) {
    for (float value : array) addBits(std::isnan(value) ? 0x7fc00000u : bits<uint32_t>(value), 4);
  }
  void add(const std::vector<double>& array) {
    for (double value : array) addBits(std::isnan(value) ? 0x7ff8000000000000u : bits<uint64_t>(value), 8);
  }
  void add(const std::vector<Float16>& array) {
    for (Float16 value : array) addBits((value.bits & 0x7fff) > 0x7c00 ? 0x7e00 : value.bits, 2);
  }
  void add(const std::vector<Bfloat16>& array) {
    for (Bfloat16 value : array) addBits((value.bits & 0x7fff) > 0x7f80 ? 0x7fc0 : value.bits, 2);
  }
  uint64_t value() const { return hash_; }

 private:
  template <class Bits, class Value>
  static Bits bits(Value value) {
    Bits out;
    std::memcpy(&out, &value, sizeof out);
    return out;
  }
  void addBits(uint64_t word, int bytes) {
    for (int i = 0; i < bytes; ++i, word >>= 8) hash_ = (hash_ ^ (word & 0xff)) * 0x100000001b3u;
  }
  uint64_t hash_ = 0xcbf29ce484222325u;
};

/** The activation that `name` says: "none", "relu", or slope, low and high. */
Activation activationOf(const char* name) {
  if (std::strcmp(name, "none") == 0) return {Activation::NONE, 0, 0, 0};
  if (std::strcmp(name, "relu") == 0) return {Activation::RELU, 0, 0, 0};
  Activation activation{Activation::THREE_LINES, 0, 0, 0};
  if (std::sscanf(name, "%lf %lf %lf", &activation.slope, &activation.low, &activation.high) == 3) return activation;
  std::fprintf(stderr, "digest: unknown activation %s\n", name);
  std::exit(2);
}

template <class T>
T rounded(double value) {
  if constexpr (sizeof(T) > 2) return static_cast<T>(value);
  T half;
  if constexpr (sizeof(T) == 2) BN_ISA::storeHalf(&half, static_cast<float>(value));
  return half;
}
template <class T>
double numberOf(T value) {
  if constexpr (sizeof(T) == 2)
    return BN_ISA::wideOf(value);
  else
    return value;
}

template <class T>
uint64_t digest(const KernelTable<T>& table, View v, const Resources& resources, char** arguments) {
  const std::string kind = arguments[5];
  const bool residual = std::strcmp(arguments[6], "true") == 0;
  const Activation activation = activationOf(arguments[7]);
  Draws draws(static_cast<uint32_t>(std::strtoul(arguments[8], nullptr, 10)));
  const auto fill = [&draws](auto element, size_t length, const std::string& data) {
    std::vector<decltype(element)> array(length);
    for (auto& value : array) value = rounded<decltype(element)>(draws.value(data));
    return array;
  };
  const size_t length = v.n * v.c * v.s;
  const std::vector<T> x = fill(T(), length, kind), dy = fill(T(), length, "unit");
  const std::vector<T> r = fill(T(), residual ? length : 0, "unit");
  const std::vector<Wide<T>> gamma = fill(Wide<T>(), v.c, "unit"), beta = fill(Wide<T>(), v.c, "unit");
  const T* given = residual ? r.data() : nullptr;

  std::vector<double> scratch((table.scratchBytes(v, resources) + sizeof(double) - 1) / sizeof(double) + 7);
  const Call call{v, resources, reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64)};
  std::vector<double> mean(v.c), variance(v.c);
  const Affine<Wide<T>> affine{mean.data(), variance.data(), gamma.data(), beta.data(), std::ldexp(1.0, -17)};
  std::vector<T> y(length);
  table.forward(y.data(), x.data(), given, mean.data(), variance.data(), affine, activation, call);
  Hash hash;
  std::vector<T> again(length);
  std::vector<Wide<T>> memory(CACHED_COEFFICIENTS * v.c);
  for (bool known : {false, true}) {
    table.normalize(again.data(), x.data(), given, affine, activation, {memory.data(), known}, call);
    for (size_t k = 0; k < length; ++k) {
      const double one = numberOf(again[k]), other = numberOf(y[k]);
      if (std::memcmp(&again[k], &y[k], sizeof(T)) != 0 && !(std::isnan(one) && std::isnan(other))) {
        std::fprintf(stderr, "normalize gives %g at %zu, not the %g of forward\n", one, k, other);
        std::exit(1);
      }
    }
  }
  hash.add(mean);
  hash.add(variance);
  hash.add(y);
  for (bool batchStatistics : {true, false}) {
    std::vector<T> dx(length), dresidual(length);
    std::vector<Wide<T>> dgamma(v.c), dbeta(v.c);
    table.backward(dx.data(), dresidual.data(), dgamma.data(), dbeta.data(), dy.data(), x.data(), given, affine,
                   activation, batchStatistics, call);
    for (const std::vector<T>* array : {&dx, &dresidual}) hash.add(*array);
    for (const std::vector<Wide<T>>* array : {&dgamma, &dbeta}) hash.add(*array);
  }
  return hash.value();
}

uint64_t digestWith(View v, const Resources& resources, char** arguments) {
  const std::string dtype = arguments[4];
  if (dtype == "float32") return digest(BN_ISA::kernels.f32, v, resources, arguments);
  if (dtype == "float64") return digest(BN_ISA::kernels.f64, v, resources, arguments);
  if (dtype == "float16") return digest(BN_ISA::kernels.f16.kernels, v, resources, arguments);
  if (dtype == "bfloat16") return digest(BN_ISA::kernels.bf16.kernels, v, resources, arguments);
  std::fprintf(stderr, "digest: unknown dtype %s\n", dtype.c_str());
  std::exit(2);
}

/** Resources that lead to every way of walking. Caches are made small, so that small tensors meet all of them. */
std::vector<Resources> walks() {
  const size_t huge = SIZE_MAX / 64;
  std::vector<Resources> all;
  for (size_t threads : {1, 2, 7}) {
    for (size_t tileBytes : {size_t{1}, size_t{600}, size_t{9000}, huge}) {
      for (size_t other : {size_t{1}, huge}) all.push_back({threads, 1, tileBytes, other, other, pool::run});
    }
  }
  return all;
}

/** The number of walks that give another digest. Each of the callers takes all walks, in an order of its own. */
size_t differences(View v, uint64_t expected, char** arguments) {
  const std::vector<Resources> all = walks();
  const size_t callers = 2;
  std::vector<size_t> wrong(callers);
  std::vector<std::thread> threads;
  for (size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      for (size_t i = 0; i < all.size(); ++i) {
        wrong[caller] += digestWith(v, all[(i + caller * all.size() / callers) % all.size()], arguments) != expected;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t sum = 0;
  for (size_t count : wrong) sum += count;
  return sum;
}

}  // namespace
}  // namespace bn

int main(int count, char** arguments) {
  if (count != 9) {
    std::fprintf(stderr, "usage: digest n c s dtype data residual activation seed\n");
    return 2;
  }
  const auto extent = [arguments](int i) { return static_cast<size_t>(std::strtoull(arguments[i], nullptr, 10)); };
  const bn::View view{extent(1), extent(2), extent(3)};
  bn::pool::hold();
  const uint64_t value = bn::digestWith(view, bn::walks()[0], arguments);
  const size_t wrong = bn::differences(view, value, arguments);
  bn::pool::release();
  std::printf("%016llx\n", static_cast<unsigned long long>(value));
  if (wrong > 0) std::fprintf(stderr, "%zu walks give another digest\n", wrong);
  return wrong == 0 ? 0 : 1;
}
