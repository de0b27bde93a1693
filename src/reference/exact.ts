// The exact sums and what comes of them: docs/numerics.md, section 10.
import { type Affine, type GradientSumArrays, type KernelActivation, RECORD, type View } from '../kernels.js';
import { gradient, rounded } from './activation.js';
import { coefficients, preActivation } from './coefficients.js';
import { estimateDeviation, estimateQuotient, estimateVariance } from './estimate.js';
import type { Scratch } from './layout.js';
import { addShifted, allFinite, carry, countOdd, integerOf, oddSum, type Place } from './limbs.js';
import { nearest } from './nearest.js';

/** A float32 is a multiple of 2^UNIT, and a product of two one of its square. */
const UNIT = -149;
const ONE = 2 ** UNIT;
const ONE_OF_PRODUCTS = 2 ** (2 * UNIT);
const { first: FIRST, second: SECOND } = RECORD;
/** Exponent fields of float32: 0 (subnormal) to 255 (not finite). */
const FIELDS = 256;
/** A bin is carried before it could hold more than 53 bits: see `Bins`. */
const TERMS = 2 ** 16;
/** The lower half of a significand: without it, 12 bits are left. */
const LOWER_HALF = 0xfff;

const float = /* @__PURE__ */ new Float32Array(1);
const bits = /* @__PURE__ */ new Int32Array(float.buffer);

/**
 * A float64 for each exponent that a term can have. All that is added to one of them is a multiple of one unit, so that
 * nothing is ever rounded: a float32 is below 2²⁴ units of its exponent. A product of two is below 2⁴⁸, which leaves
 * room for 32 terms only; split at 12 bits of one factor, the parts are below 2³⁶ and 2³⁶·2¹² units of 1 and 2¹²: 2¹⁷
 * terms fit.
 */
class Bins {
  readonly #first = new Float64Array(FIELDS);
  readonly #upper = new Float64Array(2 * FIELDS);
  readonly #lower = new Float64Array(2 * FIELDS);
  #terms = 0;
  #records: Float64Array = new Float64Array(0);
  #at = 0;

  /** Begins a record: values that are added from here on belong to it. */
  open(records: Float64Array, ch: number): void {
    this.#records = records;
    this.#at = ch * RECORD.numbers;
  }

