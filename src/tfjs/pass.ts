/** The forward that a gradient belongs to. */
import type { Summation } from '../passes/exact.js';
import type { Positions } from './mask.js';
import type { Ranks } from './synchronize.js';

/** The settings that are fixed in a layer. */
export interface Settings {
  /** The channel axis; negative counts from the end. */
  readonly axis: number;
  readonly epsilon: number;
}

/** Mean and population variance per channel. */
export interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Runs a function on someone's clock. */
export type Timed = <R>(run: () => R) => R;

/** The forward that is differentiated. */
export interface Pass extends Settings, Statistics {
  /** 'batch': mean and variance depend on x. 'given': they are constants. */
  readonly kind: 'batch' | 'given';
  /** The positions that mean and variance were taken over; null for all. */
  readonly positions: Positions | null;
  readonly timed: Timed;
  /** How sums are taken in gradients. */
  readonly summation: Summation;
  /** The ranks that share the statistics, if there are any, and the number of values per channel that all have. */
  readonly shared?: { readonly ranks: Ranks; readonly count: number };
}
