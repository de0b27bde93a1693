// Two sums per channel in the order that docs/numerics.md, section 2, defines. The three walks differ only in how they
// reach the elements; a term says what is summed.
import type { View } from '../kernels.js';
import {
  asColumns,
  asLongRows,
  CHANNELS_AT_ONCE,
  groupRows,
  LANES,
  ROWS_AT_ONCE,
  SEGMENT,
  stackedRows,
} from './layout.js';

/**
 * Adds to the lanes at `at` (first sums, then second sums) the terms of `count` strips of `width` elements: strip r is
 * x[position + r·stride ...]. The channel of element j of a strip is `(column + j·step) / s mod c`: step 1 in a row of
 * columns, step 0 (and column = ch·s) inside the row of one channel.
 */
export type Term = (
  lanes: Float64Array,
  at: number,
  position: number,
  column: number,
  step: 0 | 1,
  width: number,
  count: number,
  stride: number,
) => void;

const PAIR = 2 * LANES;

/** Adds `count` rows of `width` columns, from element k on. */
function addColumns(lanes: Float64Array, term: Term, k: number, width: number, count: number, stride: number): void {
  for (let j = 0; j < width; j += LANES) {
    term(lanes, 2 * j, k + j, j, 1, Math.min(LANES, width - j), count, stride);
  }
}

/** Adds one row (or segment) of a channel to its lanes: lane = index mod 16. */
function addRow(term: Term, lanes: Float64Array, at: number, position: number, column: number, length: number): void {
  const whole = Math.floor(length / LANES);
  if (whole > 0) term(lanes, at, position, column, 0, LANES, whole, LANES);
  const rest = length - whole * LANES;
  if (rest > 0) term(lanes, at, position + whole * LANES, column, 0, rest, 1, LANES);
}

/** 16 lanes to one sum: halves are added until one is left. */
function foldLanes(lanes: Float64Array, at: number): number {
  const four = (j: number) => lanes[at + j] + lanes[at + j + 8] + (lanes[at + j + 4] + lanes[at + j + 12]);
  return four(0) + four(2) + (four(1) + four(3));
}

/** Adds the fold of a pair of lanes to the totals of a channel. */
function fold(totals: Float64Array, ch: number, c: number, lanes: Float64Array, at: number): void {
  totals[ch] += foldLanes(lanes, at);
  totals[c + ch] += foldLanes(lanes, at + LANES);
}

/** The columns of a channel are added to 16 lanes in turn, in order; then the lanes are folded. */
function foldColumns(totals: Float64Array, view: View, lanes: Float64Array, spare: number): void {
  const { c, s } = view;
  const columns = stackedRows(view) * c * s;
  for (let ch = 0; ch < c; ch++) {
    lanes.fill(0, spare, spare + PAIR);
    let to = spare;
    for (let start = ch * s; start < columns; start += c * s) {
      for (let column = start; column < start + s; column++) {
        const from = Math.floor(column / LANES) * PAIR + (column % LANES);
        lanes[to] += lanes[from];
        lanes[to + LANES] += lanes[from + LANES];
        to = to + 1 === spare + LANES ? spare : to + 1;
      }
    }
    fold(totals, ch, c, lanes, spare);
  }
}

/** Columns: one lane for each of the c·s columns of a group of rows, or of 16 rows where these are stacked. */
function reduceColumns(totals: Float64Array, term: Term, view: View, lanes: Float64Array): void {
  const { n, c, s } = view;
  const columns = stackedRows(view) * c * s;
  const strips = Math.ceil(columns / LANES);
  const groupSize = groupRows(view) * c * s;
  const size = n * c * s;
  for (let start = 0; start < size; start += groupSize) {
    const end = Math.min(start + groupSize, size);
    const whole = end - ((end - start) % columns);
    lanes.fill(0, 0, strips * PAIR);
    for (let k = start; k < whole; k += ROWS_AT_ONCE * columns) {
      addColumns(lanes, term, k, columns, Math.min(ROWS_AT_ONCE, (whole - k) / columns), columns);
    }
    addColumns(lanes, term, whole, end - whole, 1, columns);
    foldColumns(totals, view, lanes, strips * PAIR);
  }
}

/** Rows that share a group: the lanes of a block of channels stay while the rows pass, so memory is walked in order. */
function reduceShortRows(totals: Float64Array, term: Term, view: View, lanes: Float64Array): void {
  const { n, c, s } = view;
  const rows = groupRows(view);
  for (let block = 0; block < c; block += CHANNELS_AT_ONCE) {
    const end = Math.min(block + CHANNELS_AT_ONCE, c);
    for (let first = 0; first < n; first += rows) {
      const last = Math.min(first + rows, n);
      lanes.fill(0, 0, (end - block) * PAIR);
      for (let i = first; i < last; i++) {
        for (let ch = block; ch < end; ch++) addRow(term, lanes, (ch - block) * PAIR, (i * c + ch) * s, ch * s, s);
      }
      for (let ch = block; ch < end; ch++) fold(totals, ch, c, lanes, (ch - block) * PAIR);
    }
  }
}

/** Rows that are groups by themselves, cut into segments where they are long. */
function reduceLongRows(totals: Float64Array, term: Term, { n, c, s }: View, lanes: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (let j = 0; j < s; j += SEGMENT) {
        lanes.fill(0, 0, PAIR);
        addRow(term, lanes, 0, (i * c + ch) * s + j, ch * s, Math.min(SEGMENT, s - j));
        fold(totals, ch, c, lanes, 0);
      }
    }
  }
}

/** totals[ch], totals[c + ch] ← the two sums of channel ch. */
export function reduceGroups(totals: Float64Array, term: Term, view: View, lanes: Float64Array): void {
  totals.fill(0, 0, 2 * view.c);
  if (asColumns(view)) reduceColumns(totals, term, view, lanes);
  else if (asLongRows(view)) reduceLongRows(totals, term, view, lanes);
  else reduceShortRows(totals, term, view, lanes);
}
