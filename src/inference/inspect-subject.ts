/** A layer as the checks of an inspection see it, wherever it comes from: numbers, and nothing to call. */
import type { Tensor } from '../types.js';
import type { Measured } from './inspect-measure.js';

/** How the running statistics came about, as far as it is known. */
export interface History {
  /** Batches taken in; null where nobody counted. */
  readonly batches: number | null;
  /** Weight that the start values still have. */
  readonly startWeight: number;
  readonly effectiveBatches: number | null;
  readonly valuesPerBatch: number | null;
  /** Whether the running statistics are the start values, and nothing was ever taken in. */
  readonly untouched: boolean;
}

export interface Subject {
  readonly layer: string;
  readonly channels: number;
  readonly epsilon: number;
  readonly updateRate: number | 'cumulative' | 'pooled';
  readonly varianceEstimator: 'unbiased' | 'biased';
  readonly ghostBatchSize: number | null;
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
  readonly history: History;
  /** Channels that were not finite in the last batch. */
  readonly nonFiniteBefore: readonly number[];
  /** Whether what the layer gives goes through a ReLU, with nothing added on the way. */
  readonly relu: boolean;
  /** Steps of training, if it was said how many there were. */
  readonly steps: number | null;
  /** Measurements of x; null without x. */
  readonly measured: Measured | null;
}

/** The history of an average: how many batches went in, at which rate, and how much of it they are. */
interface Average {
  readonly updateRate: number | 'cumulative' | 'pooled';
  readonly batches: number;
  /** 1 − the weight of the start values. */
  readonly weight: number;
  readonly debias: boolean;
}

/**
 * (Σw)²/Σw² of the weights w of t batches. At a rate r, wᵢ = r·(1 − r)^(t − i): this is (2 − r)/r · W/(2 − W), where
 * W = 1 − (1 − r)ᵗ is the weight of all batches together. Never more than t; t for the plain mean.
 */
export function effectiveBatches({ updateRate, batches, weight }: Average): number | null {
  if (batches === 0) return null;
  if (typeof updateRate === 'string') return batches;
  if (updateRate === 0) return null;
  return Math.min(batches, ((2 - updateRate) / updateRate) * (weight / (2 - weight)));
}

/** The weight that the start values (mean 0, variance 1) still have. */
export function startWeight({ updateRate, batches, weight, debias }: Average): number {
  if (batches === 0) return 1 - weight;
  return debias || typeof updateRate === 'string' ? 0 : 1 - weight;
}

/** Standard deviation of x in a channel, epsilon included, so that a constant channel has one. */
export function deviationOf(variance: number, epsilon: number): number {
  return Math.sqrt(variance + epsilon);
}
