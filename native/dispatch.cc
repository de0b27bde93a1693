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

namespace {

std::vector<const Kernels*> listRunnable() {
#if defined(__aarch64__) || defined(_M_ARM64)
  return {&neon::kernels};
#else
  std::vector<const Kernels*> list;
  if (cpu().avx512) list.push_back(&avx512::kernels);
  if (cpu().avx2) list.push_back(&avx2::kernels);
  list.push_back(&baseline::kernels);
  return list;
#endif
}

}  // namespace

const std::vector<const Kernels*>& runnable() {
  static const std::vector<const Kernels*> list = listRunnable();
  return list;
}

const Kernels* find(const char* isa) {
  for (const Kernels* kernels : runnable()) {
    if (std::strcmp(kernels->isa, isa) == 0) return kernels;
  }
  return nullptr;
}

}  // namespace bn
