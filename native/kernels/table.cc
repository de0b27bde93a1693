// The table of the kernels of one instruction set. native/runtime/dispatch.cc chooses one of these tables.
#include "exact-share.h"
#include "kernels_isa.h"

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
size_t exactPassBytes(View v, const Resources& resources) {
  return walkBytes<T>(v, resources) + exactMemory(v, resources.threads);
}

template <class T>
constexpr KernelTable<T> tableOf() {
  return {scratchBytes<T>, statistics<T>,   rowSumsBytes<T>,  rowSums<T>, normalize<T>,
          forward<T>,      gradientSums<T>, gradientInput<T>, backward<T>};
}

template <class T>
constexpr ExactTable<T> exactTableOf() {
  return {exactScratchBytes, exactSums<T>, exactGradientSums<T>, exactPassBytes<T>, exactForward<T>, exactBackward<T>};
}

template <class T>
constexpr HalfTables<T> halfTablesOf() {
  return {tableOf<T>(), exactTableOf<T>(), {widenTensor<T>, roundTensor<T>}};
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {BN_STRING(BN_ISA),
                         tableOf<float>(),
                         tableOf<double>(),
                         exactTableOf<float>(),
                         {exactStatistics, exactGradients},
                         halfTablesOf<Float16>(),
                         halfTablesOf<Bfloat16>()};

}  // namespace BN_ISA
}  // namespace bn
