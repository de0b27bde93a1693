// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
import type { Affine, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { activate, rounded } from './activation.js';
import { fl, type Scratch } from './layout.js';
import { statistics } from './stats.js';

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

/** What the activation sees: bn(x) + residual. `d` is fl(x − center). */
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

/** contract: src/kernels.ts, normalize */
export function normalize(
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  { n, c, s }: View,
  scratch: Scratch,
): void {
  const float32 = x.BYTES_PER_ELEMENT === 4;
  coefficients(scratch, affine, c, float32);
  const { center, scale, offset } = scratch;
  const ofType = rounded(activation, float32);
  for (let i = 0, k = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (let j = 0; j < s; j++, k++) {
        const z = preActivation(fl(x[k] - center[ch], float32), scale[ch], offset[ch], residual, k, float32);
        y[k] = activate(z, ofType, float32);
      }
    }
  }
}

/** contract: src/kernels.ts, forward */
export function forward(
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
  scratch: Scratch,
): void {
  statistics(affine.mean, affine.variance, x, view, scratch);
  normalize(y, x, residual, affine, activation, view, scratch);
}
