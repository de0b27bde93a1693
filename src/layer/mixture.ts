/**
 * Statistics of the single sample mixed with the running ones, for evaluation: "inference example weighing" of
 * C. Summers and M. J. Dinneen, Four Things Everyone Should Know to Improve Batch Normalization (arXiv 1906.03548),
 * which mixes E[x] and E[x²].
 */
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { nameSet, readNames } from '../arguments/options.js';
import { averaged, type MomentArrays } from '../channels/moment-arrays.js';
import type { GhostBatches } from '../passes/arrange.js';
import { Variant } from '../passes/variant.js';
import { choice, type Row } from './rows.js';

/**
 * A value of {@link BatchNorm.normalizeWith}: evaluation normalises each sample by its own statistics mixed with the
 * running ones. With the weight α of the sample, whose mean and variance per channel are μ and σ²:
 *
 *     mean     = (1 − α)·runningMean + α·μ
 *     variance = (1 − α)·runningVariance + α·σ² + α·(1 − α)·(μ − runningMean)²
 *
 * which is to mix E[x] and E[x²], so that the variance is that of the mixture. 0 are the running statistics alone, and
 * 1 are those of the sample alone: instance normalization.
 */
export interface SampleMixture {
  /** Weight of the sample's own statistics, α, from 0 to 1. */
  readonly sample: number;
  /** Weight of the running statistics: 1 − sample, which is the default. */
  readonly running?: number | undefined;
}

/**
 * Whose statistics normalize: 'mode' those of the batch in training and the running ones in evaluation, 'batch' and
 * 'running' these in both modes, a mixture in evaluation those of each sample and the running ones together.
 */
export type NormalizeWith = 'mode' | 'batch' | 'running' | SampleMixture;

const WORDS = /* @__PURE__ */ choice('mode', 'batch', 'running');
const NAMES = /* @__PURE__ */ nameSet('sample running');
const WANTED = 'a weight from 0 to 1';
/** 0.9 + 0.1 and the like need not be 1 to the last bit. */
const ROUNDING = 1e-9;

/** The switch: one of three words, or a mixture. */
export const normalizeWith: Row<NormalizeWith> = {
  ...WORDS,
  otherwise: 'mode',
  read: (call, name, given) =>
    typeof given === 'object' && given !== null ? readMixture(call, name, given) : WORDS.read(call, name, given),
  save: (value) => value,
};

function readMixture(call: string, name: string, given: object): SampleMixture {
  const { sample, running }: Partial<SampleMixture> = readNames(call, name, given, NAMES);
  checkWeight(call, `${name}.sample`, sample);
  if (running !== undefined) {
    checkWeight(call, `${name}.running`, running);
    if (Math.abs(running + sample - 1) > ROUNDING) {
      throw wrongValue(call, `${name}.running`, `1 - sample, ${1 - sample}`, running);
    }
  }
  return Object.freeze({ running: 1 - sample, sample });
}

function checkWeight(call: string, name: string, weight: unknown): asserts weight is number {
  if (typeof weight !== 'number') throw wrongKind(call, name, WANTED, weight);
  if (!(weight >= 0 && weight <= 1)) throw wrongValue(call, name, WANTED, weight);
}

/** Every sample is a part with statistics of its own. */
export const SAMPLES: GhostBatches = { ghostBatchSize: 1, grouping: 'consecutive' };

interface Running {
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
}

/**
 * The running statistics share those of each sample, as another rank would. Since mean and variance are those of k/α
 * values, of which the sample has k, the gradient is that of a part of such a batch:
 *
 *     dx = gamma·rstd·(g − α/k·(Σ g + (x − mean)·rstd²·Σ g·(x − mean)))
 */
export class Mixture extends Variant {
  override readonly shared = true;
  readonly #weight: number;
  readonly #running: Running;

  constructor(weight: number, running: Running) {
    super();
    this.#weight = weight;
    this.#running = running;
  }

  override statistics(_call: string, samples: readonly MomentArrays[]): readonly MomentArrays[] {
    return samples.map((sample) => (sample.count[0] > 0 ? this.#mixed(sample) : sample));
  }

  /** docs/numerics.md, section 5. */
  #mixed({ count, mean, variance }: MomentArrays): MomentArrays {
    const weight = this.#weight;
    const { runningMean, runningVariance } = this.#running;
    const share = weight * (1 - weight);
    return {
      count: count.map((values) => values / weight),
      mean: mean.map((own, ch) => averaged(runningMean[ch], own, weight)),
      variance: variance.map((own, ch) => {
        const delta = mean[ch] - runningMean[ch];
        const within = averaged(runningVariance[ch], own, weight);
        return share === 0 ? within : within + share * delta * delta;
      }),
    };
  }
}
