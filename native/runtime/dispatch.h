// The instruction sets that this build has and this machine runs.
#pragma once
#include "../kernels.h"

namespace bn {

/** Tables of kernels, the best instruction set first. */
struct Runnable {
  const Kernels* list[3];
  size_t count;

  const Kernels* const* begin() const { return list; }
  const Kernels* const* end() const { return list + count; }
};
Runnable runnable();

/** The kernels named `isa`, or null where they are not in this build or do not run here. */
const Kernels* find(const char* isa);

}  // namespace bn
