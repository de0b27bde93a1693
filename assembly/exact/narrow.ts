// Sums of what fits the upper bins of a window: one of values and two of products, each of two lanes (see group.ts).
// Exponents are looked at on the way.
import { isYes } from '../kinds';
import { ANCHORS, LEAST_P, LEAST_Q, LOWER, MOST_P, MOST_Q, PRODUCTS, UPPER, VALUES, widen } from './lanes';

/** Four values: of a run, or of two columns and two rows. */
function four<ROWS>(from: usize, stride: usize): v128 {
  return isYes<ROWS>() ? v128.load64_lane(from + stride, v128.load64_zero(from), 1) : v128.load(from);
}

/**
 * Adds g and g·(x − center). In each lane are up to 256 values, below 2^top, so that their sum is at most 2^(top + 8),
 * which is 2⁵¹ units. Two columns are `stride` bytes from row to row; in a run the next pair is 8 bytes away.
 */
export function addProducts<ROWS>(lanes: usize, g: usize, x: usize, center: usize, end: usize, stride: usize): void {
  const ones = i32x4.splat(-1);
  const step: usize = stride << 1;
  let first = v128.load(lanes);
  let upper = v128.load(lanes, UPPER);
  let lower = v128.load(lanes, LOWER);
  let mostP = v128.load(lanes, MOST_P);
  let leastP = v128.load(lanes, LEAST_P);
  let mostQ = v128.load(lanes, MOST_Q);
  let leastQ = v128.load(lanes, LEAST_Q);
  // Constants are read on the way: the engine would run out of registers.
  for (; x < end; x += step, g += step) {
    const q = f32x4.sub(four<ROWS>(x, stride), isYes<ROWS>() ? v128.load64_splat(center) : v128.load32_splat(center));
    let bits = i32x4.add(q, q);
    mostQ = i32x4.max_u(mostQ, bits);
    leastQ = i32x4.min_u(leastQ, i32x4.add(bits, ones));
    const p = four<ROWS>(g, stride);
    bits = i32x4.add(p, p);
    mostP = i32x4.max_u(mostP, bits);
    leastP = i32x4.min_u(leastP, i32x4.add(bits, ones));
    const p0 = widen(g);
    const p1 = widen(g + stride);
    const m0 = f64x2.mul(p0, f64x2.promote_low_f32x4(q));
    const m1 = f64x2.mul(p1, f64x2.promote_low_f32x4(i32x4.shuffle(q, q, 2, 3, 2, 3)));
    first = f64x2.add(first, f64x2.add(p0, p1));
    const anchor = v128.load(lanes, PRODUCTS);
    const anchors = v128.load(lanes, ANCHORS);
    const t0 = f64x2.add(anchor, m0);
    const t1 = f64x2.add(anchor, m1);
    upper = i64x2.add(i64x2.add(upper, t0), t1);
    lower = i64x2.add(lower, f64x2.sub(m0, f64x2.sub(t0, anchors)));
    lower = i64x2.add(lower, f64x2.sub(m1, f64x2.sub(t1, anchors)));
  }
  v128.store(lanes, first);
  v128.store(lanes, upper, UPPER);
  v128.store(lanes, lower, LOWER);
  v128.store(lanes, mostP, MOST_P);
  v128.store(lanes, leastP, LEAST_P);
  v128.store(lanes, mostQ, MOST_Q);
  v128.store(lanes, leastQ, LEAST_Q);
}

/** Adds squares of a row of a run: twice as many values in each lane, by two sums, which begin anew with each row. */
export function addSquares(lanes: usize, x: usize, end: usize): void {
  const ones = i32x4.splat(-1);
  const anchorOfValues = v128.load(lanes, VALUES);
  let first0 = anchorOfValues;
  let first1 = anchorOfValues;
  let upper = v128.load(lanes, UPPER);
  let lower = v128.load(lanes, LOWER);
  let most = v128.load(lanes, MOST_P);
  let least = v128.load(lanes, LEAST_P);
  for (; x < end; x += 16) {
    const p = v128.load(x);
    const bits = i32x4.add(p, p);
    most = i32x4.max_u(most, bits);
    least = i32x4.min_u(least, i32x4.add(bits, ones));
    const x0 = widen(x);
    const x1 = widen(x + 8);
    first0 = f64x2.add(first0, x0);
    first1 = f64x2.add(first1, x1);
    const m0 = f64x2.mul(x0, x0);
    const m1 = f64x2.mul(x1, x1);
    const anchor = v128.load(lanes, PRODUCTS);
    const anchors = v128.load(lanes, ANCHORS);
    const t0 = f64x2.add(anchor, m0);
    const t1 = f64x2.add(anchor, m1);
    upper = i64x2.add(i64x2.add(upper, t0), t1);
    lower = i64x2.add(lower, f64x2.sub(m0, f64x2.sub(t0, anchors)));
    lower = i64x2.add(lower, f64x2.sub(m1, f64x2.sub(t1, anchors)));
  }
  // Whole numbers wrap round, and come back.
  const sums = i64x2.sub(i64x2.add(first0, first1), i64x2.shl(anchorOfValues, 1));
  v128.store(lanes, i64x2.add(v128.load(lanes), sums));
  v128.store(lanes, upper, UPPER);
  v128.store(lanes, lower, LOWER);
  v128.store(lanes, most, MOST_P);
  v128.store(lanes, least, LEAST_P);
}
