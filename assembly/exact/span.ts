// How far the exponents of some values reach.

/**
 * The exponent fields of the largest and of the smallest magnitude among p, and among q; zeros do not count, and a
 * subnormal number has the field 1, whose unit it has. Where all are 0, `most` is 0.
 */
@unmanaged
export class Span {
  mostP: i32;
  leastP: i32;
  mostQ: i32;
  leastQ: i32;

  /** The span of `count` values, a multiple of 8. */
  measure(p: usize, q: usize, count: usize): void {
    magnitudes(p, count, changetype<usize>(this));
    if (p != q) magnitudes(q, count, changetype<usize>(this) + 8);
    else {
      this.mostQ = this.mostP;
      this.leastQ = this.leastP;
    }
  }
}

function magnitudes(p: usize, count: usize, to: usize): void {
  let most: u32 = 0;
  let least: u32 = 0xffffffff;
  const end = p + (count << 2);
  if (ASC_FEATURE_SIMD) {
    const magnitude = i32x4.splat(0x7fffffff);
    const one = i32x4.splat(1);
    let mosts = i32x4.splat(0);
    let leasts = i32x4.splat(-1);
    let mosts1 = mosts;
    let leasts1 = leasts;
    for (; p < end; p += 32) {
      const bits = v128.and(v128.load(p), magnitude);
      const bits1 = v128.and(v128.load(p, 16), magnitude);
      mosts = i32x4.max_u(mosts, bits);
      mosts1 = i32x4.max_u(mosts1, bits1);
      leasts = i32x4.min_u(leasts, i32x4.sub(bits, one));
      leasts1 = i32x4.min_u(leasts1, i32x4.sub(bits1, one));
    }
    mosts = i32x4.max_u(mosts, mosts1);
    leasts = i32x4.min_u(leasts, leasts1);
    mosts = i32x4.max_u(mosts, i8x16.shuffle(mosts, mosts, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    leasts = i32x4.min_u(leasts, i8x16.shuffle(leasts, leasts, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    most = max(<u32>i32x4.extract_lane(mosts, 0), <u32>i32x4.extract_lane(mosts, 1));
    least = min(<u32>i32x4.extract_lane(leasts, 0), <u32>i32x4.extract_lane(leasts, 1));
  }
  for (; p < end; p += 4) {
    const bits = load<u32>(p) & 0x7fffffff;
    most = max(most, bits);
    least = min(least, bits - 1);
  }
  store<i32>(to, most == 0 ? 0 : max(<i32>(most >> 23), 1));
  store<i32>(to + 4, max(<i32>((least + 1) >> 23), 1));
}
