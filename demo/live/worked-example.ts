/** The four steps with numbers that can be changed, in two readings of the same text. */
import { forwardTraining } from 'batchnorm';

export const FEATURES = 3;
/** One minibatch of two samples with three features: the tutorial's. */
export const EXAMPLE: readonly (readonly number[])[] = [
  [0.23, 1.26, -2.41],
  [0.56, 0.75, 1.0],
];

/**
 * The paper divides the sum of squares by m, and its network starts with gamma = 1 and beta = 0; the tutorial's
 * numbers come from m − 1, the estimate that a sample gives of the variance of what it was drawn from.
 */
export type Reading = 'population' | 'sample';

export interface Steps {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
  /** x̂, sample after sample. */
  readonly normalized: readonly (readonly number[])[];
  readonly y: readonly (readonly number[])[];
}

export interface StepsOptions {
  readonly reading: Reading;
  readonly gamma: number;
  readonly beta: number;
  readonly epsilon: number;
}

/** The four steps over the columns of a minibatch. */
export function fourSteps(samples: readonly (readonly number[])[], options: StepsOptions): Steps {
  const { reading, gamma, beta, epsilon } = options;
  const [m, c] = [samples.length, FEATURES];
  const x = Float64Array.from(samples.flat());
  const { mean, variance } = forwardTraining(x, [m, c], { epsilon, singleValue: 'allow' });
  // Of samples of one value there is no sample variance; 0/0 says so.
  const spread = reading === 'sample' ? variance.map((value) => (value * m) / (m - 1)) : variance;
  const normalized = samples.map((row) => row.map((value, j) => (value - mean[j]) / Math.sqrt(spread[j] + epsilon)));
  const y = normalized.map((row) => row.map((value) => gamma * value + beta));
  return { mean: [...mean], variance: [...spread], normalized, y };
}
