/**
 * Masks choose positions; they do not multiply. What is chosen is gathered into a batch of its own, on which the same kernels
 * work, so that a masked position cannot be seen by anything, whatever lies there.
 */
import type { GhostNumbers } from './ghost-groups.js';
import type { View } from './kernels.js';
import { expected, list, wrongKind, wrongValue } from './messages.js';
import { newTensor, type TensorKind } from './typed-arrays.js';
import type { Tensor } from './types.js';
import { type Weights, weightsOf } from './weighted.js';

/** One value for each position: 0 or false takes no part, 1 or true does, any other number > 0 does by its weight. */
export type Mask = ArrayLike<number | boolean>;

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
  readonly #positions: readonly number[];
  readonly #whole: View;

  constructor(
    positions: readonly number[],
    whole: View,
    weights: Weights | null,
    groups: readonly number[] | null = null,
  ) {
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
    const groups = Array.from({ length: count }, (): number[] => []);
    this.#positions.forEach((position, row) => {
      groups[groupOf(Math.floor((position * samples) / (n * s)))].push(row);
    });
    const rows = groups.flat();
    const each = this.weights && Float64Array.from(rows, (row) => this.weights!.each[row]);
    const positions = rows.map((row) => this.#positions[row]);
    const sizes = groups.map(({ length }) => length);
    return new Selection(positions, this.#whole, each && weightsOf(each), sizes);
  }

  /** What is chosen, in new memory, [positions, c]. */
  take<T extends Tensor>(kind: TensorKind, from: T): T {
    const { c, s } = this.#whole;
    const to = newTensor<T>(kind, this.#positions.length * c);
    this.#positions.forEach((position, row) => {
      const start = this.#startOf(position);
      for (let ch = 0; ch < c; ch++) to[row * c + ch] = from[start + ch * s];
    });
    return to;
  }

  /** What `take` took back in its place, and +0 everywhere else. */
  put<T extends Tensor>(to: T, from: T): T {
    const { c, s } = this.#whole;
    to.fill(0);
    this.#positions.forEach((position, row) => {
      const start = this.#startOf(position);
      for (let ch = 0; ch < c; ch++) to[start + ch * s] = from[row * c + ch];
    });
    return to;
  }

  /** Where the first channel of a position lies. */
  #startOf(position: number): number {
    const { c, s } = this.#whole;
    return (position - (position % s)) * c + (position % s);
  }
}

/**
 * null where all positions take part, with weights of 1.
 *
 * @throws TypeError where it is no array; RangeError where its length is not that of the shape without the channels, or a
 *   value is no weight
 */
export function readMask(call: string, mask: Mask, shape: readonly number[], view: View): Selection | null {
  const { n, s } = view;
  if (typeof mask !== 'object' || mask === null || typeof mask.length !== 'number') {
    throw wrongKind(call, 'mask', 'an array of 0, 1 or weights', mask);
  }
  if (mask.length !== n * s) {
    const wanted = `one value for each of ${n * s} positions (shape ${list(shape)} without its channels)`;
    throw new RangeError(expected(call, 'mask', wanted, `length ${mask.length}`));
  }
  const positions: number[] = [];
  const weights: number[] = [];
  let weighted = false;
  for (let position = 0; position < mask.length; position++) {
    const weight = Number(mask[position]);
    if (!(weight >= 0 && weight < Infinity)) {
      throw wrongValue(call, `mask[${position}]`, '0, 1 or a finite weight >= 0', mask[position]);
    }
    if (weight === 0) continue;
    positions.push(position);
    weights.push(weight);
    weighted ||= weight !== 1;
  }
  if (!weighted) return positions.length === n * s ? null : new Selection(positions, view, null);
  const all = weightsOf(Float64Array.from(weights));
  if (all.total === Infinity) throw wrongValue(call, 'mask', 'weights with a finite sum', Infinity);
  return new Selection(positions, view, all);
}
