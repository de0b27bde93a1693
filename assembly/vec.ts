// Vectors of 128 bits: four floats, or two doubles, which is also what sums are kept in. Used in the SIMD build only.

/** Elements of a vector. */
export function lengthOf<T>(): usize {
  return 16 / sizeof<T>();
}

/** One value, in all elements. */
export function splat<T>(p: usize): v128 {
  return sizeof<T>() == 4 ? v128.load32_splat(p) : v128.load64_splat(p);
}

/** A parameter of each element of a vector, or the one of all of them. */
export function parameter<T>(p: usize, perColumn: bool): v128 {
  return perColumn ? v128.load(p) : splat<T>(p);
}

/** The lower and the upper two of four floats, as doubles. */
export function widenLow(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}
export function widenHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
}

/** v where z > 0, +0 where z ≤ 0, NaN where z is NaN. */
export function gateVector<T>(v: v128, z: v128): v128 {
  const positive = v128.and(v, v128.gt<T>(z, v128.splat<T>(0)));
  return v128.or(positive, v128.and(z, v128.ne<T>(z, z)));
}
