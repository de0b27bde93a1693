// What exact sums come to, each rounded once: docs/numerics.md, section 10.
import { Call } from '../call';
import {
  estimateDeviation,
  estimateMean,
  estimateSum,
  estimateVariance,
  Pairs,
  UNIT,
  UNIT_OF_PRODUCTS,
} from './estimate';
import { allFinite, carry, FIRST_COUNTS, FIRST_LIMBS, oddSum, RECORD_BYTES, SECOND, SECOND_LIMBS } from './limbs';
import { addProduct, clear, INTEGER_BYTES, LEAST, nearest, negate, read, subtractSquare } from './nearest';
import { Window } from './window';

const PAIRS_BYTES: usize = 64;
/** Pairs, then three whole numbers. */
export const RESULTS_BYTES: usize = PAIRS_BYTES + ((3 * INTEGER_BYTES + 63) & ~63);

/** contract: src/kernels.ts, exactStatistics, of one channel and its m values */
export function statisticsOf(call: Call, ch: usize, record: usize, m: f64, sums: Pairs, integers: usize): void {
  const mean = call.mean + (ch << 3);
  const variance = call.variance + (ch << 3);
  const isOdd = !allFinite(record + FIRST_COUNTS);
  if (isOdd || m == 0) {
    store<f64>(mean, isOdd ? oddSum(record + FIRST_COUNTS) : NaN);
    store<f64>(variance, NaN);
  } else if (!estimateStatistics(call, ch, m, sums)) {
    store<f64>(mean, quotient(record, FIRST_LIMBS, UNIT, <u64>m, integers));
    store<f64>(variance, varianceOf(record, <u64>m, integers));
  }
}

/** Where all terms are finite; false where pairs do not decide. */
function estimateStatistics(call: Call, ch: usize, m: f64, sums: Pairs): bool {
  const mean = estimateMean(sums.first, sums.firstLow, sums.isExact, m);
  const variance = estimateVariance(sums, m);
  store<f64>(call.mean + (ch << 3), mean);
  store<f64>(call.variance + (ch << 3), variance);
  return mean == mean && variance == variance;
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
  const rest = restOf(call, ch);
  const sumDy = sumOf(record, FIRST_LIMBS, UNIT, sums.first, sums.firstLow, sums.isExact, integers);
  const isWhole = allFinite(record + SECOND + (SECOND_LIMBS << 3)) && sumDy - sumDy == 0 && rest - rest == 0;
  store<f64>(call.sumDy + (ch << 3), sumDy);
  store<f64>(
    call.sumDyDeviation + (ch << 3),
    isWhole
      ? deviation(record, rest, sums, integers)
      : sumOf(record + SECOND, SECOND_LIMBS, UNIT_OF_PRODUCTS, sums.second, sums.secondLow, sums.isExact, integers) -
          rest * sumDy,
  );
}

/** What rounding to float32 leaves of a mean: a float64 without loss. */
function restOf(call: Call, ch: usize): f64 {
  const mean = load<f64>(call.mean + (ch << 3));
  return mean - <f64>(<f32>mean);
}

/** Where all terms are finite; false where pairs do not decide. */
function estimateGradients(call: Call, ch: usize, sums: Pairs): bool {
  const sumDy = estimateSum(sums.first, sums.firstLow, sums.isExact);
  const deviation = estimateDeviation(sums, restOf(call, ch));
  store<f64>(call.sumDy + (ch << 3), sumDy);
  store<f64>(call.sumDyDeviation + (ch << 3), deviation);
  return sumDy == sumDy && deviation == deviation;
}

/** G or H, where not all terms need be finite. */
function sumOf(sum: usize, limbs: usize, unit: i32, high: f64, low: f64, isExact: bool, integers: usize): f64 {
  if (!allFinite(sum + (limbs << 3))) return oddSum(sum + (limbs << 3));
  const estimate = estimateSum(high, low, isExact);
  return estimate == estimate ? estimate : quotient(sum, limbs, unit, 1, integers);
}

/** H − rest·G */
function deviation(record: usize, rest: f64, sums: Pairs, integers: usize): f64 {
  const estimate = estimateDeviation(sums, rest);
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

/** What the sums of a channel come to, which are in a record but for its window. */
export function resultOf(call: Call, ch: usize, record: usize, window: Window, own: usize): void {
  const sums = changetype<Pairs>(own);
  const isPoured = window.isPoured || window.isWide;
  if (!isPoured) {
    window.read(sums);
    const isDecided =
      call.sumDy == 0 ? estimateStatistics(call, ch, call.count, sums) : estimateGradients(call, ch, sums);
    if (isDecided && !call.keepsRecords) return;
  }
  window.pour(record);
  carry(record);
  if (isPoured) sums.read(record);
  resultOfRecord(call, ch, record, sums);
}

function resultOfRecord(call: Call, ch: usize, record: usize, sums: Pairs): void {
  const integers = changetype<usize>(sums) + PAIRS_BYTES;
  if (call.sumDy != 0) gradientsOf(call, ch, record, sums, integers);
  else {
    const m = call.counts == 0 ? call.count : load<f64>(call.counts + (ch << 3));
    statisticsOf(call, ch, record, m, sums, integers);
  }
}

/** mean and variance, or where there is room for them the gradient sums, of all channels; `own` has RESULTS_BYTES. */
export function resultsOfRecords(call: Call, own: usize): void {
  const sums = changetype<Pairs>(own);
  for (let ch: usize = 0; ch < call.c; ++ch) {
    const record = call.records + ch * RECORD_BYTES;
    sums.read(record);
    resultOfRecord(call, ch, record, sums);
  }
}
