// The numbers per channel that elementwise passes use, and the value that the activation sees: docs/numerics.md,
// sections 4 and 5.
import type { Affine } from '../kernels.js';
import type { Tensor } from '../types.js';
import { fl, type Scratch } from './layout.js';

/** 1/√(variance + epsilon); 0 where that is 1/0, so that a constant channel gives x̂ = 0 also with epsilon = 0. */
export function reciprocalDeviation(variance: number, epsilon: number): number {
  const sum = variance + epsilon;
  return sum === 0 ? 0 : 1 / Math.sqrt(sum);
}

/**
 * Per channel center = fl(mean), scale = fl(gamma·rstd), offset = fl(beta − (mean − center)·gamma·rstd): what the
 * rounding of the mean to the tensor's type takes away, the offset gives back.
 */
export function coefficients(scratch: Scratch, affine: Affine, c: number, float32: boolean): void {
  const { mean, variance, gamma, beta, epsilon } = affine;
  const { center, scale, offset } = scratch;
  for (let ch = 0; ch < c; ch++) {
    const a = (gamma === null ? 1 : gamma[ch]) * reciprocalDeviation(variance[ch], epsilon);
    center[ch] = fl(mean[ch], float32);
    scale[ch] = fl(a, float32);
    offset[ch] = fl((beta === null ? 0 : beta[ch]) - (mean[ch] - center[ch]) * a, float32);
  }
}

/** The input of the activation: bn(x) + residual. `d` is fl(x − center). */
export function preActivation(
  d: number,
  scale: number,
  offset: number,
  residual: Tensor | null,
  k: number,
  float32: boolean,
): number {
  const z = fl(fl(d * scale, float32) + offset, float32);
  return residual === null ? z : fl(z + residual[k], float32);
}
