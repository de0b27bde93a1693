// The order of summation, in numbers: docs/numerics.md, section 2. The same in src/reference/layout.ts and
// native/kernels/layout.h.

/** Virtual lanes: partial sums that vectors of any width up to this can hold. */
export const LANES: usize = 16;
/** First sums, then second sums; in bytes. */
export const PAIR_BYTES: usize = 2 * LANES * sizeof<f64>();
/** Values of one channel that are summed into one set of lanes before these are folded. */
export const SEGMENT: usize = 4096;
/** Rows shorter than this are summed as columns: 7×7 planes reach 9 GB/s that way and 5 as rows. */
export const COLUMNS_BELOW: usize = 64;
/** Rows narrower than this, c·s values, are stacked: a strip of columns would not fill the lanes. */
export const STACKED_BELOW: usize = LANES;

export function minOf(a: usize, b: usize): usize {
  return a < b ? a : b;
}
export function maxOf(a: usize, b: usize): usize {
  return a > b ? a : b;
}
export function divideUp(a: usize, b: usize): usize {
  return a / b + (a % b == 0 ? 0 : 1);
}

export function asColumns(s: usize): bool {
  return s < COLUMNS_BELOW;
}
/** Rows that are groups by themselves, or several of them. */
export function asLongRows(s: usize): bool {
  return s > SEGMENT / 2;
}

/** Rows that lie side by side in one row of columns. */
export function stackedRows(c: usize, s: usize): usize {
  return s < STACKED_BELOW && c < STACKED_BELOW && c * s < STACKED_BELOW ? LANES : 1;
}

/** Rows of s values that make one group: whole stacks of rows, where these are stacked. */
export function groupRows(c: usize, s: usize): usize {
  const rows: usize = s >= SEGMENT ? 1 : SEGMENT / s;
  return rows - (rows % stackedRows(c, s));
}

/** Groups that a row is cut into. */
export function segmentsOf(s: usize): usize {
  return divideUp(s, SEGMENT);
}

/** Groups of a channel, in the order in which they are added up. */
export function groupsOf(n: usize, c: usize, s: usize): usize {
  return divideUp(n, groupRows(c, s)) * segmentsOf(s);
}

/** Where the first sum of lane j is, of lanes that are kept in sets of 16; the second one is half a pair further on. */
export function laneAt(lanes: usize, j: usize): usize {
  return lanes + (j / LANES) * PAIR_BYTES + ((j % LANES) << 3);
}

/**
 * columns ← the values of channels first .. last, of `width` bytes each: every one as often as its channel has columns,
 * for vectors that run across channels.
 */
export function broadcast(
  columns: usize,
  values: usize,
  width: usize,
  c: usize,
  s: usize,
  first: usize,
  last: usize,
): void {
  const stacked = stackedRows(c, s);
  for (let row: usize = 0; row < stacked; ++row) {
    for (let from = values + first * width; from < values + last * width; from += width) {
      for (let j: usize = 0; j < s; ++j, columns += width) {
        if (width == 4) store<f32>(columns, load<f32>(from));
        else store<f64>(columns, load<f64>(from));
      }
    }
  }
}
