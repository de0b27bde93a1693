// float16 and bfloat16, as bits: docs/numerics.md, section 11.
import type { HalfDtype } from '../kernels.js';

/** Bits of float32: its sign, and what is above every number. */
const SIGN = 0x80000000;
const INFINITE = 0x7f800000;

/** A number of 16 bits beside float32: where it has fewer bits of significand, and where its exponents end. */
interface Format {
  /** Bits of a significand that it lacks. */
  readonly dropped: number;
  /** Its infinity, and the bit that makes NaN quiet. */
  readonly infinite: number;
  readonly quiet: number;
  /** Bits of its least normal number, and of the first power of two above its numbers, as float32. */
  readonly leastNormal: number;
  readonly tooLarge: number;
}

const FORMATS: Readonly<Record<HalfDtype, Format>> = {
  float16: { dropped: 13, infinite: 0x7c00, quiet: 0x200, leastNormal: 0x38800000, tooLarge: 0x47800000 },
  bfloat16: { dropped: 16, infinite: 0x7f80, quiet: 0x40, leastNormal: 0x00800000, tooLarge: INFINITE },
};

/** value / 2^shift to the nearest integer, of two the even one. */
function shifted(value: number, shift: number): number {
  return (value + ((1 << (shift - 1)) - 1) + ((value >>> shift) & 1)) >>> shift;
}

/** The 16 bits nearest to the float32 of these bits. Rounding up carries into the exponent by itself. */
function nearestHalf(bits: number, { dropped, infinite, quiet, leastNormal, tooLarge }: Format): number {
  const sign = (bits & SIGN) >>> 16;
  const magnitude = bits & ~SIGN;
  if (magnitude > INFINITE) return sign | infinite | quiet | ((magnitude & ~INFINITE) >>> dropped);
  if (magnitude >= tooLarge) return sign | infinite;
  const least = leastNormal >>> 23;
  if (magnitude >= leastNormal) return sign | shifted(magnitude - ((least - 1) << 23), dropped);
  // Subnormal: the significand in units of the least number. From 25 bits on nothing of it is left.
  const exponent = Math.max(magnitude >>> 23, 1);
  const significand = (magnitude & ~INFINITE) | (magnitude >= 0x00800000 ? 0x00800000 : 0);
  const shift = dropped + least - exponent;
  return shift > 24 ? sign : sign | shifted(significand, shift);
}

/** Whether these 16 bits are NaN. */
export function isNaNHalf(half: number, dtype: HalfDtype): boolean {
  return (half & 0x7fff) > FORMATS[dtype].infinite;
}

/** The bits of the float32 that is equal to these 16 bits. */
function wideBits(half: number, { dropped, infinite, quiet, leastNormal }: Format): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  const offset = (leastNormal - 0x00800000) & INFINITE;
  if (magnitude >= infinite) return sign | INFINITE | ((magnitude - infinite) << dropped);
  if (magnitude >= 2 * quiet || offset === 0) return sign | ((magnitude << dropped) + offset);
  if (magnitude === 0) return sign;
  // Subnormal: its highest bit moves to where it is not written.
  const up = Math.clz32(magnitude) - Math.clz32(2 * quiet);
  return sign | ((magnitude << (dropped + up)) + offset - (up << 23));
}

/** The bits of all float32 that a format has, in the order of its own bits. */
function tableOf(format: Format): Int32Array {
  return Int32Array.from({ length: 2 ** 16 }, (_, half) => wideBits(half, format));
}

const tables = /* @__PURE__ */ new Map<HalfDtype, Int32Array>();

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Int32Array(buffer, byteOffset, length);

/** contract: src/kernels.ts, widen */
export function widen(to: Float32Array, from: Uint16Array, dtype: HalfDtype): void {
  const table = tables.get(dtype) ?? tableOf(FORMATS[dtype]);
  tables.set(dtype, table);
  const bits = bitsOf(to);
  for (let k = 0; k < bits.length; k++) bits[k] = table[from[k]];
}

/** contract: src/kernels.ts, round */
export function round(to: Uint16Array, from: Float32Array, dtype: HalfDtype): void {
  const format = FORMATS[dtype];
  const bits = bitsOf(from);
  for (let k = 0; k < bits.length; k++) to[k] = nearestHalf(bits[k], format);
}
