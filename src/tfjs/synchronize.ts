/** A layer whose batch lies on several ranks: what they tell each other, and the gradient that follows from it. */

import { reciprocalDeviation } from '../channels/moment-arrays.js';
import { backward, type ExchangeTag, GradientSums, Moments, mergeRanks, type Reducer } from '../index.js';
import type { Summation } from '../passes/exact.js';
import { nextLayer } from '../ranks/reducer.js';
import { addStatisticsGradient, type Positions } from './mask.js';

/** Statistics of the batch over all ranks. */
export interface WholeStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** Values per channel; 0 where no rank has any. */
  readonly count: number;
}

/** The forward that is differentiated: this rank's part of it. */
export interface Part extends WholeStatistics {
  readonly axis: number;
  readonly epsilon: number;
  readonly shape: readonly number[];
  readonly dy: Float32Array;
  readonly x: Float32Array;
  readonly gamma: Float32Array | undefined;
  readonly positions: Positions | null;
}

/** [dx, dgamma, dbeta], to be written. */
type Outputs = readonly Float32Array[];

/** The only rank of its job. */
export const ALONE: Reducer = { rank: 0, size: 1, exchange: (values) => [values] };

export class Ranks {
  readonly #reducer: Reducer;
  readonly #summed: boolean;
  readonly summation: Summation;
  readonly #layer: number;
  readonly #steps = { forward: 0, backward: 0 };

  /** @param summed whether dgamma and dbeta are those of all ranks */
  constructor(reducer: Reducer, summed: boolean, summation: Summation) {
    this.#reducer = reducer;
    this.#summed = summed;
    this.summation = summation;
    this.#layer = nextLayer(reducer);
  }

  get size(): number {
    return this.#reducer.size;
  }

  /** Joins the statistics of this rank's part, or of chosen positions in it, with those of all other ranks. */
  statistics(x: Float32Array, shape: readonly number[], axis: number, positions: Positions | null): WholeStatistics {
    const channels = shape.at(axis)!;
    const moments = new Moments(channels, { summation: this.summation });
    moments.add(x, shape, positions === null ? { axis } : { axis, mask: positions.counts });
    const [{ mean, variance, count }] = mergeRanks(this.#reducer, [moments] as const, this.#tag('forward', channels));
    return { mean, variance, count: count[0] ?? 0 };
  }

  /** The gradients of this rank's part; those of the parameters as `gradients` says. */
  differentiate([dx, dgamma, dbeta]: Outputs, part: Part): void {
    const { axis, epsilon, mean, variance, shape, dy, x, gamma, positions, count } = part;
    const options = { axis, epsilon, mean, variance };
    const own = new GradientSums(mean.length, { summation: this.summation }).add(dy, x, shape, options);
    const [whole] = mergeRanks(this.#reducer, [own] as const, this.#tag('backward', mean.length));
    const targets = { gamma, out: dx, outGamma: dgamma, outBeta: dbeta };
    if (whole.count === count) {
      backward(dy, x, shape, { ...options, ...targets, sums: whole });
    } else {
      // Some rank has a mask: all positions are normalised, and only those that count made mean and variance.
      backward(dy, x, shape, { ...options, ...targets, statistics: 'given' });
      const sums = parameterGradients(whole, part);
      const counted = { counts: positions?.counts ?? everyRow(x, mean.length), total: count };
      addStatisticsGradient({ dx, ...sums }, x, counted, { mean, variance, epsilon, gamma });
    }
    const wanted = parameterGradients(this.#summed ? whole : own, part);
    dgamma.set(wanted.dgamma);
    dbeta.set(wanted.dbeta);
  }

  #tag(pass: ExchangeTag['pass'], channels: number): ExchangeTag {
    return { pass, layer: this.#layer, channels, step: ++this.#steps[pass] };
  }
}

/** dbeta = Σ dy and dgamma = Σ dy·(x − mean)·rstd. */
function parameterGradients(sums: GradientSums, { variance, epsilon }: Part) {
  const rstd = variance.map((value) => reciprocalDeviation(value + epsilon));
  return { dgamma: sums.sumDyDeviation.map((value, channel) => value * rstd[channel]), dbeta: sums.sumDy };
}

function everyRow(x: Float32Array, channels: number): Uint8Array {
  return new Uint8Array(x.length / channels).fill(1);
}
