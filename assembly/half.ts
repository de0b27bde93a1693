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
/** The first power of two above the numbers of float16. */
const TOO_LARGE: u32 = 143 << 23;
/** 1/2, whose neighbours lie as far apart as the subnormal numbers of float16: adding it rounds to these. */
const HALF: u32 = 126 << 23;

/** Elements that are converted at a time. */
const STEP: usize = 8;

/** The bits of the float32 that is equal to 16 bits, which are the upper ones here. */
function wideOf<FROM>(upper: u32): u32 {
  if (isBfloat16<FROM>()) return upper;
  const magnitude = (upper & ~SIGN) >> 3;
  // The first is right for normal numbers, the second for subnormal ones, and the other one larger.
  const normal = magnitude + RAISE;
  const raised = reinterpret<f32>(normal + LEAST_EXPONENT);
  const subnormal = reinterpret<u32>(raised - reinterpret<f32>(LEAST_NORMAL));
  return min(normal, subnormal) | (magnitude >= INFINITE16 ? INFINITE : 0) | (upper & SIGN);
}

/** wideOf, of four. */
function wideVector<FROM>(upper: v128): v128 {
  if (isBfloat16<FROM>()) return upper;
  const sign = i32x4.splat(SIGN);
  const magnitude = i32x4.shr_u(v128.andnot(upper, sign), 3);
  const normal = i32x4.add(magnitude, i32x4.splat(RAISE));
  const raised = i32x4.add(normal, i32x4.splat(LEAST_EXPONENT));
  const subnormal = f32x4.sub(raised, i32x4.splat(LEAST_NORMAL));
  const infinite = v128.and(i32x4.ge_s(magnitude, i32x4.splat(INFINITE16)), i32x4.splat(INFINITE));
  return v128.or(v128.or(i32x4.min_s(normal, subnormal), infinite), v128.and(upper, sign));
}

/** The 16 bits nearest to the float32 of these bits, of two the even ones. A carry goes up into the exponent. */
function nearestHalf<TO>(bits: u32): u32 {
  const magnitude = bits & ~SIGN;
  if (isBfloat16<TO>()) {
    return magnitude > INFINITE ? (bits >> 16) | 0x40 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  }
  const sign = (bits >> 16) & 0x8000;
  if (magnitude > INFINITE) return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff);
  const limited = min(magnitude, TOO_LARGE);
  if (limited >= LEAST_NORMAL) return sign | ((limited - RAISE + 0xfff + ((limited >> 13) & 1)) >> 13);
  return sign | (reinterpret<u32>(reinterpret<f32>(limited) + reinterpret<f32>(HALF)) - HALF);
}

/** nearestHalf, of four. */
function nearestVector<TO>(bits: v128): v128 {
  const isNumber = f32x4.eq(bits, bits);
  const one = i32x4.splat(1);
  if (isBfloat16<TO>()) {
    const upper = i32x4.shr_u(bits, 16);
    const carried = i32x4.add(i32x4.add(bits, i32x4.splat(0x7fff)), v128.and(upper, one));
    return v128.bitselect(i32x4.shr_u(carried, 16), v128.or(upper, i32x4.splat(0x40)), isNumber);
  }
  const magnitude = v128.andnot(bits, i32x4.splat(SIGN));
  const limited = i32x4.min_s(magnitude, i32x4.splat(TOO_LARGE));
  const odd = v128.and(i32x4.shr_u(limited, 13), one);
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(limited, i32x4.splat(0xfff - RAISE)), odd), 13);
  const half = i32x4.splat(HALF);
  const subnormal = i32x4.sub(f32x4.add(limited, half), half);
  const number = v128.bitselect(subnormal, normal, i32x4.lt_s(limited, i32x4.splat(LEAST_NORMAL)));
  const payload = v128.or(v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(0x3ff)), i32x4.splat(0x200));
  const sign = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(0x8000));
  return v128.or(v128.or(number, sign), v128.andnot(payload, isNumber));
}

function widenAs<FROM>(to: usize, from: usize, count: usize): void {
  let k: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const zero = i32x4.splat(0);
    for (; k + STEP <= count; k += STEP, from += 16, to += 32) {
      const halves = v128.load(from);
      v128.store(to, wideVector<FROM>(i16x8.shuffle(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11)));
      v128.store(to, wideVector<FROM>(i16x8.shuffle(zero, halves, 4, 12, 5, 13, 6, 14, 7, 15)), 16);
    }
  }
  for (; k < count; ++k, from += 2, to += 4) store<u32>(to, wideOf<FROM>((<u32>load<u16>(from)) << 16));
}

function roundAs<TO>(to: usize, from: usize, count: usize): void {
  let k: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; k + STEP <= count; k += STEP, from += 32, to += 16) {
      const low = nearestVector<TO>(v128.load(from));
      v128.store(to, i16x8.narrow_i32x4_u(low, nearestVector<TO>(v128.load(from, 16))));
    }
  }
  for (; k < count; ++k, from += 4, to += 2) store<u16>(to, <u16>nearestHalf<TO>(load<u32>(from)));
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
