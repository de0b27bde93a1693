// Vectors of 128 bits: four floats, or two doubles that sums are kept in. Used in the SIMD build only.

/** The lower and the upper two of four floats, as doubles. */
export function widenLow(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}
export function widenHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
}

/** sum + a·b: two operations, since WebAssembly has no fused one; exact products make no difference between them. */
export function addProduct(sum: v128, a: v128, b: v128): v128 {
  return f64x2.add(sum, f64x2.mul(a, b));
}

/** v where z > 0, +0 where z ≤ 0, NaN where z is NaN. */
export function passed4(v: v128, z: v128): v128 {
  const positive = v128.and(v, f32x4.gt(z, f32x4.splat(0)));
  return v128.or(positive, v128.and(z, f32x4.ne(z, z)));
}

/** Four parameters: of one channel, or of four columns. */
export function parameter4(values: usize, at: usize, spread: bool): v128 {
  return spread ? v128.load(values + (at << 2)) : v128.load32_splat(values + (at << 2));
}

/** Two parameters in float64, likewise. */
export function parameter2(values: usize, at: usize, spread: bool): v128 {
  return spread ? v128.load(values + (at << 3)) : v128.load64_splat(values + (at << 3));
}
