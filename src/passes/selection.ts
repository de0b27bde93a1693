/** The positions of a tensor that a mask has chosen, and how rows of channels come from there and go back. */
import { type ArrayKind, newTensor } from '../arguments/typed-arrays.js';
import type { Positions, View } from '../kernels.js';
import type { AnyTensor } from '../types.js';
import type { Weights } from './weights.js';

/** Zeros, for positions or places below `whole`. */
export function newPositions(length: number, whole: number): Positions {
  return whole <= 2 ** 31 ? new Int32Array(length) : new Float64Array(length);
}

/**
 * Rows that are moved together where their channels lie apart, so that the memory they touch stays in a cache near by.
 */
const BLOCK = 256;
/** Shorter runs of elements are moved one by one, which takes less than a call. */
const SHORT_RUN = 64;

/** Chosen positions: not all of a tensor, or by weights. */
export class Selection {
  /** Of what is chosen: a row of channels for each position. */
  readonly view: View;
  /** Of the tensor that it is chosen from. */
  readonly whole: View;
  /** Of the positions, in the order of their rows; null where all are 1. */
  readonly weights: Weights | null;
  /** In the order of their rows. */
  readonly positions: Positions;
  /** In ascending order. */
  readonly #ascending: Positions;

  constructor(positions: Positions, whole: View, weights: Weights | null, ascending = positions) {
    this.view = { n: positions.length, c: whole.c, s: 1 };
    this.whole = whole;
    this.weights = weights;
    this.positions = positions;
    this.#ascending = ascending;
  }

  /** The same positions, of which row i is now the one that was row order[i]. */
  reordered(order: Positions, weights: Weights | null): Selection {
    return new Selection(
      order.map((row) => this.positions[row]),
      this.whole,
      weights,
      this.#ascending,
    );
  }

  /** Whether the same rows of such a tensor are chosen, by the same weights. */
  isSame(other: Selection): boolean {
    const [own, others] = [this.weights, other.weights];
    if ((own === null) !== (others === null) || this.positions.length !== other.positions.length) return false;
    for (let row = 0; row < this.positions.length; row++) {
      if (this.positions[row] !== other.positions[row] || own?.each[row] !== others?.each[row]) return false;
    }
    return true;
  }

  /** Where the first channels of `count` rows lie; channels are `whole.s` elements apart. */
  #locate(places: Positions, row: number, count: number): void {
    const { c, s } = this.whole;
    const { positions } = this;
    for (let k = 0; k < count; k++) {
      const position = positions[row + k];
      const column = position % s;
      places[k] = (position - column) * c + column;
    }
  }

  /** The rows, [positions, c], in new memory. */
  gather<T extends AnyTensor>(kind: ArrayKind, from: T): T {
    const to = newTensor<T>(kind, this.positions.length * this.whole.c);
    if (this.whole.s === 1) {
      this.#eachRun((row, start, length) => copy(to, row, from, start, length));
    } else {
      this.#eachBlock((row, places, count) => gatherRows(to, row, from, places, count, this.whole));
    }
    return to;
  }

  /** to ← the rows, each at its position, and +0 wherever nothing was chosen. */
  scatter<T extends AnyTensor>(to: T, from: T): void {
    to.fill(0);
    if (this.whole.s === 1) {
      this.#eachRun((row, start, length) => copy(to, start, from, row, length));
    } else {
      this.#eachBlock((row, places, count) => scatterRows(to, places, from, row, count, this.whole));
    }
  }

  /** to ← +0 wherever nothing was chosen among the positions from here to there. */
  clear(to: AnyTensor, from: number, end: number): void {
    const { n, c, s } = this.whole;
    const places = newPositions(BLOCK, n * c * s);
    let few = 0;
    this.#eachGap(from, end, (first, last) => {
      if (s === 1 || last - first >= SHORT_RUN) {
        clearRun(to, first, last, this.whole);
        return;
      }
      for (let position = first; position < last; position++) {
        const column = position % s;
        places[few++] = (position - column) * c + column;
        if (few < BLOCK) continue;
        clearRows(to, places, few, this.whole);
        few = 0;
      }
    });
    clearRows(to, places, few, this.whole);
  }

  /** Neighbouring positions that are not chosen. */
  #eachGap(from: number, end: number, visit: (first: number, last: number) => void): void {
    const chosen = this.#ascending;
    let next = from;
    for (let row = firstFrom(chosen, from); row < chosen.length && chosen[row] < end; row++) {
      if (chosen[row] > next) visit(next, chosen[row]);
      next = chosen[row] + 1;
    }
    if (next < end) visit(next, end);
  }

  /** Neighbouring rows at neighbouring positions, of a tensor with the channels last, in elements. */
  #eachRun(move: (row: number, start: number, length: number) => void): void {
    const { c } = this.whole;
    const { positions } = this;
    for (let first = 0, last = 0; first < positions.length; first = last) {
      const start = positions[first];
      for (last = first + 1; last < positions.length && positions[last] === start + last - first; ) last++;
      move(first * c, start * c, (last - first) * c);
    }
  }

  #eachBlock(move: (row: number, places: Positions, count: number) => void): void {
    const { n, c, s } = this.whole;
    const places = newPositions(BLOCK, n * c * s);
    for (let row = 0; row < this.positions.length; row += BLOCK) {
      const count = Math.min(BLOCK, this.positions.length - row);
      this.#locate(places, row, count);
      move(row, places, count);
    }
  }
}

