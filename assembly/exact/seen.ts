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

  /** Looks at p and x − center of rows, value by value. */
  lookAtProducts(p: usize, x: usize, center: f32, count: usize, rows: usize, stride: usize): void {
    let mostP: u32 = 0;
    let leastP: u32 = 0xffffffff;
    let mostQ = mostP;
    let leastQ = leastP;
    for (let i: usize = 0; i < rows; ++i, p += stride, x += stride) {
      for (let k: usize = 0; k < count << 2; k += 4) {
        let bits = load<u32>(p + k) << 1;
        mostP = max(mostP, bits);
        leastP = min(leastP, bits - 1);
        bits = reinterpret<u32>(load<f32>(x + k) - center) << 1;
        mostQ = max(mostQ, bits);
        leastQ = min(leastQ, bits - 1);
      }
    }
    this.mostP = mostP;
    this.leastP = leastP;
    this.mostQ = mostQ;
    this.leastQ = leastQ;
  }

  /** Of squares, where q is p. */
  copyToQ(): void {
    this.mostQ = this.mostP;
    this.leastQ = this.leastP;
  }

  /** Exponent fields. A subnormal number has the field 1, whose unit it has. Of zeros the least is above all. */
  mostFieldP(): i32 {
    return field(this.mostP);
  }
  leastFieldP(): i32 {
    return this.mostP == 0 ? 255 : field(this.leastP + 1);
  }
  mostFieldQ(): i32 {
    return field(this.mostQ);
  }
  leastFieldQ(): i32 {
    return this.mostQ == 0 ? 255 : field(this.leastQ + 1);
  }

  /** Whether all p are 0, and so are products. */
  isZero(): bool {
    return this.mostP == 0 && !this.isOdd();
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
