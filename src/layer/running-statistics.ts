/** How a layer comes by its running statistics. All of it is float64, and every operation is written out once, here. */

import { wrongValue } from '../arguments/messages.js';
import { averaged, type MomentArrays, mergeMoments, sampleVariance } from '../channels/moment-arrays.js';
import { groupedMoments } from '../passes/groups.js';
import type { Tensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import { updateRenorm } from './renorm.js';
import { groupsOf, type Settings } from './settings.js';
import { checkDebias, checkUpdateRate, type UpdateRate } from './update-rate.js';

type Arrays = Pick<LayerArrays<Tensor>, 'channels' | 'runningMean' | 'runningVariance' | 'renorm'>;

/** Progress of the running statistics, beside their arrays. */
export interface Progress {
  readonly batchesTracked: number;
  readonly valuesTracked: number;
  readonly debiasWeight: number;
}

export class RunningStatistics implements Progress {
  batchesTracked = 0;
  /** Values per channel in these batches. */
  valuesTracked = 0;
  /** The part of an average that comes from batches and not from the start values: 1 − decayᵗ. */
  debiasWeight = 0;
  readonly #arrays: Arrays;
  readonly #settings: Settings;
  readonly #groups: number | null;
  #updateRate: UpdateRate;

  constructor(arrays: Arrays, settings: Settings) {
    this.#arrays = arrays;
    this.#settings = settings;
    this.#groups = groupsOf(settings, arrays.channels);
    this.#updateRate = settings.updateRate;
  }

  get updateRate(): UpdateRate {
    return this.#updateRate;
  }

  setUpdateRate(call: string, rate: UpdateRate): void {
    checkUpdateRate(call, 'updateRate', rate);
    checkDebias(call, this.#settings.debias, rate);
    this.#updateRate = rate;
  }

  /** Takes in a batch; all channels count as many values. */
  update(channels: MomentArrays): void {
    const { renorm, epsilon } = this.#settings;
    const batch = groupedMoments(channels, this.#groups);
    const before = this.valuesTracked;
    this.batchesTracked++;
    this.valuesTracked += channels.count[0];
    if (this.#updateRate === 'pooled') this.#pool(batch, before);
    else if (renorm === null) this.#average(batch, this.#weight(this.#updateRate));
    else this.#averageDeviation(batch, this.#weight(this.#updateRate));
    if (renorm !== null) updateRenorm(this.#arrays.renorm!, batch, renorm.updateRate, epsilon);
  }

  /** Weight of this batch in the average. */
  #weight(rate: number | 'cumulative'): number {
    if (rate === 'cumulative') return 1 / this.batchesTracked;
    this.debiasWeight = (1 - rate) * this.debiasWeight + rate;
    return this.#settings.debias && rate > 0 ? rate / this.debiasWeight : rate;
  }

  /** running ← (1 − rate)·running + rate·batch */
  #average({ count, mean, variance }: MomentArrays, rate: number): void {
    const { runningMean, runningVariance } = this.#arrays;
    const correction = this.#correction(count[0]);
    for (let ch = 0; ch < runningMean.length; ch++) {
      runningMean[ch] = averaged(runningMean[ch], mean[ch], rate);
      runningVariance[ch] = averaged(runningVariance[ch], variance[ch] * correction, rate);
    }
  }

  /** As with renorm in Keras: what is averaged is √(variance + epsilon). */
  #averageDeviation({ count, mean, variance }: MomentArrays, rate: number): void {
    if (rate === 0) return; // Root and square would round.
    const { runningMean, runningVariance } = this.#arrays;
    const { epsilon } = this.#settings;
    const correction = this.#correction(count[0]);
    for (let ch = 0; ch < runningMean.length; ch++) {
      const running = Math.sqrt(runningVariance[ch] + epsilon);
      const deviation = averaged(running, Math.sqrt(variance[ch] * correction + epsilon), rate);
      const next = deviation * deviation - epsilon;
      runningMean[ch] = averaged(runningMean[ch], mean[ch], rate);
      runningVariance[ch] = next < 0 ? 0 : next;
    }
  }

  /** running ← mean and variance of all values so far, `before` of each channel in it. */
  #pool(batch: MomentArrays, before: number): void {
    const { runningMean, runningVariance } = this.#arrays;
    const together = this.#groups === null ? 1 : runningMean.length / this.#groups;
    const toPopulation = 1 / this.#correction(before * together);
    const pooled = {
      count: new Float64Array(runningMean.length).fill(before * together),
      mean: runningMean,
      variance: runningVariance.map((variance) => variance * toPopulation),
    };
    mergeMoments(pooled, batch);
    const correction = this.#correction(this.valuesTracked * together);
    for (let ch = 0; ch < runningMean.length; ch++) runningVariance[ch] = pooled.variance[ch] * correction;
  }

  /** From the population's variance to that of the estimator. */
  #correction(count: number): number {
    return this.#settings.varianceEstimator === 'unbiased' && count > 1 ? count / (count - 1) : 1;
  }

  /**
   * Exact statistics in their place.
   *
   * @throws RangeError where a channel has seen no value
   */
  set(call: string, channels: MomentArrays): void {
    const { count, mean, variance } = groupedMoments(channels, this.#groups);
    const { runningMean, runningVariance } = this.#arrays;
    const unbiased = this.#settings.varianceEstimator === 'unbiased';
    const empty = channels.count.indexOf(0);
    if (empty >= 0) throw wrongValue(call, `moments.count[${empty}]`, 'at least one value in each channel', 0);
    runningMean.set(mean);
    for (let ch = 0; ch < runningVariance.length; ch++) {
      runningVariance[ch] = unbiased && count[ch] > 1 ? sampleVariance(variance[ch], count[ch]) : variance[ch];
    }
    this.valuesTracked = channels.count.reduce((most, each) => Math.max(most, each), 0);
    this.debiasWeight = 1;
  }

  /** As in a new layer; what the next batch counts stays. */
  reset(): void {
    const { runningMean, runningVariance, renorm } = this.#arrays;
    for (const zero of [runningMean, renorm?.renormMean]) zero?.fill(0);
    for (const one of [runningVariance, renorm?.renormDeviation]) one?.fill(1);
    this.restore({ batchesTracked: 0, valuesTracked: 0, debiasWeight: 0 }, this.#updateRate);
  }

  restore({ batchesTracked, valuesTracked, debiasWeight }: Progress, updateRate: UpdateRate): void {
    this.#updateRate = updateRate;
    this.batchesTracked = batchesTracked;
    this.valuesTracked = valuesTracked;
    this.debiasWeight = debiasWeight;
  }
}
