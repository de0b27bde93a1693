// The elementwise passes that trainings and inference have most, of bfloat16: widened, computed with and rounded in
// registers, across channels or ALONG rows of one, which have whole vectors. docs/numerics.md, section 11. All others
// go by strips.ts. Along rows, whose numbers all have the same coefficients, vectors have the even and the odd ones:
// these are widened and rounded by less.
import { gate } from './activation';
import { Call } from './call';
import {
  FINITE_AT,
  joinHigh,
  joinLow,
  kept,
  LOWER_AT,
  lowerHalves,
  MAGNITUDES16_AT,
  nearestBfloat16,
  nearestHalf,
  ONES_AT,
  upperHalves,
  wideOf,
} from './half';
import { BFLOAT16, Bfloat16, isYes, NO_ACTIVATION, NORMALIZE, THREE_LINES } from './kinds';

/** Numbers of a vector. Rows of a multiple of them are gone along. */
export const EIGHT: usize = 8;

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

/** Four of eight numbers: the first or the even ones. */
function firstOf<ALONG>(halves: v128): v128 {
  return isYes<ALONG>() ? i32x4.shl(halves, 16) : joinLow(i32x4.splat(0), halves);
}
/** The others. */
function othersOf<ALONG>(halves: v128, lower: v128): v128 {
  return isYes<ALONG>() ? v128.andnot(halves, lower) : joinHigh(i32x4.splat(0), halves);
}

/** What four numbers are computed with. */
function first<ALONG>(p: usize): v128 {
  return isYes<ALONG>() ? v128.load32_splat(p) : v128.load(p);
}
/** What the others are computed with. */
function others<ALONG>(p: usize): v128 {
  return isYes<ALONG>() ? v128.load32_splat(p) : v128.load(p, 16);
}

/** The upper halves of eight numbers, in order. */
function uppersOf<ALONG>(a: v128, b: v128): v128 {
  return isYes<ALONG>() ? i16x8.shuffle(i32x4.shr_u(a, 16), b, 0, 9, 2, 11, 4, 13, 6, 15) : upperHalves(a, b);
}
function lowersOf<ALONG>(a: v128, b: v128, lower: v128): v128 {
  return isYes<ALONG>() ? i16x8.shuffle(a, i32x4.shl(b, 16), 0, 9, 2, 11, 4, 13, 6, 15) : lowerHalves(a, b, lower);
}

/** From the coefficients of one number to those of the next. */
function step<ALONG>(): usize {
  return isYes<ALONG>() ? 0 : 4;
}

/** Elements one by one. */
function normalizeFew<ALONG>(y: usize, x: usize, end: usize, center: usize, apart: usize, floor: f32): void {
  for (; x < end; x += 2, y += 2, center += step<ALONG>()) {
    const d = loadOne(x) - load<f32>(center);
    const z = <f32>(d * load<f32>(center + apart)) + load<f32>(center + 2 * apart);
    storeOne(y, z <= floor ? floor : z);
  }
}

/**
 * y of `length` elements from element k on. Their centers begin at `center`, their other coefficients `apart` bytes
 * further on each.
 */
