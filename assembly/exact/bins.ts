// Sums of any exponents, by bins of 16 exponents for values and of 8 for products: what is added to a bin is a multiple
// of one unit, so that nothing is rounded. A value has 24 bits, and its bin is a float64: with 512 terms that is
// 24 + 15 + 9 bits of 53. A product has 48 bits, and its magnitude is added to an integer, one for either sign:
// 48 + 7 + 9 bits of 64. The exponent is that of a float64, in which no product is subnormal; zeros have a bin, too,
// which is not read.
import { addLimbs, addShifted, countOdd, FIRST_COUNTS, SECOND, SECOND_COUNTS } from './limbs';
import { powerOfTwo } from './nearest';
import { Seen } from './seen';

/** Bins of 8 bytes, by the upper bits of the field: 4 of values; 8 of products above 0, then of those below. */
const PRODUCTS: usize = 16 << 3;
const NEGATIVE: usize = 256 << 3;
export const BINS_BYTES: usize = PRODUCTS + 2 * NEGATIVE;
/** The bins of the least product and of the greatest. */
const FIRST_PRODUCT: i32 = (1023 - 298) >> 3;
const LAST_PRODUCT: i32 = (1023 + 255) >> 3;
/** The first bin whose unit is above that of a record's second sum, by so many binades. Four are for a limb. */
const WHOLE_PRODUCT: i32 = 97;
const ABOVE: i64 = 8 * WHOLE_PRODUCT - (1023 + 47 - 298);

/** Adds a row to the bins, which hold 512 values at most; and what is not finite to the counts of the record. */
export function addRowByBins(
  record: usize,
  p: usize,
  x: usize,
  center: f32,
  count: usize,
  isOdd: bool,
  bins: usize,
): void {
  const end = p + (count << 2);
  if (!isOdd) {
    for (; p + 8 <= end; p += 8, x += 8) {
      addOne(p, x, center, bins);
      addOne(p + 4, x + 4, center, bins);
    }
  }
  for (; p < end; p += 4, x += 4) {
    const value = <f64>load<f32>(p);
    const product = value * <f64>(load<f32>(x) - center);
    if (value - value == 0) addValue(p, value, bins);
    else countOdd(record + FIRST_COUNTS, value);
    if (product - product == 0) addProduct(product, bins + PRODUCTS);
    else countOdd(record + SECOND_COUNTS, product);
  }
}

function addOne(p: usize, x: usize, center: f32, bins: usize): void {
  const value = <f64>load<f32>(p);
  addValue(p, value, bins);
  addProduct(value * <f64>(load<f32>(x) - center), bins + PRODUCTS);
}

/** Moves Σ p and Σ p·q to the record, by what was seen of them. Bins are 0 before and after. */
export function pourBins(record: usize, seen: Seen, bins: usize): void {
  pourValues(record, bins, seen);
  pourProducts(record + SECOND, bins + PRODUCTS, seen);
}

function addValue(p: usize, value: f64, bins: usize): void {
  const at = bins + (<usize>(load<u32>(p) >> 24) & 0x78);
  store<f64>(at, load<f64>(at) + value);
}

function addProduct(product: f64, bins: usize): void {
  const bits = reinterpret<u64>(product);
  const magnitude = (((bits & 0xfffffffffffff) | 0x10000000000000) >> 5) << ((bits >> 52) & 7);
  const at = bins + (<usize>(bits >> 52) & 0xff8);
  store<u64>(at, load<u64>(at) + magnitude);
}

/** What is in a bin, which becomes empty. */
function taken<T>(bin: usize): T {
  const value = load<T>(bin);
  store<T>(bin, <T>0);
  return value;
}

/** Moves bins of values to limbs. */
function pourValues(sum: usize, bins: usize, seen: Seen): void {
  for (let bin = seen.leastFieldP() >> 4; bin <= seen.mostFieldP() >> 4; ++bin) {
    const value = taken<f64>(bins + ((<usize>bin) << 3));
    addShifted(sum, <i64>(value * powerOfTwo(150 - 16 * bin)), 16 * bin - 1);
  }
}

/** Moves bins of products to limbs. */
function pourProducts(sum: usize, bins: usize, seen: Seen): void {
  // Subnormal factors are up to 23 binades below their field.
  let bin = max((seen.leastFieldP() + seen.leastFieldQ() + 769 - 46) >> 3, FIRST_PRODUCT);
  const last = min((seen.mostFieldP() + seen.mostFieldQ() + 770) >> 3, LAST_PRODUCT);
  for (; bin < min(WHOLE_PRODUCT, last + 1); ++bin) {
    const at = bins + ((<usize>bin) << 3);
    const below = 8 * <u64>(WHOLE_PRODUCT - bin) - ABOVE;
    addShifted(sum, <i64>(taken<u64>(at) >> below) - <i64>(taken<u64>(at + NEGATIVE) >> below), 0);
  }
  for (let limb = max(bin - WHOLE_PRODUCT, 0) >> 2; limb <= (last - WHOLE_PRODUCT) >> 2; ++limb) {
    let at = bins + ((<usize>(WHOLE_PRODUCT + (limb << 2))) << 3);
    let low: i64 = 0;
    let high: i64 = 0;
    for (let shift = ABOVE; shift < 32; shift += 8, at += 8) {
      const positive = taken<u64>(at);
      const negative = taken<u64>(at + NEGATIVE);
      low += (<i64>(positive & 0xffffffff) - <i64>(negative & 0xffffffff)) << shift;
      high += (<i64>(positive >> 32) - <i64>(negative >> 32)) << shift;
    }
    addLimbs(sum + ((<usize>limb) << 3), low, high);
  }
  store<u64>(bins, 0);
  store<u64>(bins + NEGATIVE, 0);
}
