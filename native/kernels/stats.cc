// The kernel `statistics`: mean and variance of each channel.
#include "stats.h"

#include "kernels_isa.h"

namespace bn {
namespace BN_ISA {

/** contract: src/kernels.ts, statistics */
template <class T>
void statistics(double* mean, double* variance, const T* x, const Call& call) {
  const Walk<Stored<T>> walk(1, 1, call);
  walk.tiles([&](Tile tile) { measure(mean, variance, x, walk, tile); });
}

template void statistics(double*, double*, const float*, const Call&);
template void statistics(double*, double*, const double*, const Call&);
template void statistics(double*, double*, const Float16*, const Call&);
template void statistics(double*, double*, const Bfloat16*, const Call&);

}  // namespace BN_ISA
}  // namespace bn
