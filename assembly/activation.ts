// The activation and its gradient: docs/numerics.md, sections 4 and 5. `lines` points to slope,
// low and high of Call, 16 bytes apart, each as a vector of equal values of the tensor's type.
import { Call } from './call';
import { isBent } from './kinds';
import { gateVector } from './vec';

const LOW: usize = 16;
const HIGH: usize = 32;

/** v where z > 0, +0 where z ≤ 0, NaN where z is NaN. relu(z) is gate(z, z). */
export function gate<T>(v: T, z: T): T {
  return z > <T>0 ? v : z != z ? z : <T>0;
}

/** slope·v where z ≤ 0, v elsewhere. */
function bend<T>(v: T, z: T, lines: usize): T {
  return z <= <T>0 ? <T>(load<T>(lines) * v) : v;
}
function bendVector<T>(v: v128, z: v128, lines: usize): v128 {
  return v128.bitselect(v128.mul<T>(v128.load(lines), v), v, v128.le<T>(z, v128.splat<T>(0)));
}

/** y: z through the activation. */
function activate<T>(z: T, lines: usize): T {
  const u = bend<T>(z, z, lines);
  const low = load<T>(lines, LOW);
  const high = load<T>(lines, HIGH);
  return u <= low ? low : u >= high ? high : u;
}
function activateVector<T>(z: v128, lines: usize): v128 {
  const u = bendVector<T>(z, z, lines);
  const low = v128.load(lines, LOW);
  const high = v128.load(lines, HIGH);
  return v128.bitselect(low, v128.bitselect(high, u, v128.ge<T>(u, high)), v128.le<T>(u, low));
}

/** `count` rows of `width` elements of the output, from element k on: in place, right after they were written. */
export function activateRows<T>(call: Call, k: usize, width: usize, count: usize, stride: usize): void {
  const lines = call.lines;
  let start = call.output + k * sizeof<T>();
  for (let r: usize = 0; r < count; ++r, start += stride * sizeof<T>()) {
    const end = start + width * sizeof<T>();
    let p = start;
    if (ASC_FEATURE_SIMD) {
      for (; p + 16 <= end; p += 16) v128.store(p, activateVector<T>(v128.load(p), lines));
    }
    for (; p < end; p += sizeof<T>()) store<T>(p, activate<T>(load<T>(p), lines));
  }
}

/** g: dy through the activation, whose input is z. */
export function gradient<T, ACTIVATION>(dy: T, z: T, lines: usize): T {
  if (!isBent<ACTIVATION>()) return gate<T>(dy, z);
  const u = bend<T>(z, z, lines);
  if (u <= load<T>(lines, LOW) || u >= load<T>(lines, HIGH)) return <T>0;
  return u != u ? u : bend<T>(dy, z, lines);
}
export function gradientVector<T, ACTIVATION>(dy: v128, z: v128, lines: usize): v128 {
  if (!isBent<ACTIVATION>()) return gateVector<T>(dy, z);
  const u = bendVector<T>(z, z, lines);
  const stops = v128.or(v128.le<T>(u, v128.load(lines, LOW)), v128.ge<T>(u, v128.load(lines, HIGH)));
  return v128.andnot(v128.bitselect(bendVector<T>(dy, z, lines), u, v128.eq<T>(u, u)), stops);
}
