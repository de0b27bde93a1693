// Exact Σ p and Σ p·q of a group of float32 values of one channel: docs/numerics.md, section 10.
//
// A sum of float64 numbers is exact while all terms are multiples of a unit and every partial sum is below 2⁵³ units. A
// product of two float32 is exact, but has 48 bits, so that its sum is kept in several bins. A bin is anchored: it
// starts at 1.5·2⁵² units, and stays in [2⁵², 2⁵³) units, where the unit is the spacing of float64. A term that is
// added to it is rounded to units; what was taken, the difference of the bin after and before, and what is left are
// exact, and the rest goes to the next bin. The last bin takes everything that is left, since its unit divides all
// terms. Bits of a bin less those of its anchor are its sum in units, as an integer.
//
// A unit is chosen for each group by its largest exponent, as small as the number of terms allows: bins below each
// other reach over 44 binades each.
import { isYes, No, Yes } from '../kinds';
import { addByBins } from './bins';
import { addShifted, SECOND } from './limbs';
import { Span } from './span';

/** Values of a group, at most: so many terms fit into the bins. */
export const GROUP: usize = 1024;
/** The binades that one more bin covers. */
const BIN: i32 = 44;
/** From the power of two that no value reaches, or no product, to the unit of the first bin. */
const TO_UNIT: i32 = 43;
/** A value with this exponent field is a multiple of 2^(field − 150), and below 2^(field − 126). */
const UNIT_OF_FIELD: i32 = 150;
const POWER_OF_FIELD: i32 = 126;
/** The field of Infinity and NaN. */
const NOT_FINITE: i32 = 255;

/** Numbers of bins for products, as the sizes of types. */
type Three = i8;
type Four = i16;
type Six = i32;

/** Adds a group to a record. `count` is a multiple of 8; p and q are the same place for squares. */
export function addGroup(record: usize, p: usize, q: usize, count: usize, span: Span, bins: usize): void {
  span.measure(p, q, count);
  const odd = span.mostP == NOT_FINITE || span.mostQ == NOT_FINITE;
  if (span.mostP == 0 && !odd) return;
  if (ASC_FEATURE_SIMD) {
    // Binades from the unit of the first bin down to that of all terms.
    const values = topOfValues(span) - TO_UNIT - (span.leastP - UNIT_OF_FIELD);
    const products = topOfProducts(span) - TO_UNIT - (span.leastP + span.leastQ - 2 * UNIT_OF_FIELD);
    if (!odd && values <= 2 * BIN && products <= 5 * BIN) {
      // The first bin of products is a binade lower there: see addNarrow.
      if (values <= 0 && products <= BIN + 1) {
        if (p == q) addNarrow<No>(record, p, q, count, span);
        else addNarrow<Yes>(record, p, q, count, span);
      } else if (values <= BIN && products <= 2 * BIN) addWide<Three>(record, p, q, count, span);
      else if (values <= BIN && products <= 3 * BIN) addWide<Four>(record, p, q, count, span);
      else addWide<Six>(record, p, q, count, span);
      return;
    }
  }
  addByBins(record, p, q, count, span, bins);
}

/** The power of two that no value of p reaches, and no product. */
function topOfValues(span: Span): i32 {
  return span.mostP - POWER_OF_FIELD;
}
function topOfProducts(span: Span): i32 {
  return span.mostP + max(span.mostQ, 1) - 2 * POWER_OF_FIELD;
}

/** Bits of the anchor of a bin: 1.5·2⁵² units of 2^unit. */
function anchor(unit: i32): i64 {
  return ((<i64>(unit + 1075)) << 52) | ((<i64>1) << 51);
}
function anchors(unit: i32): v128 {
  return i64x2.splat(anchor(unit));
}

/** Adds the bins of two chains to the limbs at `sum`, whose units are 2^−least. */
function flush(sum: usize, a: v128, b: v128, unit: i32, least: i32): void {
  const own = anchors(unit);
  const units = i64x2.add(i64x2.sub(a, own), i64x2.sub(b, own));
  addShifted(sum, i64x2.extract_lane(units, 0) + i64x2.extract_lane(units, 1), unit + least);
}

function widen(p: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(p));
}

/**
 * One bin for values and two for products. In all of them are 128 terms of each lane: pairs of values, below 2^(top +
 * 1), and products; pairs of what is left of these. So sums are at most 2^(top + 8), 2^(top + 7) and 2^(top − 44 + 7),
 * which is 2⁵¹ units each.
 */
