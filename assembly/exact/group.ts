// Exact Σ p and Σ p·q of a group of float32 values of one channel: docs/numerics.md, section 10.
//
// A sum of float64 numbers is exact while all terms are multiples of a unit and every partial sum is below 2⁵³ units. A
// product of two float32 is exact, but has 48 bits, so that its sum is kept in several bins. A bin is anchored: it
// starts at 1.5·2⁵² units, and stays in [2⁵², 2⁵³) units, where the unit is the spacing of float64. A term that is
// added to it is rounded to units; what was taken, the difference of the bin after and before, and what is left are
// exact, and the rest goes to the next bin. The last bin takes everything that is left, since its unit divides all
// terms. Bits of a bin less those of its anchor are its sum in units, as an integer.
//
// Units are chosen by the largest exponent, as small as the number of terms allows: bins below each other reach over 44
// binades each.
import { isYes, No, Yes } from '../kinds';
import { addByBins } from './bins';
import { addShifted, SECOND } from './limbs';
import { saveMagnitudes } from './seen';
import { POWER_OF_FIELD, UNIT_OF_FIELD, Window } from './window';

/** Values of a group, at most: so many terms fit into the bins. */
export const GROUP: usize = 1024;
/** Beyond windows: from a power of two that is not reached to the unit of the first bin, and from bin to bin. */
const TO_UNIT: i32 = 43;
const BIN: i32 = 44;

/**
 * Adds a group to the window of its channel, or to its record. `count` is a multiple of 8; p and q are the same place
 * for squares, else the window has seen q.
 */
export function addGroup(window: Window, record: usize, p: usize, q: usize, count: usize, bins: usize): void {
  if (!ASC_FEATURE_SIMD) {
    look(window, p, q, count);
    if (window.mostP != 0 || window.isOdd()) addOthers(window, record, p, q, count, bins);
    return;
  }
  if (window.isOpen) {
    if (addToWindow(window, p, q, count)) return;
  } else look(window, p, q, count);
  if (window.mostP == 0 && !window.isOdd()) return;
  window.isOpen = !window.isOdd() && (window.fits() || window.move(record));
  if (!window.isOpen) addOthers(window, record, p, q, count, bins);
  else addToWindow(window, p, q, count);
}

function look(window: Window, p: usize, q: usize, count: usize): void {
  window.lookAtP(p, count);
  if (p == q) window.copyToQ();
}

/** False where something does not fit: then nothing was added. */
function addToWindow(window: Window, p: usize, q: usize, count: usize): bool {
  return p == q ? addNarrow<No>(window, p, q, count) : addNarrow<Yes>(window, p, q, count);
}

/** Values that fit no window, by what was seen of them. */
function addOthers(window: Window, record: usize, p: usize, q: usize, count: usize, bins: usize): void {
  window.isPoured = true;
  if (ASC_FEATURE_SIMD) {
    const top = window.mostFieldP() - POWER_OF_FIELD;
    const topOfProducts = top + window.mostFieldQ() - POWER_OF_FIELD;
    // Binades from the unit of the first bin down to that of all terms.
    const unit = window.leastFieldP() - UNIT_OF_FIELD;
    const values = top - TO_UNIT - unit;
    const products = topOfProducts - TO_UNIT - (unit + window.leastFieldQ() - UNIT_OF_FIELD);
    if (!window.isOdd() && values <= BIN && products <= 2 * BIN) {
      addWide(record, p, q, count, top - TO_UNIT, topOfProducts - TO_UNIT);
      return;
    }
  }
  addByBins(record, p, q, count, window, bins);
}

/** Bits of the anchor of a bin: 1.5·2⁵² units of 2^unit. */
function anchors(unit: i32): v128 {
  return i64x2.splat(((<i64>(unit + 1075)) << 52) | ((<i64>1) << 51));
}

/** Adds the bins of two chains to the limbs at `sum`, whose units are 2^−least. */
function flush(sum: usize, a: v128, b: v128, unit: i32, least: i32): void {
  const own = anchors(unit);
  const units = i64x2.add(i64x2.sub(a, own), i64x2.sub(b, own));
  addShifted(sum, i64x2.extract_lane(units, 0) + i64x2.extract_lane(units, 1), unit + least);
}

/** Adds bits of bins, less those of as many anchors, to two lanes. */
function increaseLanes(at: usize, bins: v128, anchor: v128): void {
  v128.store(at, i64x2.add(v128.load(at), i64x2.sub(bins, anchor)));
}

function widen(p: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(p));
}

