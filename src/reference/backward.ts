// The two gradient sums per channel, and dx from them: docs/numerics.md, section 5.
import type { Affine, GradientSumArrays, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { gradient, rounded } from './activation.js';
import { coefficients, preActivation, reciprocalDeviation } from './coefficients.js';
import { fl, LANES, type Scratch } from './layout.js';
import { reduceGroups, type Term } from './reduce.js';

/** g: dy through the activation, whose input is computed again. Without one there is nothing to compute. */
function gradientThrough(
  dy: number,
  d: number,
  scale: number,
  offset: number,
  residual: Tensor | null,
  k: number,
  activation: KernelActivation,
  float32: boolean,
): number {
  if (activation === 0) return dy;
  return gradient(dy, preActivation(d, scale, offset, residual, k, float32), activation, float32);
}

/** Σ g and Σ g·d, where d = fl(x − center) is of the tensor's type, so that float32 products are exact. */
function gradientTerm(
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  { center, scale, offset }: Scratch,
  activation: KernelActivation,
  { c, s }: View,
): Term {
  const float32 = x.BYTES_PER_ELEMENT === 4;
  const ofType = rounded(activation, float32);
  return (lanes, at, position, column, step, width, count, stride) => {
    for (let j = 0; j < width; j++) {
      const ch = Math.floor((column + j * step) / s) % c;
      let first = lanes[at + j];
      let second = lanes[at + LANES + j];
      for (let r = 0, k = position + j; r < count; r++, k += stride) {
        const d = fl(x[k] - center[ch], float32);
        const g = gradientThrough(dy[k], d, scale[ch], offset[ch], residual, k, ofType, float32);
        first += g;
        second += g * d;
      }
      lanes[at + j] = first;
      lanes[at + LANES + j] = second;
    }
  };
}

/** contract: src/kernels.ts, gradientSums */
export function gradientSums(
  sums: GradientSumArrays,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
  scratch: Scratch,
): void {
  const { c } = view;
  const { totals, center } = scratch;
  coefficients(scratch, affine, c, x.BYTES_PER_ELEMENT === 4);
  reduceGroups(totals, gradientTerm(dy, x, residual, scratch, activation, view), view, scratch.lanes);
  for (let ch = 0; ch < c; ch++) {
    sums.sumDy[ch] = totals[ch];
    sums.sumDyDeviation[ch] = totals[c + ch] - (affine.mean[ch] - center[ch]) * totals[ch];
  }
}

/**
 * Per channel, for dx = g·scale − (d·dxSlope + dxOffset): dxSlope = fl(a·k) and
 * dxOffset = fl(a·(sumDy/count − (mean − center)·k)), where a = gamma·rstd and k = rstd²·sumDyDeviation/count.
 */
function inputCoefficients(
  { center, dxSlope, dxOffset }: Scratch,
  { mean, variance, gamma, epsilon }: Affine,
  { sumDy, sumDyDeviation }: GradientSumArrays,
  count: number,
  c: number,
  float32: boolean,
): void {
  for (let ch = 0; ch < c; ch++) {
    const rstd = reciprocalDeviation(variance[ch], epsilon);
    const a = (gamma === null ? 1 : gamma[ch]) * rstd;
    const k = (rstd * rstd * sumDyDeviation[ch]) / count;
    dxSlope[ch] = fl(a * k, float32);
    dxOffset[ch] = fl(a * (sumDy[ch] / count - (mean[ch] - center[ch]) * k), float32);
  }
}

/** contract: src/kernels.ts, gradientInput */
export function gradientInput(
  dx: Tensor,
  dresidual: Tensor | null,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  sums: GradientSumArrays | null,
  count: number,
  { n, c, s }: View,
  scratch: Scratch,
): void {
  const float32 = x.BYTES_PER_ELEMENT === 4;
  const { center, scale, offset, dxSlope, dxOffset } = scratch;
  const ofType = rounded(activation, float32);
  coefficients(scratch, affine, c, float32);
  if (sums !== null) inputCoefficients(scratch, affine, sums, count, c, float32);
  for (let i = 0, k = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (let j = 0; j < s; j++, k++) {
        const d = fl(x[k] - center[ch], float32);
        const g = gradientThrough(dy[k], d, scale[ch], offset[ch], residual, k, ofType, float32);
        const direct = fl(g * scale[ch], float32);
        if (dresidual !== null) dresidual[k] = g;
        dx[k] = sums === null ? direct : fl(direct - fl(fl(d * dxSlope[ch], float32) + dxOffset[ch], float32), float32);
      }
    }
  }
}

/** dgamma ← sumDyDeviation·rstd and dbeta ← sumDy, per channel. */
export function parameterGradients(
  dgamma: Tensor,
  dbeta: Tensor,
  { sumDy, sumDyDeviation }: GradientSumArrays,
  { variance, epsilon }: Affine,
  c: number,
): void {
  for (let ch = 0; ch < c; ch++) {
    dgamma[ch] = sumDyDeviation[ch] * reciprocalDeviation(variance[ch], epsilon);
    dbeta[ch] = sumDy[ch];
  }
}

/** contract: src/kernels.ts, backward */
export function backward(
  dx: Tensor,
  dresidual: Tensor | null,
  dgamma: Tensor,
  dbeta: Tensor,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  batchStatistics: boolean,
  view: View,
  scratch: Scratch,
): void {
  const sums = scratch.sums;
  gradientSums(sums, dy, x, residual, affine, activation, view, scratch);
  const given = batchStatistics ? sums : null;
  gradientInput(dx, dresidual, dy, x, residual, affine, activation, given, view.n * view.s, view, scratch);
  parameterGradients(dgamma, dbeta, sums, affine, view.c);
}
