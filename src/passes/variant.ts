/**
 * A deviation from the plain pass: it changes numbers per channel between kernels. A layer has an ordered list of
 * these.
 */
import type { MomentArrays } from '../channels/moment-arrays.js';
import type { GradientSumArrays } from '../kernels.js';
import type { Part } from './arrange.js';

/** Limits of batch renormalization in this call. */
export interface Limits {
  readonly rMax: number;
  readonly dMax: number;
}

/** Statistics that a part is normalised by in the place of its own; epsilon is in the variance. */
export interface Corrected {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** The gradient sums that make the kernels compute the gradient, from those about this mean. */
  sums(sums: GradientSumArrays): GradientSumArrays;
}

/** Changes nothing; a variant overrides what it changes. `call` is the public function, for errors. */
export class Variant {
  /** Whether others have a part in the statistics, so that they do not follow from x. */
  readonly shared: boolean = false;
  /** Whether dgamma and dbeta are of everything that shares the statistics, and not of these parts alone. */
  readonly summed: boolean = false;
  /** Whether it is the one variant that has `correct`. */
  readonly corrects: boolean = false;

  /**
   * The statistics of the parts, from those that the variant before it gave.
   *
   * @throws where they are refused; nothing has been written then
   */
  statistics(_call: string, batches: readonly MomentArrays[], _parts: readonly Part[]): readonly MomentArrays[] {
    return batches;
  }

  /** Another mean and variance for a part. */
  correct(_batch: MomentArrays, _epsilon: number, _limits: Limits): Corrected | null {
    return null;
  }

  /** The gradient sums of everything that shared the statistics, from those of each part. */
  sums(_call: string, sums: readonly GradientSumArrays[]): readonly GradientSumArrays[] {
    return sums;
  }
}