/**
 * One bin for values and two for products. In each of its lanes are 256 sums of two values, below 2^(top + 1); 256
 * products, in one of two bins; 512 halves, at most, of the unit of these. So sums are at most 2^(top + 9), 2^(top + 8)
 * and 2^(unit + 8), which is 2⁵¹ units each. False where something does not fit the window: then nothing was added.
 */
function addNarrow<TWO>(window: Window, p: usize, q: usize, count: usize): bool {
  const unit = anchors(window.unit);
  const unitOfProducts = anchors(window.unitOfProducts);
  const unitOfRests = anchors(window.unitOfRests);
  const ones = i32x4.splat(-1);
  let mostP = i32x4.splat(0);
  let leastP = ones;
  let first = unit;
  let upper0 = unitOfProducts;
  let upper1 = unitOfProducts;
  let lower = unitOfRests;
  // No more at once: the engine would run out of registers.
  for (const end = p + (count << 2); p < end; p += 16, q += 16) {
    const bits = i32x4.shl(v128.load(p), 1);
    mostP = i32x4.max_u(mostP, bits);
    leastP = i32x4.min_u(leastP, i32x4.add(bits, ones));
    const p0 = widen(p);
    const p1 = widen(p + 8);
    first = f64x2.add(first, f64x2.add(p0, p1));
    const m0 = f64x2.mul(p0, isYes<TWO>() ? widen(q) : p0);
    const m1 = f64x2.mul(p1, isYes<TWO>() ? widen(q + 8) : p1);
    const t0 = f64x2.add(upper0, m0);
    const t1 = f64x2.add(upper1, m1);
    const rest0 = f64x2.sub(m0, f64x2.sub(t0, upper0));
    const rest1 = f64x2.sub(m1, f64x2.sub(t1, upper1));
    upper0 = t0;
    upper1 = t1;
    lower = f64x2.add(lower, f64x2.add(rest0, rest1));
  }
  const at = changetype<usize>(window);
  saveMagnitudes(at, mostP, leastP);
  if (!isYes<TWO>()) window.copyToQ();
  if (!window.fits()) return false;
  ++window.groups;
  const sums = at + offsetof<Window>('first');
  increaseLanes(sums, first, unit);
  // Whole numbers wrap round, and come back.
  increaseLanes(sums + 16, i64x2.add(upper0, upper1), i64x2.add(unitOfProducts, unitOfProducts));
  increaseLanes(sums + 32, lower, unitOfRests);
  return true;
}

/** Two bins for values and three for products: 256 terms of each lane in all of them. */
function addWide(record: usize, p: usize, q: usize, count: usize, top: i32, topOfProducts: i32): void {
  let a0 = anchors(top);
  let a1 = a0;
  let b0 = anchors(top - BIN);
  let b1 = b0;
  let u0 = anchors(topOfProducts);
  let u1 = u0;
  let v0 = anchors(topOfProducts - BIN);
  let v1 = v0;
  let w0 = anchors(topOfProducts - 2 * BIN);
  let w1 = w0;
  for (const end = p + (count << 2); p < end; p += 16, q += 16) {
    const p0 = widen(p);
    const p1 = widen(p + 8);
    let t0 = f64x2.add(a0, p0);
    let t1 = f64x2.add(a1, p1);
    b0 = f64x2.add(b0, f64x2.sub(p0, f64x2.sub(t0, a0)));
    b1 = f64x2.add(b1, f64x2.sub(p1, f64x2.sub(t1, a1)));
    a0 = t0;
    a1 = t1;
    let r0 = f64x2.mul(p0, widen(q));
    let r1 = f64x2.mul(p1, widen(q + 8));
    t0 = f64x2.add(u0, r0);
    t1 = f64x2.add(u1, r1);
    r0 = f64x2.sub(r0, f64x2.sub(t0, u0));
    r1 = f64x2.sub(r1, f64x2.sub(t1, u1));
    u0 = t0;
    u1 = t1;
    t0 = f64x2.add(v0, r0);
    t1 = f64x2.add(v1, r1);
    w0 = f64x2.add(w0, f64x2.sub(r0, f64x2.sub(t0, v0)));
    w1 = f64x2.add(w1, f64x2.sub(r1, f64x2.sub(t1, v1)));
    v0 = t0;
    v1 = t1;
  }
  const second = record + SECOND;
  flush(record, a0, a1, top, UNIT_OF_FIELD - 1);
  flush(record, b0, b1, top - BIN, UNIT_OF_FIELD - 1);
  flush(second, u0, u1, topOfProducts, 2 * UNIT_OF_FIELD - 2);
  flush(second, v0, v1, topOfProducts - BIN, 2 * UNIT_OF_FIELD - 2);
  flush(second, w0, w1, topOfProducts - 2 * BIN, 2 * UNIT_OF_FIELD - 2);
}
