// Values of some channels, brought together: a run of memory for each channel.

/** Channels of a tile: with channels last, a row of them is a cache line. */
export const CHANNELS: usize = 16;
/** Values of each channel. */
export const VALUES: usize = 512;
/** From one channel to the next; not a power of two, which would put all of them into one place of the first cache. */
export const RUN_BYTES: usize = (VALUES + 16) << 2;
export const TILE_BYTES: usize = CHANNELS * RUN_BYTES;

/**
 * Fills the runs of `width` channels, from rows of c·s values; `from` is at the first of the channels in the first row.
 */
export function fill(to: usize, from: usize, width: usize, rows: usize, c: usize, s: usize): void {
  const stride = (c * s) << 2;
  if (s == 1) {
    turn(to, from, width, rows, stride);
    return;
  }
  for (let ch: usize = 0; ch < width; ++ch) {
    let at = to + ch * RUN_BYTES;
    let row = from + ((ch * s) << 2);
    for (let i: usize = 0; i < rows; ++i, row += stride) {
      copy(at, row, s);
      at += s << 2;
    }
  }
}

/** Copies values, few of them: memory.copy would be a call. */
function copy(to: usize, from: usize, count: usize): void {
  let k: usize = 0;
  const bytes = count << 2;
  if (ASC_FEATURE_SIMD) for (; k + 16 <= bytes; k += 16) v128.store(to + k, v128.load(from + k));
  for (; k < bytes; k += 4) store<f32>(to + k, load<f32>(from + k));
}

/** Rows of channels to runs of rows. */
function turn(to: usize, from: usize, width: usize, rows: usize, stride: usize): void {
  let first: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; first + 4 <= width; first += 4) {
      let row = from + (first << 2);
      let at = to + first * RUN_BYTES;
      let i: usize = 0;
      for (; i + 4 <= rows; i += 4, at += 16) {
        const a = v128.load(row);
        const b = v128.load(row + stride);
        const c = v128.load(row + 2 * stride);
        const d = v128.load(row + 3 * stride);
        row += 4 * stride;
        const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
        const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
        const high = i32x4.shuffle(a, b, 2, 6, 3, 7);
        const other = i32x4.shuffle(c, d, 2, 6, 3, 7);
        v128.store(at, i32x4.shuffle(ab, cd, 0, 1, 4, 5));
        v128.store(at + RUN_BYTES, i32x4.shuffle(ab, cd, 2, 3, 6, 7));
        v128.store(at + 2 * RUN_BYTES, i32x4.shuffle(high, other, 0, 1, 4, 5));
        v128.store(at + 3 * RUN_BYTES, i32x4.shuffle(high, other, 2, 3, 6, 7));
      }
      for (; i < rows; ++i, row += stride, at += 4) {
        for (let ch: usize = 0; ch < 4; ++ch) store<f32>(at + ch * RUN_BYTES, load<f32>(row + (ch << 2)));
      }
    }
  }
  for (; first < width; ++first) {
    let row = from + (first << 2);
    const at = to + first * RUN_BYTES;
    for (let i: usize = 0; i < rows; ++i, row += stride) store<f32>(at + (i << 2), load<f32>(row));
  }
}
