/**
 * Sums over rows of channels that lie anywhere, with weights or without, in float64: what a tensor [rows, c] of these
 * rows would sum to by docs/numerics.md, section 2, in that very order, without making such a tensor.
 */
import type { Tensor } from '../types.js';
import { newPositions, type Positions } from './selection.js';

/** Rows of a tensor. Row i begins where `locate` says; its channels are `apart` elements from each other. */
export interface Rows {
  readonly count: number;
  readonly channels: number;
  readonly apart: number;
  /** Each ≥ 0; null where all are 1. */
  readonly weights: Float64Array | null;
  locate(places: Positions, row: number, count: number): void;
}

/** Σ w·d and Σ (w·d)·d with d = x − center, [c] each. */
export interface RowSums {
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** Rows of a group, whose sums are added to the total one after another. */
const GROUP = 4096;
/** With fewer channels than lanes, rows are dealt to 16 lanes by turns. */
const LANES = 16;
/**
 * Rows that are looked up together: of channels that lie apart, and of rows that lie together, which must fit a first
 * cache.
 */
const BLOCK = 256;
const WHOLE_ROWS = 16;

export function rowSums(x: Tensor, rows: Rows, center: Float64Array): RowSums {
  const { channels, count } = rows;
  const lanes = channels < LANES ? LANES : 1;
  const zeros = (length: number) => new Float64Array(length);
  const total = { first: zeros(channels), second: zeros(channels) };
  const group = { first: zeros(lanes * channels), second: zeros(lanes * channels) };
  const block = rows.apart === 1 ? WHOLE_ROWS : BLOCK;
  const places = newPositions(block, x.length);
  const isPlain = rows.weights === null && center.every((value) => value === 0);
  const weights = new Float64Array(block).fill(1);
  for (let row = 0; row < count; ) {
    const end = Math.min(row + GROUP, count);
    group.first.fill(0);
    group.second.fill(0);
    for (; row < end; row += block) {
      const length = Math.min(block, end - row);
      rows.locate(places, row, length);
      if (rows.weights !== null) weights.set(rows.weights.subarray(row, row + length));
      for (let lane = 0; lane < lanes; lane++) {
        const at = lane * channels;
        if (isPlain) addPlainRows(group, at, x, places, lane, length, lanes, rows);
        else addRows(group, at, x, places, weights, lane, length, lanes, rows, center);
      }
    }
    row = end;
    for (let ch = 0; ch < channels; ch++) {
      total.first[ch] += folded(group.first, ch, channels, lanes);
      total.second[ch] += folded(group.second, ch, channels, lanes);
    }
  }
  return total;
}

/** Adds rows from, from + step, … of a block. Four channels at once keep a processor busy that waits for each sum. */
function addRows(
  { first, second }: RowSums,
  at: number,
  x: Tensor,
  places: Positions,
  weights: Float64Array,
  from: number,
  end: number,
  step: number,
  { channels, apart }: Rows,
  center: Float64Array,
): void {
  let ch = 0;
  for (; ch + 4 <= channels; ch += 4) {
    const i = at + ch;
    const [c0, c1, c2, c3] = [center[ch], center[ch + 1], center[ch + 2], center[ch + 3]];
    let [p0, p1, p2, p3] = [first[i], first[i + 1], first[i + 2], first[i + 3]];
    let [q0, q1, q2, q3] = [second[i], second[i + 1], second[i + 2], second[i + 3]];
    for (let k = from; k < end; k += step) {
      const place = places[k] + ch * apart;
      const weight = weights[k];
      const d0 = x[place] - c0;
      const d1 = x[place + apart] - c1;
      const d2 = x[place + 2 * apart] - c2;
      const d3 = x[place + 3 * apart] - c3;
      p0 += weight * d0;
      p1 += weight * d1;
      p2 += weight * d2;
      p3 += weight * d3;
      q0 += weight * d0 * d0;
      q1 += weight * d1 * d1;
      q2 += weight * d2 * d2;
      q3 += weight * d3 * d3;
    }
    first[i] = p0;
    first[i + 1] = p1;
    first[i + 2] = p2;
    first[i + 3] = p3;
    second[i] = q0;
    second[i + 1] = q1;
    second[i + 2] = q2;
    second[i + 3] = q3;
  }
  for (; ch < channels; ch++) {
    for (let k = from; k < end; k += step) {
      const d = x[places[k] + ch * apart] - center[ch];
      const p = weights[k] * d;
      first[at + ch] += p;
      second[at + ch] += p * d;
    }
  }
}

/** `addRows` with weights of 1 about 0, in two thirds of its time. */
function addPlainRows(
  { first, second }: RowSums,
  at: number,
  x: Tensor,
  places: Positions,
  from: number,
  end: number,
  step: number,
  { channels, apart }: Rows,
): void {
  let ch = 0;
  for (; ch + 4 <= channels; ch += 4) {
    const i = at + ch;
    let [p0, p1, p2, p3] = [first[i], first[i + 1], first[i + 2], first[i + 3]];
    let [q0, q1, q2, q3] = [second[i], second[i + 1], second[i + 2], second[i + 3]];
    for (let k = from; k < end; k += step) {
      const place = places[k] + ch * apart;
      const v0 = x[place];
      const v1 = x[place + apart];
      const v2 = x[place + 2 * apart];
      const v3 = x[place + 3 * apart];
      p0 += v0;
      p1 += v1;
      p2 += v2;
      p3 += v3;
      q0 += v0 * v0;
      q1 += v1 * v1;
      q2 += v2 * v2;
      q3 += v3 * v3;
    }
    first[i] = p0;
    first[i + 1] = p1;
    first[i + 2] = p2;
    first[i + 3] = p3;
    second[i] = q0;
    second[i + 1] = q1;
    second[i + 2] = q2;
    second[i + 3] = q3;
  }
  for (; ch < channels; ch++) {
    for (let k = from; k < end; k += step) {
      const v = x[places[k] + ch * apart];
      first[at + ch] += v;
      second[at + ch] += v * v;
    }
  }
}

/** The lanes of a channel by halves; a single one is itself. */
function folded(sums: Float64Array, ch: number, channels: number, lanes: number): number {
  if (lanes === 1) return sums[ch];
  const lane = (j: number) => sums[j * channels + ch];
  const quarter = (j: number) => lane(j) + lane(j + 8) + (lane(j + 4) + lane(j + 12));
  return quarter(0) + quarter(2) + (quarter(1) + quarter(3));
}
