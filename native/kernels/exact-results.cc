// The kernels of what exact sums come to.
#include "exact-results.h"

#include "exact.h"

namespace bn {
namespace BN_ISA {

/** contract: src/kernels.ts, exactStatistics */
void exactStatistics(double* mean, double* variance, const double* records, const double* counts, size_t step,
                     size_t c) {
  for (size_t ch = 0; ch < c; ch += AT_ONCE) {
    const Records some{records + ch * RECORD};
    statisticsOfSome(mean + ch, variance + ch, some, minOf(AT_ONCE, c - ch), counts + ch * step, step);
  }
}

/** contract: src/kernels.ts, exactGradients */
void exactGradients(GradientSums sums, const double* records, const double* mean, size_t c) {
  for (size_t ch = 0; ch < c; ch += AT_ONCE) {
    const GradientSums some{sums.sumDy + ch, sums.sumDyDeviation + ch};
    gradientsOfSome(some, Records{records + ch * RECORD}, minOf(AT_ONCE, c - ch), mean + ch);
  }
}

}  // namespace BN_ISA
}  // namespace bn
