/**
 * Which values of a batch are normalised together, and how a tensor must lie for each such part to be a piece of it.
 */
import { type ArrayKind, newTensor } from '../arguments/typed-arrays.js';
import type { Positions, View } from '../kernels.js';
import type { AnyTensor } from '../types.js';
import { newPositions, type Selection } from './selection.js';
import { type Weights, weightsOf } from './weights.js';

/** A piece of an arranged tensor with statistics of its own. */
export interface Part {
  /** Its elements: from here to there. */
  readonly start: number;
  readonly end: number;
  readonly view: View;
  /** Of its rows, where they count by weights; it is [n, c] then. */
  readonly weights: Weights | null;
}

/** A way to move a tensor into the order of its parts and back. */
export interface Order {
  /** In new memory. */
  gather<T extends AnyTensor>(kind: ArrayKind, from: T): T;
  /** Each element at its own place, and +0 where nothing was taken from. */
  scatter<T extends AnyTensor>(to: T, from: T): void;
}

export interface Arrangement {
  readonly parts: readonly Part[];
  /** null where the parts lie in the tensor as it is. */
  readonly order: Order | null;
  /** Elements of the tensor as the caller has it. */
  readonly length: number;
}

/** How a batch is cut into ghost batches; settings of a layer. */
export interface GhostBatches {
  /** Samples of a ghost batch; null for the whole batch. */
  readonly ghostBatchSize: number | null;
  readonly grouping: 'consecutive' | 'interleaved';
}

/** The arrangement of a whole tensor as one part. */
export function wholeBatch(view: View): Arrangement {
  const length = lengthOf(view);
  return { parts: [{ start: 0, end: length, view, weights: null }], order: null, length };
}

/**
 * What a mask has chosen, in ghost batches where there are any; null for all of a batch as one part, where there is
 * nothing to arrange.
 *
 * @param samples size of the first axis, which ghost batches divide
 */
export function arrange(
  view: View,
  selection: Selection | null,
  ghosts: GhostBatches | null = null,
  samples = 1,
): Arrangement | null {
  const numbers = ghosts && numberGroups(ghosts, samples);
  const isEmpty = lengthOf(view) === 0 || selection?.view.n === 0;
  if (numbers === null || isEmpty) return selection && arrangeChosen(selection);
  if (selection !== null) return arrangeChosen(...groupChosen(selection, samples, numbers));
  const { order, sizes } = partition(samples, samples, numbers, (sample) => sample);
  const rows = view.n / samples;
  return {
    parts: cut({ ...view, n: rows }, sizes, null),
    order: ghosts?.grouping === 'interleaved' ? new SampleOrder(order) : null,
    length: lengthOf(view),
  };
}

/** To which ghost batch a sample belongs, and how many there are. */
interface GroupNumbers {
  readonly count: number;
  readonly groupOf: (sample: number) => number;
}

/** null where all samples are one group. */
function numberGroups({ ghostBatchSize, grouping }: GhostBatches, samples: number): GroupNumbers | null {
  if (ghostBatchSize === null || ghostBatchSize >= samples) return null;
  const count = Math.ceil(samples / ghostBatchSize);
  const consecutive = grouping === 'consecutive';
  return { count, groupOf: (sample) => (consecutive ? Math.floor(sample / ghostBatchSize) : sample % count) };
}

function arrangeChosen(selection: Selection, sizes: readonly number[] = [selection.view.n]): Arrangement {
  const { view, weights, whole } = selection;
  const parts = cut({ ...view, n: 1 }, sizes, weights);
  return { parts, order: selection, length: lengthOf(whole) };
}

/** What is chosen with the rows of each ghost batch next to each other, and how many these are. */
function groupChosen(selection: Selection, samples: number, numbers: GroupNumbers): [Selection, number[]] {
  const { positions, weights, whole } = selection;
  const perSample = (whole.n * whole.s) / samples;
  const sampleOf = (row: number) => Math.floor(positions[row] / perSample);
  const { order, sizes } = partition(positions.length, positions.length, numbers, sampleOf);
  if (weights === null) return [selection.reordered(order, null), sizes];
  const each = new Float64Array(order.length);
  for (let row = 0; row < order.length; row++) each[row] = weights.each[order[row]];
  return [selection.reordered(order, weightsOf(each)), sizes];
}

/** Things in the order of their groups, each group in its own order, and the sizes of the groups. */
function partition(
  length: number,
  whole: number,
  { count, groupOf }: GroupNumbers,
  sampleOf: (thing: number) => number,
): { order: Positions; sizes: number[] } {
  const sizes = new Array<number>(count).fill(0);
  for (let thing = 0; thing < length; thing++) sizes[groupOf(sampleOf(thing))]++;
  let start = 0;
  const next = sizes.map((size) => {
    start += size;
    return start - size;
  });
  const order = newPositions(length, whole);
  for (let thing = 0; thing < length; thing++) order[next[groupOf(sampleOf(thing))]++] = thing;
  return { order, sizes };
}

/** Parts of so many units each, one behind another; `unit` is the view of one. */
function cut({ n, c, s }: View, sizes: readonly number[], weights: Weights | null): Part[] {
  let first = 0;
  return sizes.map((size) => {
    const start = first * n * c * s;
    const own = weights && (sizes.length === 1 ? weights : weightsOf(weights.each.subarray(first, first + size)));
    first += size;
    return { start, end: first * n * c * s, view: { n: size * n, c, s }, weights: own };
  });
}

/** Samples in another order: sample order[i] comes to place i. */
class SampleOrder implements Order {
  readonly #order: Positions;

  constructor(order: Positions) {
    this.#order = order;
  }

  gather<T extends AnyTensor>(kind: ArrayKind, from: T): T {
    const to = newTensor<T>(kind, from.length);
    const size = from.length / this.#order.length;
    this.#order.forEach((sample, i) => {
      to.set(from.subarray(sample * size, (sample + 1) * size), i * size);
    });
    return to;
  }

  scatter<T extends AnyTensor>(to: T, from: T): void {
    const size = from.length / this.#order.length;
    this.#order.forEach((sample, i) => {
      to.set(from.subarray(i * size, (i + 1) * size), sample * size);
    });
  }
}

export function lengthOf({ n, c, s }: View): number {
  return n * c * s;
}

/** A part of an arranged tensor. */
export function slice<T extends AnyTensor>(tensor: T, { start, end }: Part): T {
  return (start === 0 && end === tensor.length ? tensor : tensor.subarray(start, end)) as T;
}

/** Values per channel. */
export function rowsOf({ view }: Part): number {
  return view.n * view.s;
}

/** Values per channel, each counting as much as its weight. */
export function countOf(part: Part): number {
  return part.weights?.total ?? rowsOf(part);
}
