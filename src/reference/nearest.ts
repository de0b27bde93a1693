// A rational number rounded once.

const PRECISION = 53;
/** The exponent of the least float64. */
const LEAST = -1074;

/** Bits of an integer above 0. */
function lengthOf(integer: bigint): number {
  const digits = integer.toString(16);
  return 4 * digits.length - Math.clz32(Number.parseInt(digits[0], 16)) + 28;
}

/**
 * The float64 nearest to numerator/denominator·2^exponent, of two the even one; +0 for zero. The denominator is above
 * 0, and the result is in the range of float64.
 */
export function nearest(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator < 0n) return 0 - nearest(-numerator, denominator, exponent);
  if (numerator === 0n) return 0;
  // The quotient in units of 2^unit has 53 bits with this unit or the next, or fewer where it is subnormal.
  const first = lengthOf(numerator) - lengthOf(denominator) - PRECISION + exponent;
  let unit = Math.max(first, LEAST);
  let [whole, ordering] = divide(numerator, denominator, unit - exponent);
  if (whole >= 2n ** 53n) [whole, ordering] = divide(numerator, denominator, ++unit - exponent);
  if (ordering > 0 || (ordering === 0 && whole % 2n === 1n)) whole += 1n;
  return Number(whole) * 2 ** unit;
}

/** ⌊numerator/(denominator·2^shift)⌋, and whether what is left is less (−1), as much (0) or more (1) than a half. */
function divide(numerator: bigint, denominator: bigint, shift: number): [whole: bigint, ordering: number] {
  const top = shift < 0 ? numerator << BigInt(-shift) : numerator;
  const bottom = shift > 0 ? denominator << BigInt(shift) : denominator;
  const whole = top / bottom;
  const twice = 2n * (top - whole * bottom);
  return [whole, twice < bottom ? -1 : twice > bottom ? 1 : 0];
}
