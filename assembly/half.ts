// float16 and bfloat16, as bits: docs/numerics.md, section 11.
import { BFLOAT16, Bfloat16, Float16, isBfloat16 } from './kinds';

/** Bits of float32: the sign, and what is above every number. */
const SIGN: u32 = 0x80000000;
const INFINITE: u32 = 0x7f800000;
/** float16 beside float32: what its exponents lack, its infinity after that, and its least normal number. */
const RAISE: u32 = 112 << 23;
const LEAST_EXPONENT: u32 = 1 << 23;
const INFINITE16: u32 = 31 << 23;
const LEAST_NORMAL: u32 = 113 << 23;
/** 2¹¹²: by so much the exponents of float16 are less, where they have the same bits. */
const POWER: u32 = 239 << 23;
/** The first power of two above the numbers of float16. */
const TOO_LARGE: u32 = 143 << 23;
/** 2¹³ as a difference of exponents: how much longer the significand of float32 is. */
const ROUNDING: u32 = 13 << 23;

/** Elements that are converted at a time. */
const STEP: usize = 8;
/**
 * Where constants of vectors are, between what threads agree by and the record of the call. V8 makes a constant that it
 * knows anew in every round of a loop, by four instructions; one that was read it keeps in a register.
 */
const CONSTANTS: usize = 1024;
const SIGN_AT: usize = CONSTANTS;
const MAGNITUDES_AT: usize = CONSTANTS + 4;
const POWER_AT: usize = CONSTANTS + 8;
export const LOWER_AT: usize = CONSTANTS + 12;
export const ONES_AT: usize = CONSTANTS + 16;
const SIGNS_AT: usize = CONSTANTS + 20;
const LARGEST_AT: usize = CONSTANTS + 24;
const EXPONENTS_AT: usize = CONSTANTS + 28;
const LEAST_NORMALS_AT: usize = CONSTANTS + 32;
const LARGEST_POWERS_AT: usize = CONSTANTS + 36;
const ROUNDINGS_AT: usize = CONSTANTS + 40;
const LOWEST_AT: usize = CONSTANTS + 44;
export const MAGNITUDES16_AT: usize = CONSTANTS + 48;
export const FINITE_AT: usize = CONSTANTS + 52;

/** The bits of the float32 that is equal to 16 bits, which are the upper ones here. */
export function wideOf<FROM>(upper: u32): u32 {
  if (isBfloat16<FROM>()) return upper;
  const magnitude = (upper & ~SIGN) >> 3;
  // The first is right for normal numbers, Infinity and NaN, the second for subnormal numbers, and the other is larger.
  const normal = magnitude + RAISE + (magnitude >= INFINITE16 ? RAISE : 0);
  const raised = reinterpret<f32>(normal + LEAST_EXPONENT);
  const subnormal = reinterpret<u32>(raised - reinterpret<f32>(LEAST_NORMAL));
  return min(normal, subnormal) | (upper & SIGN);
}

/** The 16 bits nearest to the float32 of these bits, of two the even ones. A carry goes up into the exponent. */
export function nearestHalf<TO>(bits: u32): u32 {
  const magnitude = bits & ~SIGN;
  if (isBfloat16<TO>()) {
    return magnitude > INFINITE ? (bits >> 16) | 0x40 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  }
  const sign = (bits & SIGN) >> 16;
  if (magnitude > INFINITE) return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff);
  // In the sum with a power of two the last bit is worth what that of the result is, and so it is rounded.
  const limited = min(magnitude, TOO_LARGE);
  const power = max(limited & INFINITE, LEAST_NORMAL);
  const sum = reinterpret<f32>(limited) + reinterpret<f32>(power + ROUNDING);
  return sign | (reinterpret<u32>(sum) - (power + ROUNDING) + ((power - LEAST_NORMAL) >> 13));
}

