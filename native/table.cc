// The table of one instruction set: what dispatch.cc chooses from.
#include "layout.h"
#include "rooms.h"

#define BN_STRING_(x) #x
#define BN_STRING(x) BN_STRING_(x)

namespace bn {
namespace BN_ISA {
namespace {

size_t scratchBytes(View v) { return Scratch<double>(nullptr, v).bytes(); }

template <class T>
constexpr KernelTable<T> tableOf() {
  return {statistics<T>, normalize<T>, forward<T>, gradientSums<T>, gradientInput<T>, backward<T>};
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {BN_STRING(BN_ISA), scratchBytes, tableOf<float>(), tableOf<double>()};

}  // namespace BN_ISA
}  // namespace bn
