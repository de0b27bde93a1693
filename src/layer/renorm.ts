/**
 * Batch renormalization (S. Ioffe, arXiv 1702.03275) as Keras and TensorFlow compute it: the statistics of a batch are
 * corrected by averages of earlier ones, and the corrections count as constants for gradients.
 *
 *     y = gamma·(r·(x − mean)/deviation + d) + beta,  deviation = √(variance + epsilon)
 *
 * That is the normalisation by another mean and another variance, which is all that kernels need to know of it.
 */
import { decodeNumbers, encodeNumbers, type JsonNumber } from '../arguments/json-numbers.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { namesOf, readOptions } from '../arguments/options.js';
import { averaged } from '../channels/moment-arrays.js';
import type { GradientSumArrays } from '../kernels.js';
import { type Corrected, type Limits, Variant } from '../passes/variant.js';
import { checkFraction, givenRate } from './update-rate.js';

/**
 * Limits of batch renormalization in one call, for a layer with `renorm`: y = gamma·(x̂·r + d) + beta, where r and d
 * are clipped to them.
 */
export interface RenormLimits {
  /** The largest r, a number ≥ 1. Default Infinity. */
  rMax?: number | undefined;
  /** The largest |d|, a number ≥ 0. Default Infinity. */
  dMax?: number | undefined;
}

/** Options of batch renormalization, all of them optional: the limits of r and d, and the rate of its averages. */
export interface RenormOptions extends RenormLimits {
  /** The smallest r, from 0 to 1. Default 0. */
  rMin?: number | undefined;
  /** How much of each batch goes into renormMean and renormDeviation, from 0 to 1. Default 0.01 (Keras). */
  updateRate?: number | undefined;
  /** The other convention: decay = 1 − updateRate; Keras calls it renorm_momentum (0.99). */
  decay?: number | undefined;
}

/** The settings of batch renormalization of a layer: {@link RenormOptions} with every default filled in. */
export interface RenormSettings {
  readonly rMin: number;
  readonly rMax: number;
  readonly dMax: number;
  readonly updateRate: number;
}

const OPTIONS = /* @__PURE__ */ namesOf<RenormOptions>({ rMin: 1, rMax: 1, dMax: 1, updateRate: 1, decay: 1 });
const DEFAULTS: RenormSettings = /* @__PURE__ */ Object.freeze({
  rMin: 0,
  rMax: Infinity,
  dMax: Infinity,
  updateRate: 0.01,
});

export function readRenorm(call: string, renorm: unknown): RenormSettings | null {
  if (renorm === false) return null;
  if (renorm === true) return DEFAULTS;
  if (typeof renorm !== 'object' || renorm === null)
    throw wrongKind(call, 'renorm', 'true, false or an object', renorm);
  const given: RenormOptions = readOptions(`${call}: renorm`, renorm, OPTIONS);
  const { rMin = DEFAULTS.rMin, updateRate, decay } = given;
  checkFraction(call, 'renorm.rMin', rMin);
  const rate = givenRate(`${call}: renorm`, updateRate, decay);
  if (rate !== undefined) checkFraction(`${call}: renorm`, 'updateRate', rate);
  const limits = readLimits(call, given, DEFAULTS, 'renorm.');
  return Object.freeze({ rMin, ...limits, updateRate: rate === undefined ? DEFAULTS.updateRate : rate });
}

/** The limits of this call: given ones, else those of the settings. */
export function readLimits(
  call: string,
  { rMax, dMax }: RenormLimits,
  settings: RenormSettings,
  prefix = '',
): { rMax: number; dMax: number } {
  if (rMax !== undefined) checkAtLeast(call, `${prefix}rMax`, rMax, 1);
  if (dMax !== undefined) checkAtLeast(call, `${prefix}dMax`, dMax, 0);
  return { rMax: rMax ?? settings.rMax, dMax: dMax ?? settings.dMax };
}

function checkAtLeast(call: string, name: string, value: unknown, least: number): void {
  const wanted = `a number >= ${least}`;
  if (typeof value !== 'number') throw wrongKind(call, name, wanted, value);
  if (!(value >= least)) throw wrongValue(call, name, wanted, value);
}

/** {@link RenormOptions} in the state of a layer, where Infinity is a string. */
export type SavedRenorm = [rMin: JsonNumber, rMax: JsonNumber, dMax: JsonNumber, updateRate: JsonNumber];

export function encodeRenorm(settings: RenormSettings | null): SavedRenorm | null {
  if (settings === null) return null;
  return encodeNumbers([settings.rMin, settings.rMax, settings.dMax, settings.updateRate]) as SavedRenorm;
}

