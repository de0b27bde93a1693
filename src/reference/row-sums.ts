// Two sums per channel over rows that lie anywhere: in the order of a tensor (rows, c, 1), docs/numerics.md, section 2.
import type { Positions, RowSums, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { LANES, ROWS_OF_A_BLOCK, type Scratch, SEGMENT, STACKED_BELOW } from './layout.js';

/** Rows of channels that lie at these positions; null are all positions, weights of 1, and a center of 0. */
interface Rows {
  readonly x: Tensor;
  readonly positions: Positions | null;
  readonly weights: Float64Array | null;
  readonly center: Float64Array | null;
  readonly view: View;
  readonly scratch: Scratch;
}

/** Rows of a block: from `lane` on, every `lanes`-th one of `count` is added to the sums at `at`. */
interface Share {
  readonly lane: number;
  readonly lanes: number;
  readonly count: number;
  readonly at: number;
}

/** contract: src/kernels.ts, rowSums */
export function rowSums(
  sums: RowSums,
  x: Tensor,
  positions: Positions | null,
  weights: Float64Array | null,
  center: Float64Array | null,
  view: View,
  scratch: Scratch,
): void {
  const { c } = view;
  const rows = { x, positions, weights, center, view, scratch };
  const count = positions === null ? view.n * view.s : positions.length;
  sums.first.fill(0);
  sums.second.fill(0);
  for (let start = 0; start < count; start += SEGMENT) {
    const lanes = sumGroup(rows, start, Math.min(start + SEGMENT, count));
    for (let ch = 0; ch < c; ch++) {
      sums.first[ch] += foldRows(scratch.lanes, 2 * ch, c, lanes);
      sums.second[ch] += foldRows(scratch.lanes, 2 * ch + 1, c, lanes);
    }
  }
}

/**
 * The sums of a group of rows, first and second side by side, [lanes][c][2]. Few channels have 16 lanes, by turns of
 * rows.
 */
function sumGroup(rows: Rows, start: number, end: number): number {
  const { view, weights, center, scratch } = rows;
  const lanes = view.c < STACKED_BELOW ? LANES : 1;
  scratch.lanes.fill(0, 0, 2 * lanes * view.c);
  for (let row = start; row < end; row += ROWS_OF_A_BLOCK) {
    const count = Math.min(ROWS_OF_A_BLOCK, end - row);
    locate(rows, row, count);
    for (let k = 0; k < count; k++) scratch.weights[k] = weights === null ? 1 : weights[row + k];
    for (let lane = 0; lane < lanes; lane++) {
      const share = { lane, lanes, count, at: 2 * lane * view.c };
      if (weights === null && center === null) addPlainRows(rows, share);
      else addRows(rows, share);
    }
  }
  return lanes;
}

/** The places of the first channels of `count` rows; channels lie s elements apart. */
function locate({ positions, view: { c, s }, x, scratch }: Rows, row: number, count: number): void {
  const places = placesOf(x, scratch);
  for (let k = 0; k < count; k++) {
    const position = positions === null ? row + k : positions[row + k];
    const column = position % s;
    places[k] = (position - column) * c + column;
  }
}

/** V8 reads an Int32Array without converting; beyond 2³¹ elements places do not fit one. */
function placesOf(x: Tensor, { places, farPlaces }: Scratch): Positions {
  return x.length <= 2 ** 31 ? places : farPlaces;
}

/** Four channels at once keep a processor busy that waits for each sum. */
function addRows(rows: Rows, { lane, lanes, count, at }: Share): void {
  const { x, center, scratch, view } = rows;
  const { c, s } = view;
  const { lanes: sums, weights } = scratch;
  const places = placesOf(x, scratch);
  const about = (ch: number) => (center === null ? 0 : center[ch]);
  let ch = 0;
  for (; ch + 4 <= c; ch += 4) {
    const i = at + 2 * ch;
    const [c0, c1, c2, c3] = [about(ch), about(ch + 1), about(ch + 2), about(ch + 3)];
    let [p0, p1, p2, p3] = [sums[i], sums[i + 2], sums[i + 4], sums[i + 6]];
    let [q0, q1, q2, q3] = [sums[i + 1], sums[i + 3], sums[i + 5], sums[i + 7]];
    for (let k = lane; k < count; k += lanes) {
      const place = places[k] + ch * s;
      const weight = weights[k];
      const d0 = x[place] - c0;
      const d1 = x[place + s] - c1;
      const d2 = x[place + 2 * s] - c2;
      const d3 = x[place + 3 * s] - c3;
      p0 += weight * d0;
      p1 += weight * d1;
      p2 += weight * d2;
      p3 += weight * d3;
      q0 += weight * d0 * d0;
      q1 += weight * d1 * d1;
      q2 += weight * d2 * d2;
      q3 += weight * d3 * d3;
    }
    sums[i] = p0;
    sums[i + 1] = q0;
    sums[i + 2] = p1;
    sums[i + 3] = q1;
    sums[i + 4] = p2;
    sums[i + 5] = q2;
    sums[i + 6] = p3;
    sums[i + 7] = q3;
  }
  for (; ch < c; ch++) {
    for (let k = lane; k < count; k += lanes) {
      const d = x[places[k] + ch * s] - about(ch);
      const p = weights[k] * d;
      sums[at + 2 * ch] += p;
      sums[at + 2 * ch + 1] += p * d;
    }
  }
}

/** `addRows` with weights of 1 about 0, in two thirds of its time. */
function addPlainRows({ x, view: { c, s }, scratch }: Rows, { lane, lanes, count, at }: Share): void {
  const sums = scratch.lanes;
  const places = placesOf(x, scratch);
  let ch = 0;
  for (; ch + 4 <= c; ch += 4) {
    const i = at + 2 * ch;
    let [p0, p1, p2, p3] = [sums[i], sums[i + 2], sums[i + 4], sums[i + 6]];
    let [q0, q1, q2, q3] = [sums[i + 1], sums[i + 3], sums[i + 5], sums[i + 7]];
    for (let k = lane; k < count; k += lanes) {
      const place = places[k] + ch * s;
      const v0 = x[place];
      const v1 = x[place + s];
      const v2 = x[place + 2 * s];
      const v3 = x[place + 3 * s];
      p0 += v0;
      p1 += v1;
      p2 += v2;
      p3 += v3;
      q0 += v0 * v0;
      q1 += v1 * v1;
      q2 += v2 * v2;
      q3 += v3 * v3;
    }
    sums[i] = p0;
    sums[i + 1] = q0;
    sums[i + 2] = p1;
    sums[i + 3] = q1;
    sums[i + 4] = p2;
    sums[i + 5] = q2;
    sums[i + 6] = p3;
    sums[i + 7] = q3;
  }
  for (; ch < c; ch++) {
    for (let k = lane; k < count; k += lanes) {
      const v = x[places[k] + ch * s];
      sums[at + 2 * ch] += v;
      sums[at + 2 * ch + 1] += v * v;
    }
  }
}

/** The lanes of a sum by halves, 2c numbers apart; a single one is itself. */
function foldRows(sums: Float64Array, at: number, c: number, lanes: number): number {
  if (lanes === 1) return sums[at];
  const lane = (j: number) => sums[2 * j * c + at];
  const quarter = (j: number) => lane(j) + lane(j + 8) + (lane(j + 4) + lane(j + 12));
  return quarter(0) + quarter(2) + (quarter(1) + quarter(3));
}
