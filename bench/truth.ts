/**
 * Batch normalization in float64, as it is defined and without any care for speed or for the order of a sum. No line is
 * shared with the library.
 */
import type { View } from './shapes.js';

/** Per channel, [c]. */
export interface Truth {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** 1/√(variance + epsilon) */
  readonly rstd: Float64Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  /** Σdy, Σdy·(x − mean), and the same sums of absolute values. */
  readonly sum: Float64Array;
  readonly sumDeviation: Float64Array;
  readonly absolute: Float64Array;
  readonly absoluteDeviation: Float64Array;
  /** Mean of |x|. */
  readonly magnitude: Float64Array;
}

/** Calls body(channel, index) for every element. */
export function each({ n, c, s }: View, body: (ch: number, k: number) => void): void {
  let k = 0;
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (const end = k + s; k < end; k++) body(ch, k);
    }
  }
}

export function findTruth(
  x: Float32Array,
  dy: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
  view: View,
): Truth {
  const m = view.n * view.s;
  const zeros = () => new Float64Array(view.c);
  const [mean, variance, magnitude] = [zeros(), zeros(), zeros()];
  const [sum, sumDeviation, absolute, absoluteDeviation] = [zeros(), zeros(), zeros(), zeros()];
  each(view, (ch, k) => {
    mean[ch] += x[k] / m;
    magnitude[ch] += Math.abs(x[k]) / m;
  });
  each(view, (ch, k) => {
    const deviation = x[k] - mean[ch];
    variance[ch] += (deviation * deviation) / m;
    sum[ch] += dy[k];
    absolute[ch] += Math.abs(dy[k]);
    sumDeviation[ch] += dy[k] * deviation;
    absoluteDeviation[ch] += Math.abs(dy[k] * deviation);
  });
  const rstd = variance.map((value) => 1 / Math.sqrt(value + epsilon));
  return { mean, variance, rstd, gamma, beta, sum, sumDeviation, absolute, absoluteDeviation, magnitude };
}
