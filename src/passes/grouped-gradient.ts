/** The gradient of groups of channels that share statistics, in two steps: docs/numerics.md, section 5. */
import { kernelActivation } from '../arguments/activation.js';
import { kernels } from '../backends/select.js';
import type { Affine, GradientSumArrays, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { weightedGradientInput } from './weighted-gradient.js';

/** What comes back through the statistics of the group of each channel, as `shareOfStatistics` has it. */
export interface Share {
  readonly affine: Affine;
  readonly sums: GradientSumArrays;
}

/**
 * dx ← first what each value sends back by itself, then less its share in the statistics, by weights of the rows if
 * there are any. dresidual ← as `gradientInput` of the kernels.
 */
export function groupedGradientInput(
  dx: Tensor,
  dresidual: Tensor | null,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  share: Share,
  count: number,
  weights: Float64Array | null,
  view: View,
): void {
  kernels().gradientInput(dx, dresidual, dy, x, residual, affine, activation, null, 0, view);
  const none = kernelActivation('none');
  if (weights === null) kernels().gradientInput(dx, null, dx, x, null, share.affine, none, share.sums, count, view);
  else weightedGradientInput(dx, null, dx, x, null, share.affine, none, share.sums, count, weights, view);
}
