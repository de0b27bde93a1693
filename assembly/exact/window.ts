// A window of exponents, and the exact sums of one channel's values that fell into it, as whole numbers. Values of a
// channel are much alike, so that the bins of one group will do for the next ones: exponents are looked at while values
// are added, and only a group that turns out not to fit is added again.
import { Pairs } from './estimate';
import { addShifted, SECOND } from './limbs';
import { powerOfTwo } from './nearest';
import { Seen } from './seen';

/** From the exponent field that no value exceeds down to the least one, in a window for values, and for factors. */
const REACH: i32 = 18;
const REACH_OF_FACTORS: i32 = 20;
/**
 * From the power of two that no value reaches, or no product, to the unit of its bin; from that of products to the unit
 * of what they leave. See addNarrow.
 */
const TO_UNIT: i32 = 42;
const TO_UNIT_OF_PRODUCTS: i32 = 43;
const TO_UNIT_OF_RESTS: i32 = 43;
/** A value with this exponent field is a multiple of 2^(field − 150), and below 2^(field − 126). */
export const UNIT_OF_FIELD: i32 = 150;
export const POWER_OF_FIELD: i32 = 126;
/** So many groups are added to whole numbers: each adds less than 2⁵³ to each of two. */
const MOST_GROUPS: i32 = 256;
export const WINDOW_BYTES: usize = 128;

@unmanaged
export class Window extends Seen {
  /** Two lanes each: values in units of 2^unit, products in units of 2^unitOfProducts, and what these leave. */
  first: i64;
  first1: i64;
  upper: i64;
  upper1: i64;
  lower: i64;
  lower1: i64;
  unit: i32;
  unitOfProducts: i32;
  unitOfRests: i32;
  /** What fits: see Seen. */
  mostFitP: u32;
  leastFitP: u32;
  mostFitQ: u32;
  leastFitQ: u32;
  groups: i32;
  /** Whether the last group fitted a window, so that the next one is added without a look at it. */
  isOpen: bool;
  /** Whether something was added to the record, too. */
  isPoured: bool;

  /** Begins a channel. */
  turn(): void {
    memory.fill(changetype<usize>(this) + offsetof<Window>('first'), 0, 48);
    this.groups = 0;
    this.isPoured = false;
  }

  /** Takes the window of another channel for a guess, where this one has none yet. */
  openAs(other: Window): void {
    if (this.isOpen || this.isPoured || this.groups > 0) return;
    memory.copy(
      changetype<usize>(this) + offsetof<Window>('unit'),
      changetype<usize>(other) + offsetof<Window>('unit'),
      offsetof<Window>('groups') - offsetof<Window>('unit'),
    );
    this.isOpen = other.isOpen;
  }

  fits(): bool {
    return (
      this.groups < MOST_GROUPS &&
      this.mostP <= this.mostFitP &&
      this.leastP >= this.leastFitP &&
      this.mostQ <= this.mostFitQ &&
      this.leastQ >= this.leastFitQ
    );
  }

  /** Moves the window to what was seen, where one is wide enough. */
  move(record: usize): bool {
    const p = this.mostFieldP() - this.leastFieldP();
    const q = this.mostFieldQ() - this.leastFieldQ();
    if (p > REACH || q > REACH_OF_FACTORS) return false;
    this.pour(record);
    // Higher than what was seen, by a quarter of what is left.
    const topP = min(this.mostFieldP() + ((REACH - p) >> 2), 254);
    const topQ = min(this.mostFieldQ() + ((REACH_OF_FACTORS - q) >> 2), 254);
    this.mostFitP = limit(topP + 1) - 1;
    this.leastFitP = limit(topP - REACH) - 1;
    this.mostFitQ = limit(topQ + 1) - 1;
    this.leastFitQ = limit(topQ - REACH_OF_FACTORS) - 1;
    this.unit = topP - POWER_OF_FIELD - TO_UNIT;
    this.unitOfProducts = topP + topQ - 2 * POWER_OF_FIELD - TO_UNIT_OF_PRODUCTS;
    this.unitOfRests = this.unitOfProducts - TO_UNIT_OF_RESTS;
    return true;
  }

  /** Moves whole numbers to limbs. */
  pour(record: usize): void {
    if (this.groups == 0) return;
    this.isPoured = true;
    this.groups = 0;
    const second = record + SECOND;
    addShifted(record, this.first + this.first1, this.unit + UNIT_OF_FIELD - 1);
    addShifted(second, this.upper + this.upper1, this.unitOfProducts + 2 * UNIT_OF_FIELD - 2);
    addShifted(second, this.lower + this.lower1, this.unitOfRests + 2 * UNIT_OF_FIELD - 2);
    memory.fill(changetype<usize>(this) + offsetof<Window>('first'), 0, 48);
  }

  /** The whole numbers as pairs of float64, where they are all there is. */
  read(sums: Pairs): void {
    const first = this.first + this.first1;
    const unit = powerOfTwo(this.unit);
    const high = <f64>first;
    sums.first = high * unit;
    sums.firstLow = <f64>(first - <i64>high) * unit;
    const below = this.lower + this.lower1;
    const upper = this.upper + this.upper1 + (below >> TO_UNIT_OF_RESTS);
    const lower = <f64>(below & (((<i64>1) << TO_UNIT_OF_RESTS) - 1)) * powerOfTwo(-TO_UNIT_OF_RESTS);
    const top = <f64>upper;
    const low = <f64>(upper - <i64>top) + lower;
    const both = top + low;
    const unitOfProducts = powerOfTwo(this.unitOfProducts);
    sums.second = both * unitOfProducts;
    sums.secondLow = (low - (both - top)) * unitOfProducts;
    sums.isExact = true;
  }
}

/** The magnitude at which a field begins, as Seen has them; subnormal numbers are in field 1. */
function limit(field: i32): u32 {
  return field <= 1 ? 1 : (<u32>field) << 24;
}