function addNarrow<TWO>(record: usize, p: usize, q: usize, count: usize, span: Span): void {
  const unit = topOfValues(span) - TO_UNIT;
  const upper = topOfProducts(span) - TO_UNIT - 1;
  const lower = upper - BIN;
  let first0 = anchors(unit);
  let first1 = first0;
  let upper0 = anchors(upper);
  let upper1 = upper0;
  let upper2 = upper0;
  let upper3 = upper0;
  let lower0 = anchors(lower);
  let lower1 = lower0;
  for (const end = p + (count << 2); p < end; p += 32, q += 32) {
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
  flush(record, first0, first1, unit, UNIT_OF_FIELD - 1);
  // As many bits of anchors less as there are bins: whole numbers wrap round, and come back.
  const upper02 = i64x2.sub(i64x2.add(upper0, upper2), anchors(upper));
  const upper13 = i64x2.sub(i64x2.add(upper1, upper3), anchors(upper));
  flush(record + SECOND, upper02, upper13, upper, 2 * UNIT_OF_FIELD - 2);
  flush(record + SECOND, lower0, lower1, lower, 2 * UNIT_OF_FIELD - 2);
}

/** Two or three bins for values, and as many for products as N says: 256 terms of each lane in all of them. */
function addWide<N>(record: usize, p: usize, q: usize, count: usize, span: Span): void {
  const more = sizeof<N>();
  const top = topOfValues(span) - TO_UNIT;
  const topQ = topOfProducts(span) - TO_UNIT;
  let a0 = anchors(top);
  let a1 = a0;
  let b0 = anchors(top - BIN);
  let b1 = b0;
  let c0 = anchors(more == 4 ? top - 2 * BIN : top);
  let c1 = c0;
  let u0 = anchors(topQ);
  let u1 = u0;
  let v0 = anchors(topQ - BIN);
  let v1 = v0;
  let w0 = anchors(topQ - 2 * BIN);
  let w1 = w0;
  let x0 = anchors(more > 1 ? topQ - 3 * BIN : topQ);
  let x1 = x0;
  let y0 = anchors(more == 4 ? topQ - 4 * BIN : topQ);
  let y1 = y0;
  let z0 = anchors(more == 4 ? topQ - 5 * BIN : topQ);
  let z1 = z0;
  for (const end = p + (count << 2); p < end; p += 16, q += 16) {
    const p0 = widen(p);
    const p1 = widen(p + 8);
    let t0 = f64x2.add(a0, p0);
    let t1 = f64x2.add(a1, p1);
    let r0 = f64x2.sub(p0, f64x2.sub(t0, a0));
    let r1 = f64x2.sub(p1, f64x2.sub(t1, a1));
    a0 = t0;
    a1 = t1;
    t0 = f64x2.add(b0, r0);
    t1 = f64x2.add(b1, r1);
    if (more == 4) {
      c0 = f64x2.add(c0, f64x2.sub(r0, f64x2.sub(t0, b0)));
      c1 = f64x2.add(c1, f64x2.sub(r1, f64x2.sub(t1, b1)));
    }
    b0 = t0;
    b1 = t1;
    r0 = f64x2.mul(p0, widen(q));
    r1 = f64x2.mul(p1, widen(q + 8));
    t0 = f64x2.add(u0, r0);
    t1 = f64x2.add(u1, r1);
    r0 = f64x2.sub(r0, f64x2.sub(t0, u0));
    r1 = f64x2.sub(r1, f64x2.sub(t1, u1));
    u0 = t0;
    u1 = t1;
    t0 = f64x2.add(v0, r0);
    t1 = f64x2.add(v1, r1);
    r0 = f64x2.sub(r0, f64x2.sub(t0, v0));
    r1 = f64x2.sub(r1, f64x2.sub(t1, v1));
    v0 = t0;
    v1 = t1;
    t0 = f64x2.add(w0, r0);
    t1 = f64x2.add(w1, r1);
    if (more > 1) {
      r0 = f64x2.sub(r0, f64x2.sub(t0, w0));
      r1 = f64x2.sub(r1, f64x2.sub(t1, w1));
    }
    w0 = t0;
    w1 = t1;
    if (more > 1) {
      t0 = f64x2.add(x0, r0);
      t1 = f64x2.add(x1, r1);
      if (more == 4) {
        r0 = f64x2.sub(r0, f64x2.sub(t0, x0));
        r1 = f64x2.sub(r1, f64x2.sub(t1, x1));
      }
      x0 = t0;
      x1 = t1;
    }
    if (more == 4) {
      t0 = f64x2.add(y0, r0);
      t1 = f64x2.add(y1, r1);
      z0 = f64x2.add(z0, f64x2.sub(r0, f64x2.sub(t0, y0)));
      z1 = f64x2.add(z1, f64x2.sub(r1, f64x2.sub(t1, y1)));
      y0 = t0;
      y1 = t1;
    }
  }
  const ofP = UNIT_OF_FIELD - 1;
  const ofProducts = 2 * UNIT_OF_FIELD - 2;
  const second = record + SECOND;
  flush(record, a0, a1, top, ofP);
  flush(record, b0, b1, top - BIN, ofP);
  if (more == 4) flush(record, c0, c1, top - 2 * BIN, ofP);
  flush(second, u0, u1, topQ, ofProducts);
  flush(second, v0, v1, topQ - BIN, ofProducts);
  flush(second, w0, w1, topQ - 2 * BIN, ofProducts);
  if (more > 1) flush(second, x0, x1, topQ - 3 * BIN, ofProducts);
  if (more == 4) {
    flush(second, y0, y1, topQ - 4 * BIN, ofProducts);
    flush(second, z0, z1, topQ - 5 * BIN, ofProducts);
  }
}
