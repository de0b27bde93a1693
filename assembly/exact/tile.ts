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

/**
 * Rows of channels to runs of rows: four rows at a time, so that a cache line is read once, and four channels. What
 * comes after the last channel, or after the tensor, gets to runs that nobody reads.
 */
function turn(to: usize, from: usize, width: usize, rows: usize, stride: usize): void {
  const bytes = width << 2;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; i + 4 <= rows; i += 4, to += 16, from += 4 * stride) {
      let at = to;
      for (let k: usize = 0; k < bytes; k += 16, at += 4 * RUN_BYTES) turnSquare(at, from + k, stride);
    }
  }
  for (let k: usize = 0; k < bytes; k += 4, to += RUN_BYTES) turnColumn(to, from + k, rows - i, stride);
}

/** One channel of rows to a run. */
export function turnColumn(to: usize, from: usize, rows: usize, stride: usize): void {
  for (const end = to + (rows << 2); to < end; to += 4, from += stride) store<f32>(to, load<f32>(from));
}

/** Four rows of four channels. */
function turnSquare(to: usize, from: usize, stride: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + stride);
  const c = v128.load(from + 2 * stride);
  const d = v128.load(from + 3 * stride);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const high = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const other = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, i32x4.shuffle(ab, cd, 0, 1, 4, 5));
  v128.store(to + RUN_BYTES, i32x4.shuffle(ab, cd, 2, 3, 6, 7));
  v128.store(to + 2 * RUN_BYTES, i32x4.shuffle(high, other, 0, 1, 4, 5));
  v128.store(to + 3 * RUN_BYTES, i32x4.shuffle(high, other, 2, 3, 6, 7));
}
