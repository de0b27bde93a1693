// Results of exact sums by pairs of float64, where these decide how they are rounded; NaN where they do not. A pair is
// the sum of both, of which the second is at most half a unit in the last place of the first. What is not at once clear
// is in src/reference/estimate.ts, which has the same operations on the same numbers, scaled by a power of two.
import { FIRST_LIMBS, SECOND, SECOND_LIMBS } from './limbs';
import { powerOfTwo } from './nearest';

/** The units of S and G, and of Q and H, are 2 to these. */
export const UNIT: i32 = -149;
export const UNIT_OF_PRODUCTS: i32 = -298;
/** Relative to the largest number on the way: 2⁻⁹⁷, see src/reference/estimate.ts. */
const ERROR: f64 = 0.5 / 281474976710656 / 281474976710656;
/** Products of smaller numbers than this may lose bits to underflow. */
const SMALL: f64 = 3.054936363499605e-151; // 2⁻⁵⁰⁰

/** What is rounded away by a product, or a square: T. J. Dekker, Numerische Mathematik 18, 1971. */
function productError(a: f64, b: f64, product: f64): f64 {
  const a1 = upperHalf(a);
  const b1 = upperHalf(b);
  const a2 = a - a1;
  const b2 = b - b1;
  return a1 * b1 - product + a1 * b2 + a2 * b1 + a2 * b2;
}

function upperHalf(a: f64): f64 {
  const scaled = a * 134217729; // 2²⁷ + 1
  return scaled - (scaled - a);
}

/** What is rounded away by a sum. */
function sumError(a: f64, b: f64, sum: f64): f64 {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** high + low rounded to float64; NaN where numbers no further away than `error` are rounded to another one. */
export function rounded(high: f64, low: f64, error: f64): f64 {
  const sum = high + low;
  const rest = low - (sum - high);
  const least = sum + (rest - error);
  return least == sum + (rest + error) ? least : NaN;
}

/** The value of a sum. Where the pair is all of it, it was rounded when the pair was made. */
export function estimateSum(high: f64, low: f64, isExact: bool): f64 {
  return isExact ? high : rounded(high, low, ERROR * abs(high));
}

function isPowerOfTwo(m: f64): bool {
  return reinterpret<u64>(m) << 12 == 0;
}

/** S/m */
export function estimateMean(high: f64, low: f64, isExact: bool, m: f64): f64 {
  if (isExact && isPowerOfTwo(m)) return high / m;
  const mean = high / m;
  const product = mean * m;
  return rounded(mean, (high - product - productError(mean, m, product) + low) / m, ERROR * abs(mean));
}

/** (m·Q − S²)/m² */
export function estimateVariance(sums: Pairs, m: f64): f64 {
  const sHigh = sums.first;
  const sLow = sums.firstLow;
  const qHigh = sums.second;
  const qLow = sums.secondLow;
  const first = qHigh * m;
  const second = sHigh * sHigh;
  const firstLow = productError(qHigh, m, first) + qLow * m;
  const secondLow = productError(sHigh, sHigh, second) + 2 * sHigh * sLow;
  const high = first - second;
  const lost = sumError(first, -second, high);
  const rest = firstLow - secondLow;
  const low = lost + rest;
  const squared = m * m;
  // Halves between two float64 are met where m is a power of two: then the numerator as a pair decides, if it is exact.
  if (sums.isExact && sLow == 0 && (qLow == 0 || isPowerOfTwo(m))) {
    const isAll = sumError(firstLow, -secondLow, rest) == 0 && sumError(lost, rest, low) == 0;
    if (isAll && (high + low == 0 || isPowerOfTwo(m))) return (high + low) / squared;
  }
  const variance = high / squared;
  const product = variance * squared;
  const error = productError(variance, squared, product) + variance * productError(m, m, squared);
  return rounded(variance, (high - product - error + low) / squared, ERROR * (first / squared));
}

/** H − rest·G */
export function estimateDeviation(sums: Pairs, rest: f64): f64 {
  const gHigh = sums.first;
  const gLow = sums.firstLow;
  const hHigh = sums.second;
  const hLow = sums.secondLow;
  if (rest == 0) return estimateSum(hHigh, hLow, sums.isExact);
  if (abs(rest) < SMALL) return NaN;
  const product = -rest * gHigh;
  const productLow = productError(-rest, gHigh, product) - rest * gLow;
  const high = hHigh + product;
  return rounded(high, sumError(hHigh, product, high) + (hLow + productLow), ERROR * (abs(hHigh) + abs(product)));
}

/** Two sums as pairs of float64. */
@unmanaged
export class Pairs {
  first: f64;
  firstLow: f64;
  second: f64;
  secondLow: f64;
  /** Whether nothing is left out of both. */
  isExact: bool;

  /** Of a record. */
  read(record: usize): void {
    const isExact = readPair(changetype<usize>(this), record, FIRST_LIMBS, UNIT);
    const at = changetype<usize>(this) + offsetof<Pairs>('second');
    this.isExact = readPair(at, record + SECOND, SECOND_LIMBS, UNIT_OF_PRODUCTS) && isExact;
  }
}

/**
 * Each limb is less than what is above it, even where leading ones cancel: then nothing was rounded yet. 2^exponent is
 * the unit. Whether the pair is all of the sum.
 */
function readPair(to: usize, sum: usize, limbs: usize, exponent: i32): bool {
  let high: f64 = 0;
  let low: f64 = 0;
  let isExact = true;
  for (let k = <i32>limbs - 1; k >= 0; --k) {
    const limb = load<f64>(sum + ((<usize>k) << 3));
    if (limb == 0) continue;
    const term = limb * powerOfTwo(exponent + 32 * k);
    const both = high + term;
    const part = term - (both - high);
    const rest = low + part;
    if (sumError(low, part, rest) != 0) isExact = false;
    low = rest;
    high = both;
  }
  const both = high + low;
  store<f64>(to, both);
  store<f64>(to + 8, low - (both - high));
  return isExact;
}
