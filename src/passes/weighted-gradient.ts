/** The gradient of statistics in which positions count by weights: docs/numerics.md, section 5. */
import { kernels } from '../backends/select.js';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { Affine, GradientSumArrays, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';

/**
 * `gradientInput` of the kernels where position i had the weight w in the statistics:
 *
 *     dx = gamma·rstd·(g − w·(sumDy/count + (x − mean)·rstd²·sumDyDeviation/count)),  count = Σ w
 *
 * With weights of 1 the bits are those of the kernels. Tensors are [n, c].
 */
export function weightedGradientInput(
  dx: Tensor,
  dresidual: Tensor | null,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  sums: GradientSumArrays,
  count: number,
  weights: Float64Array,
  view: View,
): void {
  const { n, c } = view;
  const fl = x.BYTES_PER_ELEMENT === 4 ? Math.fround : (value: number) => value;
  const { center, dxSlope, dxOffset } = inputCoefficients(affine, sums, count, fl);
  kernels().gradientInput(dx, dresidual, dy, x, residual, affine, activation, null, 0, view);
  for (let i = 0, k = 0; i < n; i++) {
    const weight = fl(weights[i]);
    for (let ch = 0; ch < c; ch++, k++) {
      const rest = fl(fl(fl(x[k] - center[ch]) * dxSlope[ch]) + dxOffset[ch]);
      dx[k] -= fl(weight * rest);
    }
  }
}

/** What dx = g·scale − (d·dxSlope + dxOffset) needs beside scale: docs/numerics.md, section 5. */
function inputCoefficients(
  { mean, variance, gamma, epsilon }: Affine,
  { sumDy, sumDyDeviation }: GradientSumArrays,
  count: number,
  fl: (value: number) => number,
) {
  const [center, dxSlope, dxOffset] = [mean.slice(), mean.slice(), mean.slice()];
  for (let ch = 0; ch < mean.length; ch++) {
    const rstd = reciprocalDeviation(variance[ch] + epsilon);
    const a = (gamma === null ? 1 : gamma[ch]) * rstd;
    const k = (rstd * rstd * sumDyDeviation[ch]) / count;
    center[ch] = fl(mean[ch]);
    dxSlope[ch] = fl(a * k);
    dxOffset[ch] = fl(a * (sumDy[ch] / count - (mean[ch] - center[ch]) * k));
  }
  return { center, dxSlope, dxOffset };
}
