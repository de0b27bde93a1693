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
import { BIN, POWER_OF_FIELD, TO_UNIT, UNIT_OF_FIELD, Window } from './window';

/** Values of a group, at most: so many terms fit into the bins. */
export const GROUP: usize = 1024;

/**
 * Adds a group to the window of its channel, or to its record. `count` is a multiple of 8; p and q are the same place
 * for squares.
 */
export function addGroup(window: Window, record: usize, p: usize, q: usize, count: usize, bins: usize): void {
  if (!ASC_FEATURE_SIMD) {
    window.look(p, q, count);
    if (window.mostP != 0 || window.isOdd()) addOthers(window, record, p, q, count, bins);
    return;
  }
  if (window.isOpen) {
    if (addToWindow(window, p, q, count)) return;
  } else window.look(p, q, count);
  if (window.mostP == 0 && !window.isOdd()) return;
  window.isOpen = !window.isOdd() && (window.fits() || window.move(record));
  if (!window.isOpen) addOthers(window, record, p, q, count, bins);
  else addToWindow(window, p, q, count);
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
 * One bin for values and two for products. In all of them are 128 terms of each lane: pairs of values, below 2^(top +
 * 1), and products; pairs of what is left of these. So sums are at most 2^(top + 8), 2^(top + 7) and 2^(top − 44 + 7),
 * which is 2⁵¹ units each. False where something does not fit the window: then nothing was added.
 */
function addNarrow<TWO>(window: Window, p: usize, q: usize, count: usize): bool {
  const unit = anchors(window.unit);
  const unitOfProducts = anchors(window.unitOfProducts);
  const unitOfRests = anchors(window.unitOfProducts - BIN);
  const ones = i32x4.splat(-1);
  let mostP = i32x4.splat(0);
  let leastP = ones;
  let mostQ = mostP;
  let leastQ = ones;
  let first0 = unit;
  let first1 = first0;
  let upper0 = unitOfProducts;
  let upper1 = upper0;
  let upper2 = upper0;
  let upper3 = upper0;
  let lower0 = unitOfRests;
  let lower1 = lower0;
  for (const end = p + (count << 2); p < end; p += 32, q += 32) {
    const bits0 = i32x4.shl(v128.load(p), 1);
    const bits1 = i32x4.shl(v128.load(p + 16), 1);
    mostP = i32x4.max_u(i32x4.max_u(mostP, bits0), bits1);
    leastP = i32x4.min_u(i32x4.min_u(leastP, i32x4.add(bits0, ones)), i32x4.add(bits1, ones));
    if (isYes<TWO>()) {
      const bits2 = i32x4.shl(v128.load(q), 1);
      const bits3 = i32x4.shl(v128.load(q + 16), 1);
      mostQ = i32x4.max_u(i32x4.max_u(mostQ, bits2), bits3);
      leastQ = i32x4.min_u(i32x4.min_u(leastQ, i32x4.add(bits2, ones)), i32x4.add(bits3, ones));
    }
    const p0 = widen(p);
    const p1 = widen(p + 8);
    const p2 = widen(p + 16);
    const p3 = widen(p + 24);
    first0 = f64x2.add(first0, f64x2.add(p0, p1));
    first1 = f64x2.add(first1, f64x2.add(p2, p3));
    const m0 = f64x2.mul(p0, isYes<TWO>() ? widen(q) : p0);
    const t0 = f64x2.add(upper0, m0);
    const r0 = f64x2.sub(m0, f64x2.sub(t0, upper0));
    upper0 = t0;
    const m1 = f64x2.mul(p1, isYes<TWO>() ? widen(q + 8) : p1);
    const t1 = f64x2.add(upper1, m1);
    const r1 = f64x2.sub(m1, f64x2.sub(t1, upper1));
    upper1 = t1;
    lower0 = f64x2.add(lower0, f64x2.add(r0, r1));
    const m2 = f64x2.mul(p2, isYes<TWO>() ? widen(q + 16) : p2);
    const t2 = f64x2.add(upper2, m2);
    const r2 = f64x2.sub(m2, f64x2.sub(t2, upper2));
    upper2 = t2;
    const m3 = f64x2.mul(p3, isYes<TWO>() ? widen(q + 24) : p3);
    const t3 = f64x2.add(upper3, m3);
    const r3 = f64x2.sub(m3, f64x2.sub(t3, upper3));
    upper3 = t3;
    lower1 = f64x2.add(lower1, f64x2.add(r2, r3));
  }
  const at = changetype<usize>(window);
  saveMagnitudes(at, mostP, leastP);
  if (isYes<TWO>()) saveMagnitudes(at + 8, mostQ, leastQ);
  else {
    window.mostQ = window.mostP;
    window.leastQ = window.leastP;
  }
  if (!window.fits()) return false;
  ++window.groups;
  // Whole numbers wrap round, and come back.
  const sums = at + offsetof<Window>('first');
  increaseLanes(sums, i64x2.add(first0, first1), i64x2.add(unit, unit));
  const upper02 = i64x2.sub(i64x2.add(upper0, upper2), i64x2.add(unitOfProducts, unitOfProducts));
  increaseLanes(sums + 16, i64x2.add(upper02, i64x2.add(upper1, upper3)), i64x2.add(unitOfProducts, unitOfProducts));
  increaseLanes(sums + 32, i64x2.add(lower0, lower1), i64x2.add(unitOfRests, unitOfRests));
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
