/** Which samples of a batch are normalised together. */

import { newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { type Weights, weightsOf } from './weighted.js';

/** How a batch is cut; settings of a layer. */
export interface GhostBatches {
  /** Samples of a ghost batch; null for the whole batch. */
  readonly ghostBatchSize: number | null;
  readonly grouping: 'consecutive' | 'interleaved';
}

/** Neighbouring samples that have statistics of their own. */
export interface Group {
  /** Their elements: from here to there. */
  readonly start: number;
  readonly end: number;
  readonly view: View;
  /** Of its rows, where they count by weights. */
  readonly weights: Weights | null;
}

/** The groups of a batch, and where its samples must lie for groups to be neighbours. */
export interface Grouping {
  readonly groups: readonly Group[];
  /** Sample order[i] comes to place i; null where all are in place. */
  readonly order: readonly number[] | null;
}

export function groupSamples({ ghostBatchSize, grouping }: GhostBatches, samples: number, view: View): Grouping {
  if (ghostBatchSize === null || ghostBatchSize >= samples || view.n * view.c * view.s === 0) {
    return wholeBatch(view);
  }
  const count = Math.ceil(samples / ghostBatchSize);
  if (grouping === 'consecutive') {
    return { groups: cut(view, samples, Array(count).fill(ghostBatchSize)), order: null };
  }
  const members = Array.from({ length: count }, (_, group) =>
    Array.from({ length: Math.ceil((samples - group) / count) }, (_, i) => group + i * count),
  );
  return {
    groups: cut(
      view,
      samples,
      members.map(({ length }) => length),
    ),
    order: members.flat(),
  };
}

/** To which group a sample belongs, and how many there are. */
export interface GhostNumbers {
  readonly count: number;
  readonly groupOf: (sample: number) => number;
}

/** null where all samples are one group. */
export function ghostNumbers({ ghostBatchSize, grouping }: GhostBatches, samples: number): GhostNumbers | null {
  if (ghostBatchSize === null || ghostBatchSize >= samples) return null;
  const count = Math.ceil(samples / ghostBatchSize);
  const consecutive = grouping === 'consecutive';
  return { count, groupOf: (sample) => (consecutive ? Math.floor(sample / ghostBatchSize) : sample % count) };
}

/** The groups of what a mask has chosen, which lies in their order already. */
export function groupRows(view: View, sizes: readonly number[], weights: Weights | null): Grouping {
  if (view.n === 0) return wholeBatch(view);
  const groups = cut(view, view.n, sizes);
  if (weights === null) return { groups, order: null };
  let first = 0;
  const weighted = groups.map((group) => {
    const each = weights.each.subarray(first, first + group.view.n);
    first += group.view.n;
    return { ...group, weights: weightsOf(each) };
  });
  return { groups: weighted, order: null };
}

/** One group of all. */
export function wholeBatch(view: View): Grouping {
  return { groups: [groupOf(view, 1, 0, 1)], order: null };
}

/** Groups of these sizes, the last one of what is left. */
function cut(view: View, samples: number, sizes: readonly number[]): Group[] {
  let first = 0;
  return sizes.map((size) => {
    const last = Math.min(first + size, samples);
    const group = groupOf(view, samples, first, last);
    first = last;
    return group;
  });
}

function groupOf({ n, c, s }: View, samples: number, first: number, last: number): Group {
  const rows = n / samples;
  return {
    start: first * rows * c * s,
    end: last * rows * c * s,
    view: { n: (last - first) * rows, c, s },
    weights: null,
  };
}

/** The samples in this order, in new memory. */
export function gather<T extends Tensor>(kind: TensorKind, from: T, order: readonly number[]): T {
  const to = newTensor<T>(kind, from.length);
  const size = from.length / order.length;
  order.forEach((sample, i) => {
    to.set(from.subarray(sample * size, (sample + 1) * size), i * size);
  });
  return to;
}

/** What `gather` did, undone. */
export function scatter<T extends Tensor>(to: T, from: T, order: readonly number[]): void {
  const size = from.length / order.length;
  order.forEach((sample, i) => {
    to.set(from.subarray(i * size, (i + 1) * size), sample * size);
  });
}
