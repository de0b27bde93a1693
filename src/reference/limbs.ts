// Sums as whole numbers in limbs of 32 bits: docs/numerics.md, section 10, and RECORD in src/kernels.ts.

/** Where one sum lies in a record. */
export interface Place {
  readonly at: number;
  readonly limbs: number;
  readonly counts: number;
}

const LIMB = 2 ** 32;

/** Adds units·2^shift, where units is a whole number below 2⁵³. Three limbs take it; they are carried later. */
export function addShifted(numbers: Float64Array, at: number, units: number, shift: number): void {
  const k = at + (shift >>> 5);
  // Scaled by a power of two, cut at limbs towards 0: each step is exact, and the parts have the sign of the whole.
  const scaled = (units * 2 ** (shift & 31)) / (LIMB * LIMB);
  const high = Math.trunc(scaled);
  const rest = (scaled - high) * LIMB;
  const middle = Math.trunc(rest);
  const low = (rest - middle) * LIMB;
  numbers[k] += low;
  if (middle !== 0) numbers[k + 1] += middle;
  if (high !== 0) numbers[k + 2] += high;
}

/** Brings every limb but the last into [0, 2³²), and keeps the sum. */
export function carry(numbers: Float64Array, at: number, limbs: number): void {
  for (let k = at; k < at + limbs - 1; k++) {
    const over = Math.floor(numbers[k] / LIMB);
    numbers[k] -= over * LIMB;
    numbers[k + 1] += over;
  }
}

/** Counts a term that is not finite. */
export function countOdd(numbers: Float64Array, counts: number, term: number): void {
  numbers[counts + (term === Infinity ? 0 : term === -Infinity ? 1 : 2)] += 1;
}

/** Whether all terms of a sum were finite. */
export function allFinite(numbers: Float64Array, counts: number): boolean {
  return numbers[counts] === 0 && numbers[counts + 1] === 0 && numbers[counts + 2] === 0;
}

/** The value of a sum with terms that are not finite. */
export function oddSum(numbers: Float64Array, counts: number): number {
  if (numbers[counts + 2] !== 0) return NaN;
  if (numbers[counts] === 0) return -Infinity;
  return numbers[counts + 1] === 0 ? Infinity : NaN;
}

/** The sum of the limbs as one integer. */
export function integerOf(numbers: Float64Array, at: number, limbs: number): bigint {
  let top = at + limbs - 1;
  while (top > at && numbers[top] === 0) top--;
  let integer = BigInt(numbers[top]);
  for (let k = top - 1; k >= at; k--) integer = (integer << 32n) + BigInt(numbers[k]);
  return integer;
}
