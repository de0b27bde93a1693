// What exact sums come to, each rounded once: docs/numerics.md, section 10.
import { Call } from '../call';
import { estimateDeviation, estimateMean, estimateSum, estimateVariance } from './estimate';
import { allFinite, FIRST_COUNTS, FIRST_LIMBS, oddSum, RECORD_BYTES, SECOND, SECOND_LIMBS } from './limbs';
import { addProduct, clear, INTEGER_BYTES, LEAST, nearest, negate, powerOfTwo, read, subtractSquare } from './nearest';

/** The units of S and G, and of Q and H, are 2 to these. */
const UNIT: i32 = -149;
const UNIT_OF_PRODUCTS: i32 = -298;
/** Three whole numbers. */
export const RESULTS_BYTES: usize = (3 * INTEGER_BYTES + 63) & ~63;

/** Two sums as pairs of float64. */
@unmanaged
export class Pairs {
  first: f64;
  firstLow: f64;
  second: f64;
  secondLow: f64;

  /** Of a record. */
  read(record: usize): void {
    readPair(changetype<usize>(this), record, FIRST_LIMBS, UNIT);
    readPair(changetype<usize>(this) + 16, record + SECOND, SECOND_LIMBS, UNIT_OF_PRODUCTS);
  }
}

/**
 * Each limb is less than what is above it, even where leading ones cancel: then nothing was rounded yet. 2^exponent is
 * the unit.
 */
function readPair(to: usize, sum: usize, limbs: usize, exponent: i32): void {
  let high: f64 = 0;
  let low: f64 = 0;
  for (let k = <i32>limbs - 1; k >= 0; --k) {
    const limb = load<f64>(sum + ((<usize>k) << 3));
    if (limb == 0) continue;
    const term = limb * powerOfTwo(exponent + 32 * k);
    const both = high + term;
    low += term - (both - high);
    high = both;
  }
  const both = high + low;
  store<f64>(to, both);
  store<f64>(to + 8, low - (both - high));
}

/** contract: src/kernels.ts, exactStatistics, of one channel and its m values */
export function statisticsOf(call: Call, ch: usize, record: usize, m: f64, sums: Pairs, integers: usize): void {
  const isOdd = !allFinite(record + FIRST_COUNTS);
  let mean = NaN;
  let variance = NaN;
  if (isOdd) mean = oddSum(record + FIRST_COUNTS);
  else if (m != 0) {
    mean = estimateMean(sums.first, sums.firstLow, m);
    variance = estimateVariance(sums.first, sums.firstLow, sums.second, sums.secondLow, m);
    if (mean != mean) mean = quotient(record, FIRST_LIMBS, UNIT, <u64>m, integers);
    if (variance != variance) variance = varianceOf(record, <u64>m, integers);
  }
  store<f64>(call.mean + (ch << 3), mean);
  store<f64>(call.variance + (ch << 3), variance);
}

/** A sum of a record over a count. */
function quotient(sum: usize, limbs: usize, unit: i32, count: u64, integers: usize): f64 {
  const isNegative = read(integers, sum, limbs);
  const value = nearest(integers, integers + INTEGER_BYTES, unit, count, 1);
  return isNegative ? 0 - value : value;
}

function varianceOf(record: usize, m: u64, integers: usize): f64 {
  const s = integers + INTEGER_BYTES;
  const q = s + INTEGER_BYTES;
  read(s, record, FIRST_LIMBS);
  read(q, record + SECOND, SECOND_LIMBS);
  clear(integers);
  addProduct(integers, q, m, 0);
  subtractSquare(integers, s);
  return nearest(integers, s, UNIT_OF_PRODUCTS, m, 2);
}

/** contract: src/kernels.ts, exactGradients, of one channel */
export function gradientsOf(call: Call, ch: usize, record: usize, sums: Pairs, integers: usize): void {
  const mean = load<f64>(call.mean + (ch << 3));
  const rest = mean - <f64>(<f32>mean);
  const sumDy = sumOf(record, FIRST_LIMBS, UNIT, sums.first, sums.firstLow, integers);
  const isWhole = allFinite(record + SECOND + (SECOND_LIMBS << 3)) && sumDy - sumDy == 0 && rest - rest == 0;
  store<f64>(call.sumDy + (ch << 3), sumDy);
  store<f64>(
    call.sumDyDeviation + (ch << 3),
    isWhole
      ? deviation(record, rest, sums, integers)
      : sumOf(record + SECOND, SECOND_LIMBS, UNIT_OF_PRODUCTS, sums.second, sums.secondLow, integers) - rest * sumDy,
  );
}

/** G or H, where not all terms need be finite. */
function sumOf(sum: usize, limbs: usize, unit: i32, high: f64, low: f64, integers: usize): f64 {
  if (!allFinite(sum + (limbs << 3))) return oddSum(sum + (limbs << 3));
  const estimate = estimateSum(high, low);
  return estimate == estimate ? estimate : quotient(sum, limbs, unit, 1, integers);
}

/** H − rest·G. The rest of a mean is a float64 without loss: what rounding to float32 leaves of it. */
function deviation(record: usize, rest: f64, sums: Pairs, integers: usize): f64 {
  const estimate = estimateDeviation(sums.first, sums.firstLow, sums.second, sums.secondLow, rest);
  if (estimate == estimate) return estimate;
  const sum = integers;
  const factor = sum + INTEGER_BYTES;
  const unit = LEAST + UNIT;
  clear(sum);
  // |rest| = significand·2^(shift + LEAST)
  const bits = reinterpret<u64>(abs(rest));
  const field = max(<i32>(bits >> 52), 1);
  const significand = bits - ((<u64>(field - 1)) << 52);
  const isBelow0 = read(factor, record, FIRST_LIMBS);
  addProduct(sum, factor, significand, field - 1);
  if (isBelow0 == rest < 0) negate(sum);
  const isNegative = read(factor, record + SECOND, SECOND_LIMBS);
  if (isNegative) negate(sum);
  addProduct(sum, factor, 1, UNIT_OF_PRODUCTS - unit);
  const isBelow = load<i32>(sum + INTEGER_BYTES - 4) < 0;
  if (isBelow) negate(sum);
  const value = nearest(sum, factor, unit, 1, 0);
  return isBelow != isNegative ? 0 - value : value;
}

/** contract: src/kernels.ts, exactStatistics */
export function exactStatistics(call: Call): void {
  const sums = changetype<Pairs>(call.workspace);
  for (let ch: usize = 0; ch < call.c; ++ch) {
    const record = call.records + ch * RECORD_BYTES;
    sums.read(record);
    const m = call.counts == 0 ? call.count : load<f64>(call.counts + (ch << 3));
    statisticsOf(call, ch, record, m, sums, call.workspace + 64);
  }
}

/** contract: src/kernels.ts, exactGradients */
export function exactGradients(call: Call): void {
  const sums = changetype<Pairs>(call.workspace);
  for (let ch: usize = 0; ch < call.c; ++ch) {
    const record = call.records + ch * RECORD_BYTES;
    sums.read(record);
    gradientsOf(call, ch, record, sums, call.workspace + 64);
  }
}