  /** p and p·q, both float32. */
  add(p: number, q: number): void {
    float[0] = q;
    const fieldOfQ = (bits[0] >>> 23) & 255;
    float[0] = p;
    const fieldOfP = (bits[0] >>> 23) & 255;
    if (fieldOfP === 255 || fieldOfQ === 255) {
      this.#addOdd(p, q, fieldOfP);
      return;
    }
    bits[0] &= ~LOWER_HALF;
    const half = float[0];
    this.#first[fieldOfP] += p;
    this.#upper[fieldOfP + fieldOfQ] += half * q;
    this.#lower[fieldOfP + fieldOfQ] += (p - half) * q;
    if (++this.#terms === TERMS) this.#empty();
  }

  /** One of both is not finite, and then the product is not. */
  #addOdd(p: number, q: number, fieldOfP: number): void {
    if (fieldOfP < 255) this.add(p, 0);
    else countOdd(this.#records, this.#at + FIRST.counts, p);
    countOdd(this.#records, this.#at + SECOND.counts, p * q);
  }

  close(): void {
    if (this.#terms > 0) this.#empty();
  }

  /** Moves everything to the record. */
  #empty(): void {
    this.#pour(this.#first, FIRST, 1);
    this.#pour(this.#upper, SECOND, 2);
    this.#pour(this.#lower, SECOND, 2);
    carry(this.#records, this.#at + FIRST.at, FIRST.limbs);
    carry(this.#records, this.#at + SECOND.at, SECOND.limbs);
    this.#terms = 0;
  }

  /**
   * Subnormal factors have the unit of the field 1. So `least`, 1 for each factor, is the field whose unit is that of
   * the sum.
   */
  #pour(bins: Float64Array, { at }: Place, least: number): void {
    for (let field = 0; field < bins.length; field++) {
      if (bins[field] === 0) continue;
      const shift = Math.max(field - least, 0);
      addShifted(this.#records, this.#at + at, bins[field] * 2 ** (149 * least - shift), shift);
      bins[field] = 0;
    }
  }
}

let bins: Bins | undefined;

/** Calls `add` with the index of every value of a channel, channel by channel. */
function sum(records: Float64Array, { n, c, s }: View, add: (bins: Bins, k: number, ch: number) => void): void {
  bins ??= new Bins();
  for (let ch = 0; ch < c; ch++) {
    bins.open(records, ch);
    for (let i = 0; i < n; i++) {
      const start = (i * c + ch) * s;
      for (let k = start; k < start + s; k++) add(bins, k, ch);
    }
    bins.close();
  }
}

/** contract: src/kernels.ts, exactSums */
export function exactSums(records: Float64Array, x: Float32Array, view: View): void {
  sum(records, view, (own, k) => own.add(x[k], x[k]));
}

/** contract: src/kernels.ts, exactGradientSums */
export function exactGradientSums(
  records: Float64Array,
  dy: Float32Array,
  x: Float32Array,
  residual: Float32Array | null,
  affine: Affine<Float32Array>,
  activation: KernelActivation,
  view: View,
  scratch: Scratch,
): void {
  const { center, scale, offset } = scratch;
  const ofType = rounded(activation, true);
  coefficients(scratch, affine, view.c, true);
  sum(records, view, (own, k, ch) => {
    const d = Math.fround(x[k] - center[ch]);
    if (ofType === 0) own.add(dy[k], d);
    else own.add(gradient(dy[k], preActivation(d, scale[ch], offset[ch], residual, k, true), ofType, true), d);
  });
}

/** contract: src/kernels.ts, exactStatistics */
export function exactStatistics(
  mean: Float64Array,
  variance: Float64Array,
  records: Float64Array,
  counts: number | Float64Array,
): void {
  for (let ch = 0, at = 0; ch < mean.length; ch++, at += RECORD.numbers) {
    const count = typeof counts === 'number' ? counts : counts[ch];
    const isOdd = !allFinite(records, at + FIRST.counts);
    if (isOdd || count === 0) {
      mean[ch] = isOdd ? oddSum(records, at + FIRST.counts) : NaN;
      variance[ch] = NaN;
    } else {
      mean[ch] = quotient(records, at, FIRST, UNIT, count);
      variance[ch] = varianceOf(records, at, count);
    }
  }
}

/** The quotient of a finite sum, whose unit is 2^unit. */
function quotient(records: Float64Array, at: number, place: Place, unit: number, count: number): number {
  const estimate = estimateQuotient(records, at, place, count);
  if (!Number.isNaN(estimate)) return estimate * (unit === UNIT ? ONE : ONE_OF_PRODUCTS);
  return nearest(integerOf(records, at + place.at, place.limbs), BigInt(count), unit);
}

function varianceOf(records: Float64Array, at: number, count: number): number {
  const estimate = estimateVariance(records, at, FIRST, SECOND, count);
  if (!Number.isNaN(estimate)) return estimate * ONE_OF_PRODUCTS;
  const m = BigInt(count);
  const s = integerOf(records, at + FIRST.at, FIRST.limbs);
  const q = integerOf(records, at + SECOND.at, SECOND.limbs);
  return nearest(m * q - s * s, m * m, 2 * UNIT);
}

/** contract: src/kernels.ts, exactGradients */
export function exactGradients(sums: GradientSumArrays, records: Float64Array, mean: Float64Array): void {
  for (let ch = 0, at = 0; ch < mean.length; ch++, at += RECORD.numbers) {
    const rest = mean[ch] - Math.fround(mean[ch]);
    const sumDy = sumOf(records, at, FIRST, UNIT);
    sums.sumDy[ch] = sumDy;
    if (allFinite(records, at + SECOND.counts) && Number.isFinite(sumDy) && Number.isFinite(rest)) {
      sums.sumDyDeviation[ch] = deviation(records, at, rest);
    } else {
      sums.sumDyDeviation[ch] = sumOf(records, at, SECOND, 2 * UNIT) - rest * sumDy;
    }
  }
}

function sumOf(records: Float64Array, at: number, place: Place, unit: number): number {
  if (!allFinite(records, at + place.counts)) return oddSum(records, at + place.counts);
  return quotient(records, at, place, unit, 1);
}

/** H − rest·G. The rest of a mean is a float64 without loss: what rounding to float32 leaves of it. */
function deviation(records: Float64Array, at: number, rest: number): number {
  const estimate = estimateDeviation(records, at, FIRST, SECOND, rest, 1 / ONE);
  if (!Number.isNaN(estimate)) return estimate * ONE_OF_PRODUCTS;
  const g = integerOf(records, at + FIRST.at, FIRST.limbs);
  const h = integerOf(records, at + SECOND.at, SECOND.limbs);
  let whole = rest;
  let exponent = UNIT;
  for (; !Number.isInteger(whole); whole *= 2 ** 53) exponent -= 53;
  const unit = Math.min(exponent, 2 * UNIT);
  const product = (BigInt(whole) * g) << BigInt(exponent - unit);
  return nearest((h << BigInt(2 * UNIT - unit)) - product, 1n, unit);
}
