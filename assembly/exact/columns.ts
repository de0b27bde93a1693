// Exact sums with the channels last: vectors run across channels, so that nothing need be turned. Each channel has the
// bins of its window (see group.ts) in a lane of its own.
import { Yes } from '../kinds';
import { ANCHORS, LEAST_P, LOWER, MOST_P, PRODUCTS, UPPER } from './lanes';
import { addProducts } from './narrow';
import { touch } from './touch';

/** Rows that fit into bins. */
export const ROWS: usize = 256;
/**
 * Rows that are added to some channels before those of the next ones: they stay in the first cache, where no more than
 * 8 lines have one place.
 */
const STRIP: usize = 8;
const STRIP_BYTES: usize = 16384;

/** Rows of a strip, an even number. */
function stripOf(stride: usize): usize {
  return max(STRIP, (STRIP_BYTES / stride) & ~1);
}

/** Adds squares of rows of `width` channels, and of some that nobody reads: whole vectors. */
export function addColumns(lanes: usize, x: usize, stride: usize, width: usize, rows: usize): void {
  const strip = stripOf(stride);
  for (let i: usize = 0; i < rows; i += strip, x += strip * stride) {
    const count = min(strip, rows - i);
    touch(x, width << 2, count, stride);
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
  const strip = stripOf(stride);
  for (let i: usize = 0; i < rows; i += strip) {
    const count = min(strip, rows - i);
    const bytes = count * stride;
    touch(x, width << 2, count, stride);
    touch(dy, width << 2, count, stride);
    for (let k: usize = 0; k < width << 2; k += 8) {
      addProducts<Yes>(lanes + (k << 1), dy + k, x + k, centers + k, x + k + bytes, stride);
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
  let first1 = v128.load(at, 16);
  let upper0 = v128.load(at, UPPER);
  let upper1 = v128.load(at + 16, UPPER);
  let lower0 = v128.load(at, LOWER);
  let lower1 = v128.load(at + 16, LOWER);
  let mosts = v128.load(most);
  let leasts = v128.load(least);
  for (const end = x + count * stride; x < end; x += stride) {
    const p = v128.load(x);
    const bits = i32x4.add(p, p);
    mosts = i32x4.max_u(mosts, bits);
    leasts = i32x4.min_u(leasts, i32x4.add(bits, ones));
    const x0 = f64x2.promote_low_f32x4(v128.load64_zero(x));
    const x1 = f64x2.promote_low_f32x4(v128.load64_zero(x + 8));
    first0 = f64x2.add(first0, x0);
    first1 = f64x2.add(first1, x1);
    const m0 = f64x2.mul(x0, x0);
    const m1 = f64x2.mul(x1, x1);
    const t0 = f64x2.add(v128.load(at, PRODUCTS), m0);
    const t1 = f64x2.add(v128.load(at, PRODUCTS + 16), m1);
    upper0 = i64x2.add(upper0, t0);
    upper1 = i64x2.add(upper1, t1);
    lower0 = i64x2.add(lower0, f64x2.sub(m0, f64x2.sub(t0, v128.load(at, ANCHORS))));
    lower1 = i64x2.add(lower1, f64x2.sub(m1, f64x2.sub(t1, v128.load(at, ANCHORS + 16))));
  }
  v128.store(at, first0);
  v128.store(at, first1, 16);
  v128.store(at, upper0, UPPER);
  v128.store(at + 16, upper1, UPPER);
  v128.store(at, lower0, LOWER);
  v128.store(at + 16, lower1, LOWER);
  v128.store(most, mosts);
  v128.store(least, leasts);
}
