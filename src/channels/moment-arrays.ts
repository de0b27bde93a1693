/** Count, mean and population variance per channel, and the one formula that joins two sets of them. */

import { newTensor } from '../arguments/typed-arrays.js';

/** Count, mean and variance of any amount of data, [c] each. Where count is 0, mean and variance mean nothing. */
export interface MomentArrays {
  readonly count: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Moments of no data yet. */
export function newMoments(channels: number): MomentArrays {
  return {
    count: newTensor<Float64Array>('Float64Array', channels),
    mean: newTensor<Float64Array>('Float64Array', channels).fill(NaN),
    variance: newTensor<Float64Array>('Float64Array', channels).fill(NaN),
  };
}

/** to ← of both, by the pairwise formula of Chan, Golub and LeVeque (1979); channels without values add nothing. */
export function mergeMoments(to: MomentArrays, from: MomentArrays): void {
  for (let ch = 0; ch < to.count.length; ch++) {
    if (from.count[ch] > 0) mergeChannel(to, ch, from.count[ch], from.mean[ch], from.variance[ch]);
  }
}

function mergeChannel(to: MomentArrays, ch: number, count: number, mean: number, variance: number): void {
  const own = to.count[ch];
  const n = own + count;
  to.count[ch] = n;
  if (own === 0) {
    to.mean[ch] = mean;
    to.variance[ch] = variance;
    return;
  }
  const a = own / n;
  const b = count / n;
  const delta = mean - to.mean[ch];
  const between = delta * delta * a * b;
  // A value that overflows on the way need not be too large in the end.
  to.variance[ch] = to.variance[ch] * a + variance * b + (between < Infinity ? between : delta * a * (delta * b));
  // An infinite mean stays infinite: mean + δ·b would be Infinity − Infinity.
  to.mean[ch] = Number.isFinite(delta) ? to.mean[ch] + delta * b : to.mean[ch] * a + mean * b;
}

/** The variance divided by count − 1: NaN where count is at most 1. */
export function sampleVariance(variance: number, count: number): number {
  return count <= 1 ? NaN : variance * (count / (count - 1));
}

/** (1 − rate)·running + rate·batch. What has a weight of 0 is left out, be it NaN or infinite. */
export function averaged(running: number, batch: number, rate: number): number {
  return part(1 - rate, running) + part(rate, batch);
}

function part(weight: number, value: number): number {
  return weight === 0 && !Number.isFinite(value) ? 0 : weight * value;
}

/** The reciprocal of the standard deviation, 1/√variance, where 1/√0 counts as 0: docs/numerics.md, section 4. */
export function reciprocalDeviation(variance: number): number {
  return variance === 0 ? 0 : 1 / Math.sqrt(variance);
}
