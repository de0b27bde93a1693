/**
 * Masks choose positions; they do not multiply. What is chosen is gathered into a batch of its own, on which the same kernels
 * work, so that a masked position cannot be seen by anything, whatever lies there.
 */

import { expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';
import type { GhostNumbers } from './ghost-groups.js';
import { type Weights, weightsOf } from './weighted.js';

/** One value for each position: 0 or false takes no part, 1 or true does, any other number > 0 does by its weight. */
export type Mask = ArrayLike<number | boolean>;

/** In order, four bytes for each wherever that is enough: JavaScript arrays end the process at the sizes that tensors have. */
type Positions = Uint32Array | Float64Array;

function newPositions(length: number, whole: number): Positions {
  return whole <= 2 ** 32 ? new Uint32Array(length) : new Float64Array(length);
}

/** The positions of a tensor that a mask has chosen: not all of them, or by weights. */
export class Selection {
  /** Of what is chosen: a row of channels for each position. */
  readonly view: View;
  /** Of the tensor. */
  readonly length: number;
  /** Of the positions; null where all are 1. */
  readonly weights: Weights | null;
  /** How many of the rows belong to each ghost batch, one behind another; null where there are none. */
  readonly groups: readonly number[] | null;
  readonly #positions: Positions;
  readonly #whole: View;

  constructor(positions: Positions, whole: View, weights: Weights | null, groups: readonly number[] | null = null) {
    const { n, c, s } = whole;
    this.view = { n: positions.length, c, s: 1 };
    this.length = n * c * s;
    this.weights = weights;
    this.groups = groups;
    this.#positions = positions;
    this.#whole = whole;
  }

  /** Values per channel, each counting as much as its weight. */
  get count(): number {
    return this.weights?.total ?? this.view.n;
  }

  /** The same, with the positions of each ghost batch next to each other. */
  grouped(samples: number, { count, groupOf }: GhostNumbers): Selection {
    const { n, s } = this.#whole;
    const own = this.#positions;
    const groupAt = (row: number) => groupOf(Math.floor((own[row] * samples) / (n * s)));
    const sizes = new Array<number>(count).fill(0);
    for (let row = 0; row < own.length; row++) sizes[groupAt(row)]++;
    const next = startsOf(sizes);
    const positions = newPositions(own.length, n * s);
    const each = this.weights && new Float64Array(own.length);
    for (let row = 0; row < own.length; row++) {
      const to = next[groupAt(row)]++;
      positions[to] = own[row];
      if (each !== null) each[to] = this.weights!.each[row];
    }
    return new Selection(positions, this.#whole, each && weightsOf(each), sizes);
  }

  /** What is chosen, in new memory, [positions, c]. */
  take<T extends Tensor>(kind: TensorKind, from: T): T {
    const { c, s } = this.#whole;
    const positions = this.#positions;
    const to = newTensor<T>(kind, positions.length * c);
    for (let row = 0; row < positions.length; row++) {
      const start = this.#startOf(positions[row]);
      for (let ch = 0; ch < c; ch++) to[row * c + ch] = from[start + ch * s];
    }
    return to;
  }

  /** What `take` took back in its place, and +0 everywhere else. */
  put<T extends Tensor>(to: T, from: T): T {
    const { c, s } = this.#whole;
    const positions = this.#positions;
    to.fill(0);
    for (let row = 0; row < positions.length; row++) {
      const start = this.#startOf(positions[row]);
      for (let ch = 0; ch < c; ch++) to[start + ch * s] = from[row * c + ch];
    }
    return to;
  }

  /** Where the first channel of a position lies. */
  #startOf(position: number): number {
    const { c, s } = this.#whole;
    return (position - (position % s)) * c + (position % s);
  }
}

/** Where each of several stretches begins that lie one behind another. */
function startsOf(sizes: readonly number[]): number[] {
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return start - size;
  });
}

const WANTED = '0, 1 or a finite weight >= 0';

/**
 * null where all positions take part, with weights of 1. Each element is read once; nothing of the mask is looked at later.
 *
 * @throws TypeError where it is no array of numbers, true and false; RangeError where its length is not that of the shape
 *   without the channels, or a value is no weight
 */
export function readMask(call: string, mask: Mask, shape: readonly number[], view: View): Selection | null {
  const whole = view.n * view.s;
  checkLength(call, mask, whole, shape);
  const positions = newPositions(whole, whole);
  let weights: Float64Array | null = null;
  let chosen = 0;
  for (let position = 0; position < whole; position++) {
    const weight = readWeight(call, mask[position], position);
    if (weight === 0) continue;
    if (weight !== 1 && weights === null) weights = new Float64Array(whole).fill(1, 0, chosen);
    if (weights !== null) weights[chosen] = weight;
    positions[chosen++] = position;
  }
  if (weights === null) return chosen === whole ? null : new Selection(positions.slice(0, chosen), view, null);
  const all = weightsOf(weights.slice(0, chosen));
  if (all.total === Infinity) throw wrongValue(call, 'mask', 'weights with a finite sum', Infinity);
  return new Selection(positions.slice(0, chosen), view, all);
}

function checkLength(call: string, mask: Mask, whole: number, shape: readonly number[]): void {
  const length = typeof mask === 'object' && mask !== null ? mask.length : undefined;
  if (typeof length !== 'number') throw wrongKind(call, 'mask', 'an array of 0, 1 or weights', mask);
  if (length === whole) return;
  const wanted = `one value for each of ${whole} positions (shape ${list(shape)} without its channels)`;
  throw new RangeError(expected(call, 'mask', wanted, `length ${length}`));
}

function readWeight(call: string, element: number | boolean, position: number): number {
  if (typeof element === 'boolean') return element ? 1 : 0;
  if (typeof element !== 'number') throw wrongKind(call, `mask[${position}]`, WANTED, element);
  if (!(element >= 0 && element < Infinity)) throw wrongValue(call, `mask[${position}]`, WANTED, element);
  return element;
}
