// Sums of any exponents: float64 bins to which multiples of one unit are added, so that nothing is rounded. A bin is
// for several exponents. A float32 has 24 bits, and is added to one of 16 exponents: with 1024 terms that is 24 + 15 +
// 10 bits of 53. A product has 48 bits, so that it is cut into halves of 36, by cutting one factor; 4 exponents leave
// 36 + 3 + 10.
import { addShifted, carry, countOdd, FIRST_COUNTS, SECOND, SECOND_COUNTS } from './limbs';
import { powerOfTwo } from './nearest';
import { Span } from './span';

/** Fields of a bin for values, and for halves of products, as powers of two. */
const VALUE_FIELDS: i32 = 4;
const PRODUCT_FIELDS: i32 = 2;
const UPPER: usize = (256 >> VALUE_FIELDS) << 3;
const LOWER: usize = UPPER + ((512 >> PRODUCT_FIELDS) << 3);
export const BINS_BYTES: usize = LOWER + ((512 >> PRODUCT_FIELDS) << 3);
/** Half of a significand: 12 bits are left of 24. */
const UPPER_HALF: u32 = 0xfffff000;

function field(bits: u32): usize {
  return (bits >> 23) & 255;
}

function increase(at: usize, by: f64): void {
  store<f64>(at, load<f64>(at) + by);
}

/** Σ p and Σ p·q of `count` values, at most 1024. The bins are 0 before and after. */
export function addByBins(record: usize, p: usize, q: usize, count: usize, span: Span, bins: usize): void {
  for (let k: usize = 0; k < count << 2; k += 4) {
    const bits = load<u32>(p + k);
    const fieldOfP = field(bits);
    const fieldOfQ = field(load<u32>(q + k));
    const value = <f64>load<f32>(p + k);
    const factor = <f64>load<f32>(q + k);
    if (fieldOfP < 255) increase(bins + ((fieldOfP >> VALUE_FIELDS) << 3), value);
    else countOdd(record + FIRST_COUNTS, value);
    if (fieldOfP == 255 || fieldOfQ == 255) {
      countOdd(record + SECOND_COUNTS, value * factor);
      continue;
    }
    const half = <f64>reinterpret<f32>(bits & UPPER_HALF);
    const at = bins + (((fieldOfP + fieldOfQ) >> PRODUCT_FIELDS) << 3);
    increase(at + UPPER, half * factor);
    increase(at + LOWER, (value - half) * factor);
  }
  pour(record, bins, span.mostP >> VALUE_FIELDS, VALUE_FIELDS, 1);
  pour(record + SECOND, bins + UPPER, (span.mostP + span.mostQ) >> PRODUCT_FIELDS, PRODUCT_FIELDS, 2);
  pour(record + SECOND, bins + LOWER, (span.mostP + span.mostQ) >> PRODUCT_FIELDS, PRODUCT_FIELDS, 2);
  carry(record);
}

/**
 * Moves bins to limbs. `least`, 1 for each factor, is the field whose unit is that of the sum: subnormal numbers have
 * it too.
 */
function pour(sum: usize, bins: usize, last: i32, fields: i32, least: i32): void {
  for (let number: i32 = 0; number <= last; ++number) {
    const at = bins + ((<usize>number) << 3);
    const value = load<f64>(at);
    if (value == 0) continue;
    store<f64>(at, 0);
    const shift = max((number << fields) - least, 0);
    addShifted(sum, <i64>(value * powerOfTwo(149 * least - shift)), shift);
  }
}
