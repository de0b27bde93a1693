// A window of exponents, and the exact sums of one channel's values that fell into it, as whole numbers. Values of a
// channel are much alike, so that the bins of one group will do for the next ones.
//
// A window is anchored at its top. Groups that reach down a little are added to the upper bins, one of values and two
// of products; those that reach further to all of them, two and three. So a channel whose spread changes from group to
// group keeps its window.
import { Pairs } from './estimate';
import { addShifted, SECOND } from './limbs';
import { powerOfTwo } from './nearest';
import { Seen } from './seen';

/** How a group is added: it is all zeros; to the upper bins; to all bins; to none of them. */
export const ZEROS: i32 = 0;
export const NARROW: i32 = 1;
export const WIDE: i32 = 2;
export const OTHER: i32 = 3;

/**
 * From the power of two that no value reaches, or no product, to the unit of the first bin, and from there to those
 * of the next ones: see group.ts.
 */
const TO_UNIT: i32 = 43;
export const TO_BELOW: i32 = 44;
const TO_UNIT_OF_PRODUCTS: i32 = 43;
export const TO_LOWER: i32 = 44;
export const TO_LOWEST: i32 = TO_LOWER + 44;
/** A value with this exponent field is a multiple of 2^(field − 150), and below 2^(field − 126). */
const UNIT_OF_FIELD: i32 = 150;
const POWER_OF_FIELD: i32 = 126;
/** From the exponent field that no value exceeds down to the least one; of products those of both factors together. */
const REACH: i32 = TO_UNIT - 24;
const REACH_OF_PRODUCTS: i32 = TO_UNIT_OF_PRODUCTS + TO_LOWER - 48;
const WIDE_REACH: i32 = REACH + TO_BELOW;
const WIDE_REACH_OF_PRODUCTS: i32 = TO_UNIT_OF_PRODUCTS + TO_LOWEST - 48;
/** No more room than this is left above what was seen. */
const MOST_ROOM: i32 = 4;
/** So many lanes are added to whole numbers: each adds at most 2⁵² to each of them. */
const MOST_LANES: i32 = 512;
export const WINDOW_BYTES: usize = 128;

@unmanaged
export class Window extends Seen {
  /** Values in units of 2^unit and what these leave; products in units of 2^unitOfProducts and what these leave. */
  first: i64;
  below: i64;
  upper: i64;
  lower: i64;
  lowest: i64;
  unit: i32;
  unitOfProducts: i32;
  /** The largest magnitudes that fit, and the field of the first. */
  mostFitP: u32;
  mostFitQ: u32;
  topP: i32;
  /** The least sum of two fields whose products fit the upper bins. */
  leastSum: i32;
  /** How many were added to the whole numbers. */
  lanes: i32;
  /** Whether the last group fitted the upper bins, so that the next one is added without a look at it first. */
  isOpen: bool;
  /** Whether the lower bins have something. */
  isWide: bool;
  /** Whether something was added to the record, too. */
  isPoured: bool;

  /** Begins a channel. */
  turn(): void {
    this.empty();
    this.isPoured = false;
  }

  private empty(): void {
    memory.fill(changetype<usize>(this) + offsetof<Window>('first'), 0, 40);
    this.lanes = 0;
    this.isWide = false;
  }

  /** Takes the window of another channel for a guess, where this one has none yet. */
  openAs(other: Window): void {
    if (this.isOpen || this.isPoured || this.lanes > 0) return;
    memory.copy(
      changetype<usize>(this) + offsetof<Window>('unit'),
      changetype<usize>(other) + offsetof<Window>('unit'),
      offsetof<Window>('lanes') - offsetof<Window>('unit'),
    );
    this.isOpen = other.isOpen;
  }

  /** Whether what was seen fits the upper bins. */
  fits(): bool {
    return this.reaches(REACH, 0);
  }

