// Sums of any exponents, by a bin for every 4 exponents: what is added to it is a multiple of one unit, so that nothing
// is rounded. A value has 24 bits, and its bin is a float64: with 1024 terms that is 24 + 3 + 10 bits of 53. A product
// has 48 bits, and its magnitude is added to an integer, one for either sign: 48 + 3 + 10 bits of 63. The exponent is
// that of a float64, in which no product is subnormal; zeros have a bin, too, which is not read.
import { addLimbs, addShifted, countOdd, FIRST_COUNTS, SECOND, SECOND_COUNTS } from './limbs';
import { powerOfTwo } from './nearest';
import { Seen } from './seen';

/** Bins of 8 bytes, by the upper bits of the field: 6 of values; 9 of products above 0, then of those below. */
const PRODUCTS: usize = 64 << 3;
const NEGATIVE: usize = 512 << 3;
export const BINS_BYTES: usize = PRODUCTS + 2 * NEGATIVE;
/** The bins of the least product and of the greatest. */
const FIRST_PRODUCT: i32 = (1023 - 298) >> 2;
const LAST_PRODUCT: i32 = (1023 + 255) >> 2;
/** The bin whose unit is that of a record's second sum. Eight are for a limb. */
const UNIT_PRODUCT: i32 = (1023 + 47 - 298) >> 2;

/** Adds a row to the bins, which hold 1024 values at most; and what is not finite to the counts of the record. */
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
  const at = bins + (<usize>(load<u32>(p) >> 22) & 0x1f8);
  store<f64>(at, load<f64>(at) + value);
}

function addProduct(product: f64, bins: usize): void {
  const bits = reinterpret<u64>(product);
  const magnitude = (((bits & 0xfffffffffffff) | 0x10000000000000) >> 5) << ((bits >> 52) & 3);
  const at = bins + (<usize>(bits >> 51) & 0x1ff8);
  store<u64>(at, load<u64>(at) + magnitude);
}

/** What is in a bin, which becomes empty. */
function taken<T>(bin: usize): T {
  const value = load<T>(bin);
  store<T>(bin, <T>0);
  return value;
}

/** Moves bins of values to limbs. Subnormal ones are in the first bin. */
function pourValues(sum: usize, bins: usize, seen: Seen): void {
  addShifted(sum, <i64>(taken<f64>(bins) * powerOfTwo(149)), 0);
  const last = (seen.mostFieldP() >> 2) - 1;
  for (let limb = max((seen.leastFieldP() >> 2) - 1, 0) >> 3; limb <= last >> 3; ++limb) {
    let low: i64 = 0;
    let high: i64 = 0;
    for (let k = 0; k < 8 && (limb << 3) + k <= last; ++k) {
      const bin = (limb << 3) + k + 1;
      const value = <i64>(taken<f64>(bins + ((<usize>bin) << 3)) * powerOfTwo(153 - 4 * bin));
      low += (value & 0xffffffff) << (k << 2);
      high += (value >> 32) << (k << 2);
    }
    addLimbs(sum + ((<usize>limb) << 3), low, high);
  }
}

/** Moves bins of products to limbs. */
function pourProducts(sum: usize, bins: usize, seen: Seen): void {
  // Subnormal factors are up to 23 binades below their field.
  const least = max((seen.leastFieldP() + seen.leastFieldQ() + 769 - 46) >> 2, FIRST_PRODUCT);
  const most = min((seen.mostFieldP() + seen.mostFieldQ() + 770) >> 2, LAST_PRODUCT);
  for (let bin = least; bin < UNIT_PRODUCT; ++bin) {
    addShifted(sum, takenProduct(bins + ((<usize>bin) << 3)), (bin - UNIT_PRODUCT) << 2);
  }
  for (let limb = max(least - UNIT_PRODUCT, 0) >> 3; limb <= (most - UNIT_PRODUCT) >> 3; ++limb) {
    const from = bins + ((<usize>(UNIT_PRODUCT + (limb << 3))) << 3);
    let low: i64 = 0;
    let high: i64 = 0;
    for (let k: usize = 0; k < 8; ++k) {
      const value = takenProduct(from + (k << 3));
      low += (value & 0xffffffff) << (k << 2);
      high += (value >> 32) << (k << 2);
    }
    addLimbs(sum + ((<usize>limb) << 3), low, high);
  }
  store<u64>(bins, 0);
  store<u64>(bins + NEGATIVE, 0);
}

/** The bins of either sign. */
function takenProduct(bin: usize): i64 {
  return taken<i64>(bin) - taken<i64>(bin + NEGATIVE);
}
