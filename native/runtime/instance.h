// The state that the addon keeps in each environment of Node-API: the main thread, and each of worker_threads.
#pragma once
#include <cstdint>

#include "../kernels.h"
#include "caches.h"
#include "coefficient_cache.h"
#include "memory.h"
#include "pool.h"

namespace bn {

/** The memory that kernels work in: one for each environment, so that worker threads do not share it. */
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { forget(); }

  /** At least `bytes` bytes, aligned to 64: those of the last call, or more. Null where there is no memory. */
  void* reserve(size_t bytes) {
    if (bytes > size_) {
      forget();
      memory_ = memory::allocate(bytes + ALIGNMENT);
      if (memory_ == nullptr) return nullptr;
      size_ = bytes;
    }
    const uintptr_t start = reinterpret_cast<uintptr_t>(memory_);
    return reinterpret_cast<void*>((start + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  }
  void forget() {
    memory::release(memory_);
    memory_ = nullptr;
    size_ = 0;
  }

 private:
  static constexpr uintptr_t ALIGNMENT = 64;
  void* memory_ = nullptr;
  size_t size_ = 0;
};

/** The kernels and resources that a call of `load` chose, which the functions that it made use. */
struct Loaded {
  const Kernels& kernels;
  Resources resources;
  Scratch& scratch;
  CoefficientCache& coefficientCache;
  Loaded* next;

  const KernelTable<float>& table(float) const { return kernels.f32; }
  const KernelTable<double>& table(double) const { return kernels.f64; }
  const HalfTables<Float16>& half(Float16) const { return kernels.f16; }
  const HalfTables<Bfloat16>& half(Bfloat16) const { return kernels.bf16; }
  template <class T>
  const KernelTable<T>& table(T element) const {
    return half(element).kernels;
  }
  const ExactTable<float>& exact(float) const { return kernels.exact; }
  template <class T>
  const ExactTable<T>& exact(T element) const {
    return half(element).exact;
  }
};

/** The state of one environment. */
struct Instance {
  Scratch scratch;
  CoefficientCache coefficientCache;
  const Caches caches = cachesOfMachine();
  Loaded* loaded = nullptr;

  Instance() { pool::hold(); }
  ~Instance() {
    pool::release();
    while (loaded != nullptr) {
      Loaded* const last = loaded;
      loaded = last->next;
      memory::destroy(last);
    }
  }
};

}  // namespace bn