export function decodeRenorm(call: string, renorm: unknown): RenormOptions | false {
  if (renorm === null) return false;
  const [rMin, rMax, dMax, updateRate] = decodeNumbers(call, 'renorm', renorm, 4, 'rMin, rMax, dMax, updateRate');
  return { rMin, rMax, dMax, updateRate };
}

/** The averages that r and d are measured against, [c] each. */
export interface RenormAverages {
  readonly renormMean: Float64Array;
  readonly renormDeviation: Float64Array;
}

interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Corrects the statistics of every batch by the averages, which are the layer's. */
export class Renorm extends Variant {
  override readonly corrects = true;
  readonly #averages: RenormAverages;
  readonly #rMin: number;

  constructor(averages: RenormAverages, { rMin }: RenormSettings) {
    super();
    this.#averages = averages;
    this.#rMin = rMin;
  }

  /**
   * r = clip(deviation/reference, rMin, rMax), d = clip((mean − renormMean)/reference, ±dMax), reference ≥ √epsilon.
   */
  override correct(batch: Statistics, epsilon: number, { rMax, dMax }: Limits): Corrected {
    const { renormMean, renormDeviation } = this.#averages;
    const own = batch.variance.map((variance) => variance + epsilon);
    const [mean, variance, r, shift] = [own.slice(), own.slice(), own.slice(), own.slice()];
    for (let ch = 0; ch < own.length; ch++) {
      const reference = Math.max(renormDeviation[ch], Math.sqrt(epsilon));
      // Without a deviation there is nothing to measure by: the batch stays as it is.
      const known = reference !== 0;
      r[ch] = known ? clip(Math.sqrt(own[ch]) / reference, this.#rMin, rMax) : 1;
      const d = known ? clip((batch.mean[ch] - renormMean[ch]) / reference, -dMax, dMax) : 0;
      // In a constant channel (with epsilon 0) r/deviation is 0/0; its limit is 1/reference.
      variance[ch] = own[ch] === 0 ? reference * reference : own[ch] / (r[ch] * r[ch]);
      mean[ch] = d === 0 ? batch.mean[ch] : batch.mean[ch] - d * Math.sqrt(variance[ch]);
      shift[ch] = d === 0 ? 0 : mean[ch] - batch.mean[ch];
    }
    return { mean, variance, sums: (sums) => renormedSums({ r, shift, own }, sums) };
  }
}

/** How a batch was corrected, [c] each. */
interface Renormed {
  readonly r: Float64Array;
  /** By how much the mean was moved: −d·deviation/r. */
  readonly shift: Float64Array;
  /** variance + epsilon of the batch itself. */
  readonly own: Float64Array;
}

function clip(value: number, least: number, most: number): number {
  return value < least ? least : value > most ? most : value;
}

/**
 * The gradient sums that make kernels compute the gradient with constant r and d,
 *
 *     dx = gamma·r/deviation·(g − Σg/m − (x − batch mean)/deviation²·Σ g·(x − batch mean)/m),
 *
 * where they are given the moved mean and the corrected variance: with r = 1 and d = 0 the sums as they are.
 */
function renormedSums({ r, shift, own }: Renormed, sums: GradientSumArrays): GradientSumArrays {
  const sumDy = sums.sumDy.slice();
  const sumDyDeviation = sums.sumDyDeviation.slice();
  for (let ch = 0; ch < own.length; ch++) {
    const moved = shift[ch] !== 0;
    const deviation = moved ? sumDyDeviation[ch] + shift[ch] * sumDy[ch] : sumDyDeviation[ch];
    const perVariance = own[ch] === 0 ? 0 : deviation / own[ch];
    if (moved) sumDy[ch] += shift[ch] * perVariance;
    sumDyDeviation[ch] = own[ch] === 0 ? 0 : deviation / (r[ch] * r[ch]);
  }
  return { sumDy, sumDyDeviation };
}

/** averages ← (1 − rate)·averages + rate·(mean, √(variance + epsilon)) of the batch. */
export function updateRenorm(averages: RenormAverages, batch: Statistics, rate: number, epsilon: number): void {
  const { renormMean, renormDeviation } = averages;
  for (let ch = 0; ch < renormMean.length; ch++) {
    renormMean[ch] = averaged(renormMean[ch], batch.mean[ch], rate);
    renormDeviation[ch] = averaged(renormDeviation[ch], Math.sqrt(batch.variance[ch] + epsilon), rate);
  }
}
