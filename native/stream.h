// Writing past the caches: what is larger than they are would only push out of them what is still wanted, and a store
// that fills a whole line need not read it first.
#pragma once
#include <cstring>

#include "vec.h"

namespace bn {
namespace BN_ISA {
namespace {

/** to ← from, whole cache lines past the caches. */
template <class T>
inline void streamCopy(T* to, const T* from, size_t count) {
  constexpr size_t LINE = 64, STEP = F::LENGTH * sizeof(float);
  char* out = reinterpret_cast<char*>(to);
  const char* in = reinterpret_cast<const char*>(from);
  const size_t bytes = count * sizeof(T);
  size_t done = least((LINE - reinterpret_cast<size_t>(out) % LINE) % LINE, bytes);
  std::memcpy(out, in, done);
  for (; done + LINE <= bytes; done += LINE) {
    for (size_t j = 0; j < LINE; j += STEP) {
      stream(reinterpret_cast<float*>(out + done + j), F::load(reinterpret_cast<const float*>(in + done + j)));
    }
  }
  std::memcpy(out + done, in + done, bytes - done);
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