/** Writes the constants that `kept` reads, at the beginning of a call. */
export function prepareConstants(): void {
  if (!ASC_FEATURE_SIMD) return;
  keep(SIGN_AT, SIGN);
  keep(MAGNITUDES_AT, 0x8fffffff);
  keep(POWER_AT, POWER);
  keep(LOWER_AT, 0xffff);
  keepPairs(ONES_AT, 1 << 16);
  keepPairs(SIGNS_AT, SIGN);
  keepPairs(LARGEST_AT, 0x7bff0000);
  keepPairs(EXPONENTS_AT, INFINITE);
  keepPairs(LEAST_NORMALS_AT, LEAST_NORMAL);
  keepPairs(LARGEST_POWERS_AT, TOO_LARGE - (1 << 23));
  keepPairs(ROUNDINGS_AT, ROUNDING);
  keepPairs(LOWEST_AT, LEAST_NORMAL << 3);
  keepPairs(MAGNITUDES16_AT, ~SIGN & 0xffff0000);
  keepPairs(FINITE_AT, 0x7f7f0000);
}

function keep(at: usize, bits: u32): void {
  store<u32>(at, bits);
}
/** The upper 16 bits, twice. */
function keepPairs(at: usize, bits: u32): void {
  store<u32>(at, bits | (bits >> 16));
}

/** A constant in each element. */
export function kept(at: usize): v128 {
  return v128.load32_splat(at);
}

