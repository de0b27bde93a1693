// The order of summation, in numbers: docs/numerics.md, section 2. The same in src/reference/layout.ts and
// native/layout.h.
import { Call } from './call';

/** Virtual lanes: partial sums that vectors of any width up to this can hold. */
export const LANES: usize = 16;
/** First sums, then second sums; in bytes. */
export const PAIR_BYTES: usize = 2 * LANES * sizeof<f64>();
/** Where the first sum of lane j is, of lanes that are kept in sets of 16; the second one is half a pair further on. */
export function laneAt(lanes: usize, j: usize): usize {
  return lanes + (j / LANES) * PAIR_BYTES + ((j % LANES) << 3);
}
/** Values of one channel that are summed into one set of lanes before these are folded. */
export const SEGMENT: usize = 4096;
/** Rows shorter than this are summed as columns: 7×7 planes reach 9 GB/s that way and 5 as rows. */
export const COLUMNS_BELOW: usize = 64;
/** Rows narrower than this, c·s values, are stacked: a strip of columns would not fill the lanes. */
export const STACKED_BELOW: usize = LANES;

export function least(a: usize, b: usize): usize {
  return a < b ? a : b;
}
export function most(a: usize, b: usize): usize {
  return a > b ? a : b;
}
export function divideUp(a: usize, b: usize): usize {
  return a / b + (a % b == 0 ? 0 : 1);
}

export function asColumns(v: Call): bool {
  return v.s < COLUMNS_BELOW;
}
/** Rows that are groups by themselves, or several of them. */
export function asLongRows(v: Call): bool {
  return v.s > SEGMENT / 2;
}

/** Rows that lie side by side in one row of columns. */
export function stackedRows(v: Call): usize {
  return v.s < STACKED_BELOW && v.c < STACKED_BELOW && v.c * v.s < STACKED_BELOW ? LANES : 1;
}

/** Rows of s values that make one group. */
export function groupRows(v: Call): usize {
  const rows: usize = v.s >= SEGMENT ? 1 : SEGMENT / v.s;
  return rows - (rows % stackedRows(v));
}

/** Groups that a row is cut into. */
export function segmentsOf(v: Call): usize {
  return divideUp(v.s, SEGMENT);
}

/** Groups of a channel, in the order in which they are added up. */
export function groupsOf(v: Call): usize {
  return divideUp(v.n, groupRows(v)) * segmentsOf(v);
}
