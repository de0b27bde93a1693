// y = activation((x − center)·scale + offset + residual): docs/numerics.md, section 4.
import type { Affine, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { activate, rounded } from './activation.js';
import { coefficients, preActivation } from './coefficients.js';
import { fl, type Scratch } from './layout.js';
import { measure } from './stats.js';

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
  measure(affine.mean, affine.variance, x, view, scratch);
  normalize(y, x, residual, affine, activation, view, scratch);
}
