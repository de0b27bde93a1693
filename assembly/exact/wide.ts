// Sums of what reaches further down than the upper bins: two bins of values and three of products, each of two lanes
// (see group.ts).
import {
  BELOW,
  LEAST_P,
  LEAST_Q,
  LOWER,
  LOWEST,
  MOST_P,
  MOST_Q,
  nextOf,
  PRODUCTS,
  UPPER,
  VALUES,
  widen,
  withNext,
} from './lanes';

/** Looks at g and x − center, as addProducts does, and adds nothing. */
export function lookAtProducts(lanes: usize, g: usize, x: usize, centers: v128, end: usize): void {
  const ones = i32x4.splat(-1);
  let mostP = v128.load(lanes, MOST_P);
  let leastP = v128.load(lanes, LEAST_P);
  let mostQ = v128.load(lanes, MOST_Q);
  let leastQ = v128.load(lanes, LEAST_Q);
  for (; x < end; x += 16, g += 16) {
    const q = f32x4.sub(v128.load(x), centers);
    let bits = i32x4.add(q, q);
    mostQ = i32x4.max_u(mostQ, bits);
    leastQ = i32x4.min_u(leastQ, i32x4.add(bits, ones));
    const p = v128.load(g);
    bits = i32x4.add(p, p);
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
  const values = v128.load(lanes, VALUES);
  const upperAnchor = v128.load(lanes, PRODUCTS);
  const lowerAnchor = nextOf(upperAnchor);
  const bothOfValues = withNext(values);
  const bothOfLower = withNext(lowerAnchor);
  let a = v128.load(lanes);
  let b = v128.load(lanes, BELOW);
  let u = v128.load(lanes, UPPER);
  let v = v128.load(lanes, LOWER);
  let w = v128.load(lanes, LOWEST);
  for (; x < end; x += 8, g += 8) {
    const p = widen(g);
    let t = f64x2.add(values, p);
    a = i64x2.add(a, t);
    b = i64x2.add(b, f64x2.sub(p, f64x2.sub(t, bothOfValues)));
    const m = f64x2.mul(p, f64x2.promote_low_f32x4(f32x4.sub(v128.load64_zero(x), centers)));
    t = f64x2.add(upperAnchor, m);
    u = i64x2.add(u, t);
    const rest = f64x2.sub(m, f64x2.sub(t, upperAnchor));
    t = f64x2.add(lowerAnchor, rest);
    v = i64x2.add(v, t);
    w = i64x2.add(w, f64x2.sub(rest, f64x2.sub(t, bothOfLower)));
  }
  v128.store(lanes, a);
  v128.store(lanes, b, BELOW);
  v128.store(lanes, u, UPPER);
  v128.store(lanes, v, LOWER);
  v128.store(lanes, w, LOWEST);
}
