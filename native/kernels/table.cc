// The table of the kernels of one instruction set. native/runtime/dispatch.cc chooses one of these tables.
#include "exact.h"
#include "kernels_isa.h"
#include "walk.h"

#define BN_STRING_(x) #x
#define BN_STRING(x) BN_STRING_(x)

namespace bn {
namespace BN_ISA {
namespace {

/** Bytes of scratch memory that suffice for each kernel and each plan. */
template <class T>
size_t scratchBytes(View v, const Resources& resources) {
  return Walk<T>::bytes(v, resources);
}

template <class T>
constexpr KernelTable<T> tableOf() {
  return {scratchBytes<T>, statistics<T>,   rowSumsBytes<T>,  rowSums<T>, normalize<T>,
          forward<T>,      gradientSums<T>, gradientInput<T>, backward<T>};
}

constexpr ExactTable EXACT{exactScratchBytes, exactSums,      exactGradientSums, exactStatistics,
                           exactGradients,    exactPassBytes, exactForward,      exactBackward};

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {BN_STRING(BN_ISA), tableOf<float>(), tableOf<double>(), EXACT};

}  // namespace BN_ISA
}  // namespace bn
