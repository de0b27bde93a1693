#include "dispatch.h"

#include <cstring>

#include "cpu.h"

namespace bn {

#if defined(__aarch64__) || defined(_M_ARM64)
namespace neon {
extern const Kernels kernels;
}
#else
namespace avx512 {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
namespace baseline {
extern const Kernels kernels;
}
#endif

Runnable runnable() {
#if defined(__aarch64__) || defined(_M_ARM64)
  return {{&neon::kernels}, 1};
#else
  Runnable found{};
  const Cpu has = cpu();
  if (has.avx512) found.list[found.count++] = &avx512::kernels;
  if (has.avx2) found.list[found.count++] = &avx2::kernels;
  found.list[found.count++] = &baseline::kernels;
  return found;
#endif
}

const Kernels* find(const char* isa) {
  for (const Kernels* kernels : runnable()) {
    if (std::strcmp(kernels->isa, isa) == 0) return kernels;
  }
  return nullptr;
}

}  // namespace bn