  /** Whether values are not above the window, nor further below its top than this; products, than fits and so much. */
  private reaches(reach: i32, more: i32): bool {
    return (
      this.lanes < MOST_LANES &&
      this.mostP <= this.mostFitP &&
      this.mostQ <= this.mostFitQ &&
      this.leastFieldP() >= this.topP - reach &&
      this.leastFieldP() + this.leastFieldQ() >= this.leastSum - more
    );
  }

  /** How a group is added of which this was seen; the window is moved where that is of use. */
  choose(record: usize): i32 {
    if (this.isZero()) return ZEROS;
    this.isOpen = false;
    if (this.isOdd()) return OTHER;
    // Binades that would be left below what was seen.
    const spread = this.mostFieldP() - this.leastFieldP();
    let left = REACH - spread;
    let leftOfProducts = REACH_OF_PRODUCTS - spread - max(this.mostFieldQ() - this.leastFieldQ(), 0);
    if (left >= 0 && leftOfProducts >= 0) {
      this.isOpen = true;
      if (this.fits()) return NARROW;
    } else {
      left += WIDE_REACH - REACH;
      leftOfProducts += WIDE_REACH_OF_PRODUCTS - REACH_OF_PRODUCTS;
      if (left < 0 || leftOfProducts < 0) return OTHER;
    }
    if (this.isOpen || !this.reaches(WIDE_REACH, WIDE_REACH_OF_PRODUCTS - REACH_OF_PRODUCTS))
      this.move(record, left, leftOfProducts);
    if (this.isOpen) return NARROW;
    this.isWide = true;
    return WIDE;
  }

  /** Moves the window to what was seen, where so many binades are left below that. */
  private move(record: usize, left: i32, leftOfProducts: i32): void {
    this.pour(record);
    // Higher than what was seen, by a quarter of what is left.
    const room = min(min(left, leftOfProducts) >> 2, MOST_ROOM);
    const topP = min(this.mostFieldP() + room, 254);
    const topQ = min(this.mostFieldQ() + room, 254);
    this.topP = topP;
    this.mostFitP = mostOf(topP);
    this.mostFitQ = mostOf(topQ);
    this.leastSum = topP + topQ - REACH_OF_PRODUCTS;
    this.unit = topP - POWER_OF_FIELD - TO_UNIT;
    this.unitOfProducts = topP + topQ - 2 * POWER_OF_FIELD - TO_UNIT_OF_PRODUCTS;
  }

  /** Moves whole numbers to limbs. */
  pour(record: usize): void {
    if (this.lanes == 0) return;
    this.isPoured = true;
    const second = record + SECOND;
    const unit = this.unit + UNIT_OF_FIELD - 1;
    const unitOfProducts = this.unitOfProducts + 2 * UNIT_OF_FIELD - 2;
    addShifted(record, this.first, unit);
    addShifted(second, this.upper, unitOfProducts);
    addShifted(second, this.lower, unitOfProducts - TO_LOWER);
    if (this.isWide) {
      addShifted(record, this.below, unit - TO_BELOW);
      addShifted(second, this.lowest, unitOfProducts - TO_LOWEST);
    }
    this.empty();
  }

  /** The whole numbers of the upper bins as pairs of float64, where they are all there is. */
  read(sums: Pairs): void {
    const unit = powerOfTwo(this.unit);
    const high = <f64>this.first;
    sums.first = high * unit;
    sums.firstLow = <f64>(this.first - <i64>high) * unit;
    const upper = this.upper + (this.lower >> TO_LOWER);
    const lower = <f64>(this.lower & (((<i64>1) << TO_LOWER) - 1)) * powerOfTwo(-TO_LOWER);
    const top = <f64>upper;
    const low = <f64>(upper - <i64>top) + lower;
    const both = top + low;
    const unitOfProducts = powerOfTwo(this.unitOfProducts);
    sums.second = both * unitOfProducts;
    sums.secondLow = (low - (both - top)) * unitOfProducts;
    sums.isExact = true;
  }
}

/** The largest magnitude with a field, as Seen has them. */
function mostOf(field: i32): u32 {
  return ((<u32>(field + 1)) << 24) - 1;
}
