// Whole numbers of any size, and the float64 nearest to a quotient of them: what exact sums come to where pairs of
// float64 do not decide it. A number is LIMBS limbs of 32 bits, the lowest first, in two's complement.

/** Room for H in units of 2⁻¹²²³, and for what is taken from it. */
const LIMBS: usize = 54;
export const INTEGER_BYTES: usize = LIMBS << 2;
/** The exponent of the least float64. */
export const LEAST: i32 = -1074;

export function clear(to: usize): void {
  memory.fill(to, 0, INTEGER_BYTES);
}

/** to ← |sum|, of a record; whether it was below 0. */
export function read(to: usize, sum: usize, limbs: usize): bool {
  clear(to);
  for (let i: usize = 0; i < limbs; ++i) store<u32>(to + (i << 2), <u32>(<i64>load<f64>(sum + (i << 3))));
  if (load<f64>(sum + ((limbs - 1) << 3)) >= 0) return false;
  memory.fill(to + (limbs << 2), 0xff, INTEGER_BYTES - (limbs << 2));
  negate(to);
  return true;
}

export function negate(to: usize): void {
  let sum: u64 = 1;
  for (const end = to + INTEGER_BYTES; to < end; to += 4) {
    sum += <u64>load<u32>(to) ^ 0xffffffff;
    store<u32>(to, <u32>sum);
    sum >>= 32;
  }
}

/** to += a·factor·2^(32·at) */
function addRow(to: usize, a: usize, factor: u64, at: usize): void {
  let carry: u64 = 0;
  for (let k: usize = at << 2; k < INTEGER_BYTES; k += 4, a += 4) {
    carry += <u64>load<u32>(to + k) + <u64>load<u32>(a) * factor;
    store<u32>(to + k, <u32>carry);
    carry >>= 32;
  }
}

/** to += a·b·2^shift, where a is not below 0. */
export function addProduct(to: usize, a: usize, b: u64, shift: usize): void {
  for (let at = shift >> 5; b != 0; b >>= 32, ++at) {
    const factor = (b & 0xffffffff) << (<u64>shift & 31);
    addRow(to, a, factor & 0xffffffff, at);
    addRow(to, a, factor >> 32, at + 1);
  }
}

/** to −= a², where a is not below 0. */
export function subtractSquare(to: usize, a: usize): void {
  negate(to);
  for (let i: usize = 0; i < LIMBS; ++i) addRow(to, a, load<u32>(a + (i << 2)), i);
  negate(to);
}

function bitsOf(a: usize): i32 {
  let at = a + INTEGER_BYTES;
  while (at > a && load<u32>(at - 4) == 0) at -= 4;
  return at == a ? 0 : ((<i32>(at - a)) << 3) - <i32>clz(load<u32>(at - 4));
}

/** to ← a·2^up, rounded down; whether bits were lost. */
function shifted(to: usize, a: usize, up: i32): bool {
  clear(to);
  let lost: u32 = 0;
  for (let i: i32 = 0; i < <i32>LIMBS; ++i) {
    const moved = (<u64>load<u32>(a + ((<usize>i) << 2))) << (<u64>(up & 31));
    lost |= put(to, i + (up >> 5), <u32>moved) | put(to, i + (up >> 5) + 1, <u32>(moved >> 32));
  }
  return lost != 0;
}

/** Adds to an empty part of limb `at`; what is below the first limb is lost, and returned. */
function put(to: usize, at: i32, bits: u32): u32 {
  if (at < 0) return bits;
  if (at < <i32>LIMBS) store<u32>(to + ((<usize>at) << 2), load<u32>(to + ((<usize>at) << 2)) | bits);
  return 0;
}

/** a ← ⌊a/divisor⌋; whether something was left. The divisor is below 2⁴⁸. */
function divide(a: usize, divisor: u64): bool {
  let rest: u64 = 0;
  for (let at = a + INTEGER_BYTES - 2; at >= a; at -= 2) {
    rest = (rest << 16) | <u64>load<u16>(at);
    store<u16>(at, <u16>(rest / divisor));
    rest %= divisor;
  }
  return rest != 0;
}

/**
 * The float64 nearest to a·2^exponent/divisor^power, of two the even one; a is not below 0. What is at a is lost, and
 * at `other`.
 */
export function nearest(a: usize, other: usize, exponent: i32, divisor: u64, power: i32): f64 {
  // Less than 2⁴⁸, twice, is divided away: 64 bits are left at least.
  const up = 64 + 96 - bitsOf(a);
  let isInexact = shifted(other, a, up);
  for (let i = 0; i < power; ++i) if (divide(other, divisor)) isInexact = true;
  const bits = bitsOf(other);
  if (bits == 0) return 0;
  exponent -= up;
  // A subnormal number has fewer bits than 53.
  const cut = max(bits - 53, LEAST - exponent);
  // One bit more than is kept.
  if (shifted(a, other, 1 - cut)) isInexact = true;
  let kept = load<u64>(a);
  const isHalf = (kept & 1) != 0;
  kept >>= 1;
  if (isHalf && (isInexact || (kept & 1) != 0)) ++kept;
  return scaled(<f64>kept, exponent + cut);
}

/** value·2^exponent, in steps that are not rounded: from 2⁵³ down to a multiple of the least float64. */
function scaled(value: f64, exponent: i32): f64 {
  for (; exponent < -1000; exponent += 1000) value *= powerOfTwo(-1000);
  for (; exponent > 1000; exponent -= 1000) value *= powerOfTwo(1000);
  return value * powerOfTwo(exponent);
}

/** 2^exponent, of a normal float64. */
export function powerOfTwo(exponent: i32): f64 {
  return reinterpret<f64>((<u64>(exponent + 1023)) << 52);
}
