import { refuseProxies } from '../arguments/messages.js';
import type { Tensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import { LayerSwitches } from './layer-switches.js';
import type { RunningStatistics } from './running-statistics.js';
import type { UpdateRate } from './update-rate.js';

/** What a layer shows of itself: its parameters and its running statistics. */
export class LayerShown<T extends Tensor> extends LayerSwitches {
  static {
    refuseProxies('BatchNorm', LayerShown.prototype, (value) => #own in value);
  }

  readonly #own: LayerArrays<T>;
  readonly #running: RunningStatistics;

  constructor(own: LayerArrays<T>, running: RunningStatistics) {
    super();
    this.#own = own;
    this.#running = running;
  }

  /** Number of channels, c. */
  get channels(): number {
    return this.#own.channels;
  }

  /** Learnt scale, [c], starting at 1; written in place by the optimiser. null without `scale`. */
  get gamma(): T | null {
    return this.#own.gamma;
  }

  /** Learnt shift, [c], starting at 0; written in place by the optimiser. null without `center`. */
  get beta(): T | null {
    return this.#own.beta;
  }

  /** Mean that evaluation normalises by, [c], starting at 0. */
  get runningMean(): Float64Array {
    return this.#own.runningMean;
  }

  /** Variance that evaluation normalises by, [c], starting at 1; divided as `varianceEstimator` says. */
  get runningVariance(): Float64Array {
    return this.#own.runningVariance;
  }

  /** Number of batches that the running statistics have taken in; empty ones do not count. */
  get batchesTracked(): number {
    return this.#running.batchesTracked;
  }

  /** Values per channel in these batches: what 'pooled' weighs the next one against. */
  get valuesTracked(): number {
    return this.#running.valuesTracked;
  }

  /** What r and d of batch renormalization are measured against, [c], starting at 0. null without `renorm`. */
  get renormMean(): Float64Array | null {
    return this.#own.renorm?.renormMean ?? null;
  }

  /** The same of √(variance + epsilon), [c], starting at 1. null without `renorm`. */
  get renormDeviation(): Float64Array | null {
    return this.#own.renorm?.renormDeviation ?? null;
  }

  /**
   * How much of each batch goes into the running statistics; see {@link BatchNormOptions}. May be set between calls, for a
   * schedule. (The other convention is decay = 1 − updateRate.)
   *
   * @throws TypeError, RangeError when set to what is no such rate, or to a rule where the layer debiases
   * @example
   * import { BatchNorm } from 'batchnorm';
   * const bn = new BatchNorm(8);
   * for (let step = 0; step < 100; step++) bn.updateRate = Math.max(0.01, 1 / (step + 1)); // warm-up
   */
  get updateRate(): UpdateRate {
    return this.#running.updateRate;
  }

  set updateRate(rate: UpdateRate) {
    this.#running.setUpdateRate('BatchNorm', rate);
  }
}
