// Exact sums with the channels last: vectors run across channels, so that nothing need be turned. Each channel has the
// bins of its window (see group.ts) in a lane of its own.
import { Yes } from '../kinds';
import { LEAST_P, LOWER, MOST_P, UPPER } from './lanes';
import { addProducts } from './narrow';

/** Rows that fit into bins. */
export const ROWS: usize = 256;
/** Rows that are added to some channels before those of the next ones: they stay in the first cache. */
const STRIP: usize = 8;
/** Of products more, where rows are short: no more than 8 lines are in one place of the cache. */
const STRIP_BYTES: usize = 16384;

/** Adds squares of rows of `width` channels, and of some that nobody reads: whole vectors. */
export function addColumns(lanes: usize, x: usize, stride: usize, width: usize, rows: usize): void {
  for (let i: usize = 0; i < rows; i += STRIP, x += STRIP * stride) {
    const count = min(STRIP, rows - i);
    for (let k: usize = 0; k < width; k += 4) addStrip(lanes, k, x + (k << 2), stride, count);
  }
}

/** Adds dy and dy·(x − center) of rows of `width` channels, an even number of rows. */
export function addProductColumns(
  lanes: usize,
  dy: usize,
  x: usize,
  centers: usize,
  stride: usize,
  width: usize,
  rows: usize,
): void {
  const strip = max(STRIP, (STRIP_BYTES / stride) & ~1);
  for (let i: usize = 0; i < rows; i += strip) {
    const bytes = min(strip, rows - i) * stride;
    for (let k: usize = 0; k < width << 2; k += 8) {
      addProducts<Yes>(lanes + (k << 1), dy + k, x + k, v128.load64_splat(centers + k), x + k + bytes, stride);
    }
    x += bytes;
    dy += bytes;
  }
}

function addStrip(lanes: usize, column: usize, x: usize, stride: usize, count: usize): void {
  const at = lanes + (column << 3);
  const most = lanes + MOST_P + (column << 2);
  const least = lanes + LEAST_P + (column << 2);
  const ones = i32x4.splat(-1);
  let first0 = v128.load(at);
  let first1 = v128.load(at + 16);
  let upper0 = v128.load(at + UPPER);
  let upper1 = v128.load(at + UPPER + 16);
  let lower0 = v128.load(at + LOWER);
  let lower1 = v128.load(at + LOWER + 16);
  let mosts = v128.load(most);
  let leasts = v128.load(least);
  for (const end = x + count * stride; x < end; x += stride) {
    const bits = i32x4.shl(v128.load(x), 1);
    mosts = i32x4.max_u(mosts, bits);
    leasts = i32x4.min_u(leasts, i32x4.add(bits, ones));
    const x0 = f64x2.promote_low_f32x4(v128.load64_zero(x));
    const x1 = f64x2.promote_low_f32x4(v128.load64_zero(x + 8));
    first0 = f64x2.add(first0, x0);
    first1 = f64x2.add(first1, x1);
    const m0 = f64x2.mul(x0, x0);
    const m1 = f64x2.mul(x1, x1);
    const t0 = f64x2.add(upper0, m0);
    const t1 = f64x2.add(upper1, m1);
    lower0 = f64x2.add(lower0, f64x2.sub(m0, f64x2.sub(t0, upper0)));
    lower1 = f64x2.add(lower1, f64x2.sub(m1, f64x2.sub(t1, upper1)));
    upper0 = t0;
    upper1 = t1;
  }
  v128.store(at, first0);
  v128.store(at + 16, first1);
  v128.store(at + UPPER, upper0);
  v128.store(at + UPPER + 16, upper1);
  v128.store(at + LOWER, lower0);
  v128.store(at + LOWER + 16, lower1);
  v128.store(most, mosts);
  v128.store(least, leasts);
}