export function normalizeBfloat16<ALONG>(call: Call, k: usize, length: usize, center: usize, apart: usize): void {
  const floor: f32 = call.activation == NO_ACTIVATION ? -Infinity : 0;
  // No number is below the least whole one.
  const floors = i16x8.splat(call.activation == NO_ACTIVATION ? -32768 : 0);
  const lower = kept(LOWER_AT);
  const ones = kept(ONES_AT);
  const magnitudes = kept(MAGNITUDES16_AT);
  const finite = kept(FINITE_AT);
  let y = call.output + (k << 1);
  let x = call.x + (k << 1);
  const end = x + (length << 1);
  // Numbers that may be NaN, which are as infinite ones here, are left to single ones behind the loop: a call in it
  // would take its registers.
  while (true) {
    for (; x + 16 <= end; x += 16, y += 16, center += 8 * step<ALONG>()) {
      const scale = center + apart;
      const offset = scale + apart;
      const halves = v128.load(x);
      let a = f32x4.sub(firstOf<ALONG>(halves), first<ALONG>(center));
      let b = f32x4.sub(othersOf<ALONG>(halves, lower), others<ALONG>(center));
      a = f32x4.mul(a, first<ALONG>(scale));
      b = f32x4.mul(b, others<ALONG>(scale));
      a = f32x4.add(a, first<ALONG>(offset));
      b = f32x4.add(b, others<ALONG>(offset));
      const uppers = uppersOf<ALONG>(a, b);
      if (i8x16.bitmask(i16x8.gt_s(v128.and(uppers, magnitudes), finite)) != 0) break;
      v128.store(y, i16x8.max_s(nearestBfloat16(uppers, lowersOf<ALONG>(a, b, lower), ones), floors));
    }
    if (x + 16 > end) break;
    normalizeFew<ALONG>(y, x, x + 16, center, apart, floor);
    x += 16;
    y += 16;
    center += 8 * step<ALONG>();
  }
  normalizeFew<ALONG>(y, x, end, center, apart, floor);
}

/** Elements one by one. */
function inputFew<ALONG>(dx: usize, dy: usize, x: usize, end: usize, center: usize, apart: usize, gates: bool): void {
  for (; x < end; x += 2, dy += 2, dx += 2, center += step<ALONG>()) {
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
export function inputBfloat16<ALONG>(call: Call, k: usize, length: usize, center: usize, apart: usize): void {
  const gates = call.activation != NO_ACTIVATION;
  const always = i32x4.splat(gates ? 0 : -1);
  const zero = i32x4.splat(0);
  const lower = kept(LOWER_AT);
  const ones = kept(ONES_AT);
  let dx = call.output + (k << 1);
  let dy = call.dy + (k << 1);
  let x = call.x + (k << 1);
  const end = x + (length << 1);
  // Numbers that may be NaN are left to single ones behind the loop: a call in it would take its registers.
  while (true) {
    for (; x + 16 <= end; x += 16, dy += 16, dx += 16, center += 8 * step<ALONG>()) {
      const halves = v128.load(x);
      const gradients = v128.load(dy);
      const scale = center + apart;
      const offset = scale + apart;
      const slope = offset + apart;
      const rest = slope + apart;
      const lowD = f32x4.sub(firstOf<ALONG>(halves), first<ALONG>(center));
      const highD = f32x4.sub(othersOf<ALONG>(halves, lower), others<ALONG>(center));
      const lowScale = first<ALONG>(scale);
      const highScale = others<ALONG>(scale);
      const lowZ = f32x4.add(f32x4.mul(lowD, lowScale), first<ALONG>(offset));
      const highZ = f32x4.add(f32x4.mul(highD, highScale), others<ALONG>(offset));
      const lowG = v128.and(firstOf<ALONG>(gradients), v128.or(f32x4.gt(lowZ, zero), always));
      const highG = v128.and(othersOf<ALONG>(gradients, lower), v128.or(f32x4.gt(highZ, zero), always));
      const lowSlope = f32x4.mul(lowD, first<ALONG>(slope));
      const highSlope = f32x4.mul(highD, others<ALONG>(slope));
      const lowRest = f32x4.add(lowSlope, first<ALONG>(rest));
      const highRest = f32x4.add(highSlope, others<ALONG>(rest));
      const low = f32x4.sub(f32x4.mul(lowG, lowScale), lowRest);
      const high = f32x4.sub(f32x4.mul(highG, highScale), highRest);
      if (mayBeNan(f32x4.add(low, high), f32x4.add(lowZ, highZ))) break;
      v128.store(dx, nearestBfloat16(uppersOf<ALONG>(low, high), lowersOf<ALONG>(low, high, lower), ones));
    }
    if (x + 16 > end) break;
    inputFew<ALONG>(dx, dy, x, x + 16, center, apart, gates);
    x += 16;
    dy += 16;
    dx += 16;
    center += 8 * step<ALONG>();
  }
  inputFew<ALONG>(dx, dy, x, end, center, apart, gates);
}
