// Variants that are compiled apart, so that inner loops do not branch. AssemblyScript has neither closures nor
// constants as type parameters, but it knows the size of a type when it compiles: types of different sizes stand for
// variants.

/** The kernels of src/kernels.ts, by number. */
export const STATISTICS: i32 = 0;
export const NORMALIZE: i32 = 1;
export const FORWARD: i32 = 2;
export const GRADIENT_SUMS: i32 = 3;
export const GRADIENT_INPUT: i32 = 4;
export const BACKWARD: i32 = 5;
export const WIDEN: i32 = 6;
export const ROUND: i32 = 7;

/** The activations of src/kernels.ts, by number. */
export const NO_ACTIVATION: i32 = 0;
export const RELU: i32 = 1;
export const THREE_LINES: i32 = 2;

/** Types of 16 bits, by number; tensors of others have none. */
export const FLOAT16: i32 = 1;
export const BFLOAT16: i32 = 2;

export type Float16 = i8;
export type Bfloat16 = i16;

export function isBfloat16<HALF>(): bool {
  return sizeof<HALF>() == 2;
}

export type No = i8;
export type Yes = i16;

/** An activation with parameters, where No is none and Yes is relu. */
export type Bent = i32;

export function isYes<FLAG>(): bool {
  return sizeof<FLAG>() == 2;
}
export function isBent<FLAG>(): bool {
  return sizeof<FLAG>() == 4;
}

/**
 * The kinds of sums: Σ x and Σ x²; Σ (x − mean) and its squares; Σ g and Σ g·d, where g is dy, or dy through relu, or
 * through another activation.
 */
export const SUMS: i32 = 1;
export const CENTRED: i32 = 2;
export const GRADIENT: i32 = 4;
export const GATED: i32 = 8;
export const BENT: i32 = 12;

/** The number of tensors that are read for the sums of a kind. */
export function tensorsOf(kind: i32): usize {
  return kind == GATED || kind == BENT ? 3 : kind == GRADIENT ? 2 : 1;
}

/**
 * The phases of a call, whose parts threads share: tiles, sums of a kind, or an elementwise pass, kernel << MAP_SHIFT.
 */
export const TILES: i32 = 0;
export const MAP_SHIFT: i32 = 4;

/** Distances from a pointer, in bytes, as the sizes of types: an offset within an instruction must be a constant. */
@unmanaged
export class At0 {}
@unmanaged
export class At16 extends At0 {
  a: f64;
  b: f64;
}
@unmanaged
export class At32 extends At16 {
  c: f64;
  d: f64;
}
@unmanaged
export class At48 extends At32 {
  e: f64;
  f: f64;
}
