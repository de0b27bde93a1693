// Sums of what reaches further down than the upper bins: two bins of values and three of products, each of two lanes
// (see group.ts).
import { BELOW, LEAST_P, LEAST_Q, LOWER, LOWEST, MOST_P, MOST_Q, UPPER, widen } from './lanes';

/** Looks at g and x − center, as addProducts does, and adds nothing. */
export function lookAtProducts(lanes: usize, g: usize, x: usize, centers: v128, end: usize): void {
  const ones = i32x4.splat(-1);
  let mostP = v128.load(lanes, MOST_P);
  let leastP = v128.load(lanes, LEAST_P);
  let mostQ = v128.load(lanes, MOST_Q);
  let leastQ = v128.load(lanes, LEAST_Q);
  for (; x < end; x += 16, g += 16) {
    let bits = i32x4.shl(f32x4.sub(v128.load(x), centers), 1);
    mostQ = i32x4.max_u(mostQ, bits);
    leastQ = i32x4.min_u(leastQ, i32x4.add(bits, ones));
    bits = i32x4.shl(v128.load(g), 1);
    mostP = i32x4.max_u(mostP, bits);
    leastP = i32x4.min_u(leastP, i32x4.add(bits, ones));
  }
  v128.store(lanes, mostP, MOST_P);
  v128.store(lanes, leastP, LEAST_P);
  v128.store(lanes, mostQ, MOST_Q);
  v128.store(lanes, leastQ, LEAST_Q);
}

/** Adds g and g·(x − center): up to 256 terms of each lane, as in addProducts. */
export function addToAll(lanes: usize, g: usize, x: usize, centers: v128, end: usize): void {
  let a = v128.load(lanes);
  let b = v128.load(lanes, BELOW);
  let u = v128.load(lanes, UPPER);
  let v = v128.load(lanes, LOWER);
  let w = v128.load(lanes, LOWEST);
  for (; x < end; x += 16, g += 16) {
    const q = f32x4.sub(v128.load(x), centers);
    const p0 = widen(g);
    const p1 = widen(g + 8);
    let t0 = f64x2.add(a, p0);
    let t1 = f64x2.add(t0, p1);
    b = f64x2.add(b, f64x2.add(f64x2.sub(p0, f64x2.sub(t0, a)), f64x2.sub(p1, f64x2.sub(t1, t0))));
    a = t1;
    let r0 = f64x2.mul(p0, f64x2.promote_low_f32x4(q));
    let r1 = f64x2.mul(p1, f64x2.promote_low_f32x4(i32x4.shuffle(q, q, 2, 3, 2, 3)));
    t0 = f64x2.add(u, r0);
    t1 = f64x2.add(t0, r1);
    r0 = f64x2.sub(r0, f64x2.sub(t0, u));
    r1 = f64x2.sub(r1, f64x2.sub(t1, t0));
    u = t1;
    t0 = f64x2.add(v, r0);
    t1 = f64x2.add(t0, r1);
    w = f64x2.add(w, f64x2.add(f64x2.sub(r0, f64x2.sub(t0, v)), f64x2.sub(r1, f64x2.sub(t1, t0))));
    v = t1;
  }
  v128.store(lanes, a);
  v128.store(lanes, b, BELOW);
  v128.store(lanes, u, UPPER);
  v128.store(lanes, v, LOWER);
  v128.store(lanes, w, LOWEST);
}
