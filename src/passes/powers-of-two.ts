/** Channels multiplied by powers of two, which is exact where nothing overflows or underflows. */
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';

/** Powers of two by which channels are multiplied, [c]; 1 where nothing is to be done. */
export type Factors = Float64Array;

/** Factors are powers of this, which bring subnormal numbers and the largest ones to within its root of 1. */
const STEP = 2 ** 200;
const NEAR = 2 ** 100;

/** For each channel the power of STEP that brings its magnitude near 1; null where all are 1. */
export function factorsOf(channels: number, magnitude: (ch: number) => number): Factors | null {
  let factors: Factors | null = null;
  for (let ch = 0; ch < channels; ch++) {
    const factor = factorOf(magnitude(ch));
    if (factor === 1) continue;
    factors ??= new Float64Array(channels).fill(1);
    factors[ch] = factor;
  }
  return factors;
}

function factorOf(magnitude: number): number {
  let factor = 1;
  if (!(magnitude > 0 && magnitude < Infinity)) return factor;
  while (magnitude * factor > NEAR) factor /= STEP;
  while (magnitude * factor < 1 / NEAR) factor *= STEP;
  return factor;
}

/** The largest magnitude in a channel; the first that is NaN or Infinity, where there is one. */
export function largest(x: Tensor, { n, c, s }: View, ch: number): number {
  let most = 0;
  for (let i = 0; i < n; i++) {
    const start = (i * c + ch) * s;
    for (let k = start; k < start + s; k++) {
      const magnitude = Math.abs(x[k]);
      if (!(magnitude < Infinity)) return magnitude;
      if (magnitude > most) most = magnitude;
    }
  }
  return most;
}

export function multiplied(x: Tensor, factors: Factors, view: View): Tensor {
  const product = new Float64Array(x);
  multiply(product, view, factors);
  return product;
}

/** Multiplies channels by one factor and divides them by another, which may be too much for a number in between. */
export function multiply(x: Tensor, { n, c, s }: View, by: Factors | null, over: Factors | null = null): void {
  for (let ch = 0; ch < c; ch++) {
    const first = by === null ? 1 : by[ch];
    const second = over === null ? 1 : 1 / over[ch];
    if (first === 1 && second === 1) continue;
    const both = first * second;
    const isOne = both > 0 && both < Infinity;
    for (let i = 0; i < n; i++) {
      const start = (i * c + ch) * s;
      for (let k = start; k < start + s; k++) x[k] = isOne ? x[k] * both : x[k] * first * second;
    }
  }
}