/** The lower and the upper four of eight pairs of 16 bits, the latter of each pair in front. */
export function joinLow(lower: v128, upper: v128): v128 {
  return i16x8.shuffle(lower, upper, 0, 8, 1, 9, 2, 10, 3, 11);
}
export function joinHigh(lower: v128, upper: v128): v128 {
  return i16x8.shuffle(lower, upper, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** As many elements as fill vectors. */
function widenBfloat16(to: usize, from: usize, count: usize): usize {
  const zero = i32x4.splat(0);
  let k: usize = 0;
  for (; k + STEP <= count; k += STEP, from += 16, to += 32) {
    const halves = v128.load(from);
    v128.store(to, joinLow(zero, halves));
    v128.store(to, joinHigh(zero, halves), 16);
  }
  return k;
}

/** The float32 of four of float16, none of which is infinite or NaN, in the upper half of each element. */
function wideFloat16(uppers: v128, mask: v128, power: v128): v128 {
  // The sign is where it belongs, and the rest, of which the mask leaves no copies of the sign, lacks 2¹¹².
  return f32x4.mul(v128.and(i32x4.shr_s(uppers, 3), mask), power);
}

/** As many elements as fill vectors, until one of these has Infinity or NaN. */
function widenFloat16(to: usize, from: usize, count: usize): usize {
  const zero = i32x4.splat(0);
  const signs = kept(SIGNS_AT);
  const largest = kept(LARGEST_AT);
  const mask = kept(MAGNITUDES_AT);
  const power = kept(POWER_AT);
  let k: usize = 0;
  for (; k + STEP <= count; k += STEP, from += 16, to += 32) {
    const halves = v128.load(from);
    if (i8x16.bitmask(i16x8.gt_s(v128.andnot(halves, signs), largest)) != 0) break;
    v128.store(to, wideFloat16(joinLow(zero, halves), mask, power));
    v128.store(to, wideFloat16(joinHigh(zero, halves), mask, power), 16);
  }
  return k;
}

/** The upper halves of eight elements. */
export function upperHalves(low: v128, high: v128): v128 {
  return i16x8.narrow_i32x4_u(i32x4.shr_u(low, 16), i32x4.shr_u(high, 16));
}

/** The lower halves of eight elements. */
export function lowerHalves(low: v128, high: v128, lower: v128): v128 {
  return i16x8.narrow_i32x4_u(v128.and(low, lower), v128.and(high, lower));
}

/**
 * The bfloat16 nearest to each of eight numbers in halves, none of which is NaN: it is the next one where the lower
 * half is above one half, or is one half and the upper half is odd.
 */
export function nearestBfloat16(uppers: v128, lowers: v128, ones: v128): v128 {
  return i16x8.sub(uppers, i16x8.shr_s(i16x8.sub_sat_u(lowers, v128.andnot(ones, uppers)), 15));
}

function roundEight(low: v128, high: v128, lower: v128, ones: v128): v128 {
  return nearestBfloat16(upperHalves(low, high), lowerHalves(low, high, lower), ones);
}

/** As many elements as fill two vectors, until these may have NaN. */
function roundToBfloat16(to: usize, from: usize, count: usize): usize {
  const lower = kept(LOWER_AT);
  const ones = kept(ONES_AT);
  let k: usize = 0;
  for (; k + 2 * STEP <= count; k += 2 * STEP, from += 64, to += 32) {
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    const d = v128.load(from, 48);
    // It is NaN where something is, or where infinities of both signs meet.
    const sum = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
    if (i32x4.bitmask(f32x4.ne(sum, sum)) != 0) break;
    v128.store(to, roundEight(a, b, lower, ones));
    v128.store(to, roundEight(c, d, lower, ones), 16);
  }
  return k;
}

/** As many elements as fill vectors, until one of these has what is infinite or NaN: nearestHalf, partly in pairs. */
function roundToFloat16(to: usize, from: usize, count: usize): usize {
  const zero = i32x4.splat(0);
  const sign = kept(SIGN_AT);
  const signs = kept(SIGNS_AT);
  const exponents = kept(EXPONENTS_AT);
  const leastNormal = kept(LEAST_NORMALS_AT);
  const largestPower = kept(LARGEST_POWERS_AT);
  const rounding = kept(ROUNDINGS_AT);
  const lowest = kept(LOWEST_AT);
  const largest = kept(LARGEST_AT);
  let k: usize = 0;
  for (; k + STEP <= count; k += STEP, from += 32, to += 16) {
    const low = v128.load(from);
    const high = v128.load(from, 16);
    const upper = i16x8.narrow_i32x4_u(i32x4.shr_u(low, 16), i32x4.shr_u(high, 16));
    const power = i16x8.min_s(i16x8.max_s(v128.and(upper, exponents), leastNormal), largestPower);
    const raised = i16x8.add(power, rounding);
    const lowPower = joinLow(zero, raised);
    const highPower = joinHigh(zero, raised);
    const lowBits = i32x4.sub(f32x4.add(v128.andnot(low, sign), lowPower), lowPower);
    const highBits = i32x4.sub(f32x4.add(v128.andnot(high, sign), highPower), highPower);
    const exponent = i16x8.sub(i16x8.shl(power, 3), lowest);
    const half = i16x8.add_sat_s(i16x8.narrow_i32x4_s(lowBits, highBits), exponent);
    if (i8x16.bitmask(i16x8.gt_s(half, largest)) != 0) break;
    v128.store(to, v128.or(half, v128.and(upper, signs)));
  }
  return k;
}

function widenAs<FROM>(to: usize, from: usize, count: usize): void {
  let k: usize = 0;
  while (k < count) {
    if (ASC_FEATURE_SIMD) {
      if (isBfloat16<FROM>()) k += widenBfloat16(to + (k << 2), from + (k << 1), count - k);
      else k += widenFloat16(to + (k << 2), from + (k << 1), count - k);
    }
    for (const end = min(k + STEP, count); k < end; ++k) {
      store<u32>(to + (k << 2), wideOf<FROM>((<u32>load<u16>(from + (k << 1))) << 16));
    }
  }
}

function roundAs<TO>(to: usize, from: usize, count: usize): void {
  let k: usize = 0;
  while (k < count) {
    if (ASC_FEATURE_SIMD) {
      if (isBfloat16<TO>()) k += roundToBfloat16(to + (k << 1), from + (k << 2), count - k);
      else k += roundToFloat16(to + (k << 1), from + (k << 2), count - k);
    }
    for (const end = min(k + STEP, count); k < end; ++k) {
      store<u16>(to + (k << 1), <u16>nearestHalf<TO>(load<u32>(from + (k << 2))));
    }
  }
}

/** float32 ← 16 bits of the type with this number in kinds.ts. contract: src/kernels.ts, widen */
export function widen(half: i32, to: usize, from: usize, count: usize): void {
  if (half == BFLOAT16) widenAs<Bfloat16>(to, from, count);
  else widenAs<Float16>(to, from, count);
}

/** 16 bits ← float32. contract: src/kernels.ts, round */
export function round(half: i32, to: usize, from: usize, count: usize): void {
  if (half == BFLOAT16) roundAs<Bfloat16>(to, from, count);
  else roundAs<Float16>(to, from, count);
}
