// What exact sums come to. Sums are in canonical limbs, c channels of RECORD numbers one behind the other: float64 as
// src/kernels.ts has them, or the integers that sums are made of.
#pragma once
#include "exact-limbs.h"
#include "vec.h"

namespace bn {
namespace BN_ISA {

/** The contract's exactStatistics; the count of channel ch is counts[ch·step]. */
template <class Limb>
void statisticsOf(double* mean, double* variance, const Limb* sums, const double* counts, size_t step, size_t c);

/** The contract's exactGradients. */
template <class Limb>
void gradientsOf(GradientSums results, const Limb* sums, const double* mean, size_t c);

}  // namespace BN_ISA
}  // namespace bn
