// Mean and variance per channel: docs/numerics.md, section 3.
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { LANES, type Scratch } from './layout.js';
import { reduceGroups, type Term } from './reduce.js';

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
const CENTRED_ABOVE = 2 ** 20;

/** Σ x and Σ x². The squares are exact for float32: products of two 24-bit significands fit float64. */
function sums(x: Tensor): Term {
  return (lanes, at, position, _column, _step, width, count, stride) => {
    for (let j = 0; j < width; j++) {
      let first = lanes[at + j];
      let second = lanes[at + LANES + j];
      for (let r = 0, k = position + j; r < count; r++, k += stride) {
        const v = x[k];
        first += v;
        second += v * v;
      }
      lanes[at + j] = first;
      lanes[at + LANES + j] = second;
    }
  };
}

/** Σ (x − mean) and Σ (x − mean)², never fused: these products are not exact. */
function centredSums(x: Tensor, mean: Float64Array, { c, s }: View): Term {
  return (lanes, at, position, column, step, width, count, stride) => {
    for (let j = 0; j < width; j++) {
      const center = mean[Math.floor((column + j * step) / s) % c];
      let first = lanes[at + j];
      let second = lanes[at + LANES + j];
      for (let r = 0, k = position + j; r < count; r++, k += stride) {
        const d = x[k] - center;
        first += d;
        second += d * d;
      }
      lanes[at + j] = first;
      lanes[at + LANES + j] = second;
    }
  };
}

/** float64 data always takes the centred pass: its squares are not exact. */
function needsCentring(mean: number, variance: number, float32: boolean): boolean {
  return !float32 || mean * mean > CENTRED_ABOVE * variance;
}

/** A variance that rounding made negative is 0; NaN stays. */
function clamp(variance: number): number {
  return variance < 0 ? 0 : variance;
}

/** mean += e, variance = q − e², where e and q are the means of x − mean and of its square. An infinite mean stays. */
function centre(mean: Float64Array, variance: Float64Array, ch: number, e: number, q: number): void {
  const finite = Math.abs(mean[ch]) < Infinity;
  variance[ch] = finite ? clamp(q - e * e) : NaN;
  if (finite) mean[ch] += e;
}

/** mean[ch], variance[ch] ← of x. */
export function measure(mean: Float64Array, variance: Float64Array, x: Tensor, view: View, scratch: Scratch): void {
  const { c, s } = view;
  const m = view.n * s;
  const float32 = x.BYTES_PER_ELEMENT === 4;
  const { totals, lanes } = scratch;

  reduceGroups(totals, sums(x), view, lanes);
  let centring = false;
  for (let ch = 0; ch < c; ch++) {
    mean[ch] = totals[ch] / m;
    variance[ch] = clamp((totals[c + ch] - totals[ch] * mean[ch]) / m);
    centring ||= needsCentring(mean[ch], variance[ch], float32);
  }
  if (!centring) return;

  reduceGroups(totals, centredSums(x, mean, view), view, lanes);
  for (let ch = 0; ch < c; ch++) {
    if (needsCentring(mean[ch], variance[ch], float32)) centre(mean, variance, ch, totals[ch] / m, totals[c + ch] / m);
  }
}

/** contract: src/kernels.ts, statistics */
export function statistics(mean: Float64Array, variance: Float64Array, x: Tensor, view: View, scratch: Scratch): void {
  measure(mean, variance, x, view, scratch);
}