/** Index of the first of ascending positions that is not before this one. */
function firstFrom(ascending: Positions, position: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (ascending[middle] < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function copy(to: AnyTensor, at: number, from: AnyTensor, start: number, length: number): void {
  if (length >= SHORT_RUN) to.set(from.subarray(start, start + length), at);
  else for (let k = 0; k < length; k++) to[at + k] = from[start + k];
}

/** Four channels at once: one by one took 2.5 times as long for 64 channels of 56 × 56. */
function gatherRows(
  to: AnyTensor,
  row: number,
  from: AnyTensor,
  places: Positions,
  count: number,
  { c, s }: View,
): void {
  let ch = 0;
  for (; ch + 4 <= c; ch += 4) {
    for (let k = 0, at = row * c + ch; k < count; k++, at += c) {
      const place = places[k] + ch * s;
      to[at] = from[place];
      to[at + 1] = from[place + s];
      to[at + 2] = from[place + 2 * s];
      to[at + 3] = from[place + 3 * s];
    }
  }
  for (; ch < c; ch++) for (let k = 0; k < count; k++) to[(row + k) * c + ch] = from[places[k] + ch * s];
}

function scatterRows(
  to: AnyTensor,
  places: Positions,
  from: AnyTensor,
  row: number,
  count: number,
  { c, s }: View,
): void {
  let ch = 0;
  for (; ch + 4 <= c; ch += 4) {
    for (let k = 0, at = row * c + ch; k < count; k++, at += c) {
      const place = places[k] + ch * s;
      to[place] = from[at];
      to[place + s] = from[at + 1];
      to[place + 2 * s] = from[at + 2];
      to[place + 3 * s] = from[at + 3];
    }
  }
  for (; ch < c; ch++) for (let k = 0; k < count; k++) to[places[k] + ch * s] = from[(row + k) * c + ch];
}

function clearRows(to: AnyTensor, places: Positions, count: number, { c, s }: View): void {
  let ch = 0;
  for (; ch + 4 <= c; ch += 4) {
    for (let k = 0; k < count; k++) {
      const place = places[k] + ch * s;
      to[place] = 0;
      to[place + s] = 0;
      to[place + 2 * s] = 0;
      to[place + 3 * s] = 0;
    }
  }
  for (; ch < c; ch++) for (let k = 0; k < count; k++) to[places[k] + ch * s] = 0;
}

/** to ← +0 at neighbouring positions. */
function clearRun(to: AnyTensor, first: number, last: number, { c, s }: View): void {
  for (let position = first; position < last; ) {
    const column = position % s;
    const length = s === 1 ? last - position : Math.min(last - position, s - column);
    const start = (position - column) * c + column;
    if (s === 1) to.fill(0, start, start + length * c);
    else for (let ch = 0; ch < c; ch++) to.fill(0, start + ch * s, start + ch * s + length);
    position += length;
  }
}
