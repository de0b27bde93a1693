// How far the exponents of some values reach.

/**
 * The largest magnitude among some p, and among q, and the smallest one that is not 0, less 1; as the bits of float32
 * shifted by one, without the sign. Where all are 0, the least is the greatest number.
 */
@unmanaged
export class Seen {
  mostP: u32;
  leastP: u32;
  mostQ: u32;
  leastQ: u32;

  /** Looks at `count` values, a multiple of 8. */
  lookAtP(p: usize, count: usize): void {
    magnitudes(p, count, changetype<usize>(this));
  }
  lookAtQ(q: usize, count: usize): void {
    magnitudes(q, count, changetype<usize>(this) + 8);
  }
  /** Of squares, where q is p. */
  copyToQ(): void {
    this.mostQ = this.mostP;
    this.leastQ = this.leastP;
  }

  /** Exponent fields. A subnormal number has the field 1, whose unit it has; 0 has it, too. */
  mostFieldP(): i32 {
    return field(this.mostP);
  }
  leastFieldP(): i32 {
    return this.mostP == 0 ? 1 : field(this.leastP + 1);
  }
  mostFieldQ(): i32 {
    return field(this.mostQ);
  }
  leastFieldQ(): i32 {
    return this.mostQ == 0 ? 1 : field(this.leastQ + 1);
  }

  /** Whether something is infinite or NaN. */
  isOdd(): bool {
    return max(this.mostP, this.mostQ) >= 0xff000000;
  }
}

function field(magnitude: u32): i32 {
  return max(<i32>(magnitude >> 24), 1);
}

/** Adds the lanes of magnitudes up to what Seen has. */
export function saveMagnitudes(to: usize, mosts: v128, leasts: v128): void {
  mosts = i32x4.max_u(mosts, i8x16.shuffle(mosts, mosts, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  leasts = i32x4.min_u(leasts, i8x16.shuffle(leasts, leasts, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  store<u32>(to, max(<u32>i32x4.extract_lane(mosts, 0), <u32>i32x4.extract_lane(mosts, 1)));
  store<u32>(to + 4, min(<u32>i32x4.extract_lane(leasts, 0), <u32>i32x4.extract_lane(leasts, 1)));
}

function magnitudes(p: usize, count: usize, to: usize): void {
  const end = p + (count << 2);
  if (ASC_FEATURE_SIMD) {
    const ones = i32x4.splat(-1);
    let mosts = i32x4.splat(0);
    let leasts = ones;
    for (; p < end; p += 16) {
      const bits = i32x4.shl(v128.load(p), 1);
      mosts = i32x4.max_u(mosts, bits);
      leasts = i32x4.min_u(leasts, i32x4.add(bits, ones));
    }
    saveMagnitudes(to, mosts, leasts);
    return;
  }
  let most: u32 = 0;
  let least: u32 = 0xffffffff;
  for (; p < end; p += 4) {
    const bits = load<u32>(p) << 1;
    most = max(most, bits);
    least = min(least, bits - 1);
  }
  store<u32>(to, most);
  store<u32>(to + 4, least);
}
