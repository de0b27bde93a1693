// Sums as whole numbers in limbs of 32 bits, kept in float64: docs/numerics.md, section 10, and RECORD in
// src/kernels.ts.

/** Limbs and counts of the two sums of a record, in numbers. */
export const RECORD_BYTES: usize = 35 * 8;
export const FIRST_LIMBS: usize = 10;
export const FIRST_COUNTS: usize = 10 * 8;
export const SECOND: usize = 13 * 8;
export const SECOND_LIMBS: usize = 19;
export const SECOND_COUNTS: usize = 32 * 8;

const LIMB: f64 = 4294967296;

function increase(at: usize, by: f64): void {
  store<f64>(at, load<f64>(at) + by);
}

/**
 * Adds units·2^shift to the limbs at `sum`; |units| is below 2⁶². They are carried later: after 2¹⁹ of these at most.
 * Where the shift is below 0, units is a multiple of its power.
 */
export function addShifted(sum: usize, units: i64, shift: i32): void {
  if (shift < 0) {
    units = shift > -64 ? units >> -shift : 0;
    shift = 0;
  }
  const rest = <i64>(shift & 31);
  addLimbs(sum + ((<usize>(shift >> 5)) << 3), (units & 0xffffffff) << rest, (units >> 32) << rest);
}

/** Adds low + high·2³² to the limbs from `at` on. */
export function addLimbs(at: usize, low: i64, high: i64): void {
  increase(at, <f64>(low & 0xffffffff));
  increase(at + 8, <f64>((low >> 32) + (high & 0xffffffff)));
  increase(at + 16, <f64>(high >> 32));
}

/** Brings every limb but the last into [0, 2³²), and keeps the sum. */
function carrySum(sum: usize, limbs: usize): void {
  for (let at = sum; at < sum + ((limbs - 1) << 3); at += 8) {
    const limb = load<f64>(at);
    if (limb >= 0 && limb < LIMB) continue;
    const over = floor<f64>(limb * (1 / LIMB));
    increase(at, -over * LIMB);
    increase(at + 8, over);
  }
}

export function carry(record: usize): void {
  carrySum(record, FIRST_LIMBS);
  carrySum(record + SECOND, SECOND_LIMBS);
}

/** Counts a term that is not finite. */
export function countOdd(counts: usize, term: f64): void {
  increase(counts + (term == Infinity ? 0 : term == -Infinity ? 8 : 16), 1);
}

/** Whether all terms of a sum were finite. */
export function allFinite(counts: usize): bool {
  return load<f64>(counts) == 0 && load<f64>(counts + 8) == 0 && load<f64>(counts + 16) == 0;
}

/** The value of a sum with terms that are not finite. */
export function oddSum(counts: usize): f64 {
  if (load<f64>(counts + 16) != 0) return NaN;
  if (load<f64>(counts) == 0) return -Infinity;
  return load<f64>(counts + 8) == 0 ? Infinity : NaN;
}
