// Variants that are compiled apart, so that inner loops do not branch. AssemblyScript has neither closures nor constants
// as type parameters, but it knows the size of a type when it compiles: types of different sizes stand for variants.

export type No = i8;
export type Yes = i16;

export function isYes<FLAG>(): bool {
  return sizeof<FLAG>() == 2;
}

/** What is summed: Σ x and Σ x²; Σ (x − mean) and its squares; Σ g and Σ g·d, where g is dy, or dy through relu. */
export const SUMS: i32 = 1;
export const CENTRED: i32 = 2;
export const GRADIENT: i32 = 4;
export const GATED: i32 = 8;

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
