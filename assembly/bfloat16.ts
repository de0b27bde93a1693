// The elementwise passes that trainings and inference have most, across channels of bfloat16: widened, computed with
// and rounded in registers. docs/numerics.md, section 11. All others go by strips.ts, and so do passes along rows,
// where this would gain nothing.
import { gate } from './activation';
import { Call } from './call';
import { BELOW_AT, joinHigh, joinLow, kept, nearestBfloat16, nearestHalf, ONE_AT, wideOf } from './half';
import { BFLOAT16, Bfloat16, NO_ACTIVATION, NORMALIZE, THREE_LINES } from './kinds';

/** Whether a pass over the tensors of a call goes this way. */
export function isDirect(call: Call, map: i32): bool {
  if (call.half != BFLOAT16 || call.activation == THREE_LINES) return false;
  if (map == NORMALIZE) return call.residual == 0;
  return call.batch != 0 && call.dresidual == 0 && (call.residual == 0 || call.activation == NO_ACTIVATION);
}

/** Whether one of eight numbers may be NaN: their sums are, also where infinities of both signs meet. */
function mayBeNan(low: v128, high: v128): bool {
  const sum = f32x4.add(low, high);
  return i32x4.bitmask(f32x4.ne(sum, sum)) != 0;
}

function loadOne(p: usize): f32 {
  return reinterpret<f32>(wideOf<Bfloat16>((<u32>load<u16>(p)) << 16));
}
function storeOne(p: usize, value: f32): void {
  store<u16>(p, <u16>nearestHalf<Bfloat16>(reinterpret<u32>(value)));
}
function storeEight(p: usize, low: v128, high: v128, below: v128, one: v128): void {
  v128.store(p, i16x8.narrow_i32x4_u(nearestBfloat16(low, below, one), nearestBfloat16(high, below, one)));
}

/** Elements one by one. */
function normalizeFew(y: usize, x: usize, end: usize, center: usize, apart: usize, floor: f32): void {
  for (; x < end; x += 2, y += 2, center += 4) {
    const d = loadOne(x) - load<f32>(center);
    const z = <f32>(d * load<f32>(center + apart)) + load<f32>(center + 2 * apart);
    storeOne(y, z <= floor ? floor : z);
  }
}

/**
 * y of `length` elements from element k on. Their centers begin at `center`, their other coefficients `apart` bytes
 * further on each.
 */
export function normalizeBfloat16(call: Call, k: usize, length: usize, center: usize, apart: usize): void {
  const floor: f32 = call.activation == NO_ACTIVATION ? -Infinity : 0;
  const floors = f32x4.splat(floor);
  const zero = i32x4.splat(0);
  const below = kept(BELOW_AT);
  const one = kept(ONE_AT);
  let y = call.output + (k << 1);
  let x = call.x + (k << 1);
  const end = x + (length << 1);
  // Numbers that may be NaN are left to single ones behind the loop: a call in it would take its registers.
  while (true) {
    for (; x + 16 <= end; x += 16, y += 16, center += 32) {
      const scale = center + apart;
      const offset = scale + apart;
      const halves = v128.load(x);
      const lowD = f32x4.sub(joinLow(zero, halves), v128.load(center));
      const highD = f32x4.sub(joinHigh(zero, halves), v128.load(center, 16));
      const lowScaled = f32x4.mul(lowD, v128.load(scale));
      const highScaled = f32x4.mul(highD, v128.load(scale, 16));
      const low = f32x4.add(lowScaled, v128.load(offset));
      const high = f32x4.add(highScaled, v128.load(offset, 16));
      if (mayBeNan(low, high)) break;
      storeEight(y, f32x4.pmax(floors, low), f32x4.pmax(floors, high), below, one);
    }
    if (x + 16 > end) break;
    normalizeFew(y, x, x + 16, center, apart, floor);
    x += 16;
    y += 16;
    center += 32;
  }
  normalizeFew(y, x, end, center, apart, floor);
}

/** Elements one by one. */
function inputFew(dx: usize, dy: usize, x: usize, end: usize, center: usize, apart: usize, gates: bool): void {
  for (; x < end; x += 2, dy += 2, dx += 2, center += 4) {
    const d = loadOne(x) - load<f32>(center);
    const scale = load<f32>(center + apart);
    let g = loadOne(dy);
    if (gates) g = gate<f32>(g, <f32>(d * scale) + load<f32>(center + 2 * apart));
    const rest = <f32>(d * load<f32>(center + 3 * apart)) + load<f32>(center + 4 * apart);
    storeOne(dx, <f32>(g * scale) - rest);
  }
}

/**
 * dx of `length` elements from element k on. Their centers begin at `center`, their other coefficients `apart` bytes
 * further on each.
 */
export function inputBfloat16(call: Call, k: usize, length: usize, center: usize, apart: usize): void {
  const gates = call.activation != NO_ACTIVATION;
  const always = i32x4.splat(gates ? 0 : -1);
  const zero = i32x4.splat(0);
  const below = kept(BELOW_AT);
  const one = kept(ONE_AT);
  let dx = call.output + (k << 1);
  let dy = call.dy + (k << 1);
  let x = call.x + (k << 1);
  const end = x + (length << 1);
  // Numbers that may be NaN are left to single ones behind the loop: a call in it would take its registers.
  while (true) {
    for (; x + 16 <= end; x += 16, dy += 16, dx += 16, center += 32) {
      const halves = v128.load(x);
      const gradients = v128.load(dy);
      const scale = center + apart;
      const offset = scale + apart;
      const slope = offset + apart;
      const rest = slope + apart;
      const lowD = f32x4.sub(joinLow(zero, halves), v128.load(center));
      const highD = f32x4.sub(joinHigh(zero, halves), v128.load(center, 16));
      const lowScale = v128.load(scale);
      const highScale = v128.load(scale, 16);
      const lowZ = f32x4.add(f32x4.mul(lowD, lowScale), v128.load(offset));
      const highZ = f32x4.add(f32x4.mul(highD, highScale), v128.load(offset, 16));
      const lowG = v128.and(joinLow(zero, gradients), v128.or(f32x4.gt(lowZ, zero), always));
      const highG = v128.and(joinHigh(zero, gradients), v128.or(f32x4.gt(highZ, zero), always));
      const lowSlope = f32x4.mul(lowD, v128.load(slope));
      const highSlope = f32x4.mul(highD, v128.load(slope, 16));
      const lowRest = f32x4.add(lowSlope, v128.load(rest));
      const highRest = f32x4.add(highSlope, v128.load(rest, 16));
      const low = f32x4.sub(f32x4.mul(lowG, lowScale), lowRest);
      const high = f32x4.sub(f32x4.mul(highG, highScale), highRest);
      if (mayBeNan(f32x4.add(low, high), f32x4.add(lowZ, highZ))) break;
      storeEight(dx, low, high, below, one);
    }
    if (x + 16 > end) break;
    inputFew(dx, dy, x, x + 16, center, apart, gates);
    x += 16;
    dy += 16;
    dx += 16;
    center += 32;
  }
  inputFew(dx, dy, x, end, center, apart, gates);
}
