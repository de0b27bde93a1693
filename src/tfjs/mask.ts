/**
 * Statistics over part of the positions. Every position is normalised by them, those that do not count too (as Keras
 * has it), so that its gradient reaches, through mean and variance, those that do.
 */

import { reciprocalDeviation } from '../channels/moment-arrays.js';
import { forwardTraining } from '../index.js';

/** Which rows of a tensor with the channels last count. */
export interface Positions {
  /** 1 or 0 for each row. */
  readonly counts: Uint8Array;
  /** Rows that count. */
  readonly total: number;
}

/** Any number but 0 counts. */
export function readPositions(mask: ArrayLike<number>): Positions {
  const counts = new Uint8Array(mask.length);
  let total = 0;
  for (let row = 0; row < counts.length; row++) {
    counts[row] = mask[row] === 0 ? 0 : 1;
    total += counts[row];
  }
  return { counts, total };
}

/** Mean and population variance of the rows that count: of a tensor that has only these, bit for bit. */
export function maskedStatistics(x: Float32Array, channels: number, { counts, total }: Positions) {
  const packed = new Float32Array(total * channels);
  let end = 0;
  counts.forEach((value, row) => {
    if (value === 0) return;
    packed.set(x.subarray(row * channels, (row + 1) * channels), end);
    end += channels;
  });
  const { mean, variance } = forwardTraining(packed, [total, channels], { out: packed, singleValue: 'allow' });
  return { mean, variance };
}

/** The start of a masked gradient: the gradients for given statistics, which do not depend on the mask. */
export interface GivenGradients {
  /** gamma·rstd·dy; becomes the gradient of x. */
  readonly dx: Float32Array;
  /** Σ dy·x̂ over all rows. */
  readonly dgamma: Float32Array | Float64Array;
  /** Σ dy over all rows. */
  readonly dbeta: Float32Array | Float64Array;
}

export interface Normalization {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly epsilon: number;
  readonly gamma: Float32Array | undefined;
}

/** dx ← dx − gamma·rstd·(dbeta + x̂·dgamma)/total in the rows that count: what comes back through mean and variance. */
export function addStatisticsGradient(
  { dx, dgamma, dbeta }: GivenGradients,
  x: Float32Array,
  { counts, total }: Positions,
  { mean, variance, epsilon, gamma }: Normalization,
): void {
  const channels = mean.length;
  const rstd = variance.map((value) => reciprocalDeviation(value + epsilon));
  counts.forEach((value, row) => {
    if (value === 0) return;
    for (let ch = 0, i = row * channels; ch < channels; ch++, i++) {
      const normalized = (x[i] - mean[ch]) * rstd[ch];
      const share = ((gamma?.[ch] ?? 1) * rstd[ch]) / total;
      dx[i] -= share * (dbeta[ch] + normalized * dgamma[ch]);
    }
  });
}
