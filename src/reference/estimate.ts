// Results of exact sums by double-double arithmetic, where that decides how they are rounded. Error bounds and why it
// is not always enough: docs/numerics.md, section 10.
import type { Place } from './limbs.js';

/** The value of 1 in each limb, in units. */
const LIMBS = /* @__PURE__ */ Float64Array.from({ length: 19 }, (_, k) => 2 ** (32 * k));
/**
 * Relative to the largest number on the way. Each operation below errs by less than 2⁻¹⁰² of its result, and fewer than
 * sixteen are done one after another.
 */
const ERROR = 2 ** -97;
/** Products of smaller numbers than this may lose bits to underflow. */
const SMALL = 2 ** -500;

/** The sum of two float64, the second at most half a unit in the last place of the first. */
class DoubleDouble {
  high = 0;
  low = 0;

  set(high: number, low: number): this {
    this.high = high + low;
    this.low = low - (this.high - high);
    return this;
  }

  /**
   * The limbs of a sum. Each is less than what is above it, even where leading ones cancel: then nothing was rounded
   * yet.
   */
  read(numbers: Float64Array, at: number, { at: first, limbs }: Place): this {
    let high = 0;
    let low = 0;
    for (let k = limbs - 1; k >= 0; k--) {
      const limb = numbers[at + first + k];
      if (limb === 0) continue;
      const term = limb * LIMBS[k];
      const sum = high + term;
      low += term - (sum - high);
      high = sum;
    }
    return this.set(high, low);
  }

  add(high: number, low: number): this {
    const sum = this.high + high;
    const part = sum - this.high;
    const error = this.high - (sum - part) + (high - part);
    return this.set(sum, error + (this.low + low));
  }

  times(high: number, low: number): this {
    const product = this.high * high;
    const error = productError(this.high, high, product) + (this.high * low + this.low * high);
    return this.set(product, error);
  }

  over(divisor: number): this {
    const quotient = this.high / divisor;
    const product = quotient * divisor;
    const rest = this.high - product - productError(quotient, divisor, product) + this.low;
    return this.set(quotient, rest / divisor);
  }

  /** Rounded to float64; NaN where numbers no further away than `error` are rounded to another one. */
  rounded(error: number): number {
    const least = this.high + (this.low - error);
    return least === this.high + (this.low + error) ? least : NaN;
  }
}

/** The rounding error of a product: T. J. Dekker, Numerische Mathematik 18, 1971. */
function productError(a: number, b: number, product: number): number {
  const a1 = upperHalf(a);
  const b1 = upperHalf(b);
  const a2 = a - a1;
  const b2 = b - b1;
  return a1 * b1 - product + a1 * b2 + a2 * b1 + a2 * b2;
}

function upperHalf(a: number): number {
  const scaled = a * (2 ** 27 + 1);
  return scaled - (scaled - a);
}

const sum = /* @__PURE__ */ new DoubleDouble();
const other = /* @__PURE__ */ new DoubleDouble();

/** The sum itself, or over a count, in units; NaN where it is not decided. */
export function estimateQuotient(numbers: Float64Array, at: number, place: Place, count: number): number {
  sum.read(numbers, at, place);
  if (count !== 1) sum.over(count);
  return sum.rounded(ERROR * Math.abs(sum.high));
}

/** (m·Q − S²)/m², in units of Q; NaN where it is not decided. */
export function estimateVariance(numbers: Float64Array, at: number, s: Place, q: Place, count: number): number {
  other.read(numbers, at, s);
  other.times(other.high, other.low);
  sum.read(numbers, at, q).times(count, 0);
  const most = sum.high;
  sum.add(-other.high, -other.low).over(count).over(count);
  return sum.rounded((ERROR * most) / count / count);
}

/** H − rest·G, in units of H, where one of G is `unit` of these; NaN where it is not decided. */
export function estimateDeviation(
  numbers: Float64Array,
  at: number,
  g: Place,
  h: Place,
  rest: number,
  unit: number,
): number {
  sum.read(numbers, at, h);
  let most = Math.abs(sum.high);
  if (rest !== 0) {
    if (Math.abs(rest) < SMALL) return NaN;
    other.read(numbers, at, g).times(-rest * unit, 0);
    most += Math.abs(other.high);
    sum.add(other.high, other.low);
  }
  return sum.rounded(ERROR * most);
}
