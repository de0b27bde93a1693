/** The exchanges of workers that normalise one batch together. */

import { wrongKind } from '../arguments/messages.js';
import { checkChoice } from '../arguments/validate.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import type { GradientSumArrays } from '../kernels.js';
import { carried, type ExactMoments, isExact, isExactSums, momentsOfRecords, sumsOfRecords } from '../passes/exact.js';
import { Variant } from '../passes/variant.js';
import { type Join, joinMoments, joinSums } from './payload.js';
import {
  allreduce,
  checkCounts,
  checkExactSums,
  checkReducer,
  type ExchangeTag,
  nextLayer,
  type Reducer,
} from './reducer.js';

/** Options of a layer that several workers share, all of them optional. */
export interface SynchronizeOptions {
  /**
   * Connects the layer with its like on other workers, so that it normalises by the batches of all as if they were one;
   * see {@link Reducer}. Default none.
   */
  synchronize?: Reducer | undefined;
  /**
   * With `synchronize`, the part of the batch that dgamma and dbeta are of. 'local' (default, as PyTorch's
   * SyncBatchNorm): this rank's own part; add them up over the ranks like every other gradient. 'summed': the whole
   * batch, with the same bits on every rank, from the sums that travel anyway.
   */
  gradients?: 'local' | 'summed' | undefined;
}

const NAME = 'synchronize';

/** A layer among its like on the other ranks: statistics and gradient sums of each part are those of all ranks. */
export class Synchronization extends Variant {
  override readonly shared = true;
  override readonly summed: boolean;
  readonly #reducer: Reducer;
  /** Which of the reducer's layers this is, in the order in which they were made. */
  readonly #layer: number;
  #forwards = 0;
  #backwards = 0;

  constructor(reducer: Reducer, summed: boolean) {
    super();
    this.summed = summed;
    this.#reducer = reducer;
    this.#layer = nextLayer(reducer);
  }

  override statistics(call: string, batches: readonly MomentArrays[]): readonly MomentArrays[] {
    return batches.map((batch) => this.#moments(call, batch));
  }

  override sums(call: string, sums: readonly GradientSumArrays[]): readonly GradientSumArrays[] {
    return sums.map((own) => this.#sums(call, own));
  }

  /**
   * The statistics of all ranks' parts, merged in order of rank. What travels is count, mean and variance, [1 + 2c], so
   * that those of a single part arrive to the bit.
   */
  #moments(call: string, part: MomentArrays): MomentArrays {
    if (isExact(part)) return this.#exactMoments(call, part);
    const own = { head: Float64Array.of(part.count[0] ?? 0), rows: [part.mean, part.variance] };
    const tag = this.#tag('forward', part.mean.length, this.#forwards + 1);
    const [count, mean, variance] = allreduce(call, NAME, this.#reducer, own, joinBatches, 3, tag);
    checkCounts(call, NAME, count);
    this.#forwards++;
    return { count, mean, variance };
  }

  /** The gradient sums of all ranks' parts, added in order of rank. */
  #sums(call: string, part: GradientSumArrays): GradientSumArrays {
    if (isExactSums(part)) {
      const tag = this.#tag('backward', part.sumDy.length, this.#backwards + 1, 'exact');
      const [records] = this.#addExactly(call, part.records, 0, tag);
      this.#backwards++;
      return sumsOfRecords(records, part.mean);
    }
    const own = { head: new Float64Array(0), rows: [part.sumDy, part.sumDyDeviation] };
    const tag = this.#tag('backward', part.sumDy.length, this.#backwards + 1);
    const [sumDy, sumDyDeviation] = allreduce(call, NAME, this.#reducer, own, joinSums, 2, tag);
    this.#backwards++;
    return { sumDy, sumDyDeviation };
  }

  /** Exact sums add as integers, in any order: what travels is the count and 35 numbers for each channel. */
  #exactMoments(call: string, part: ExactMoments): ExactMoments {
    const channels = part.mean.length;
    const tag = this.#tag('forward', channels, this.#forwards + 1, 'exact');
    const [records, count] = this.#addExactly(call, part.records, part.count[0] ?? 0, tag);
    this.#forwards++;
    return momentsOfRecords(new Float64Array(channels).fill(count), records);
  }

  #addExactly(call: string, own: Float64Array, count: number, tag: ExchangeTag): [Float64Array, number] {
    const row = new Float64Array(1 + own.length);
    row[0] = count;
    row.set(own, 1);
    const payload = { head: new Float64Array(0), rows: [row] };
    const [all] = allreduce(call, NAME, this.#reducer, payload, joinSums, 1, tag);
    checkExactSums(call, NAME, all);
    return [carried(all.slice(1)), all[0]];
  }

  #tag(pass: ExchangeTag['pass'], channels: number, step: number, summation?: 'exact'): ExchangeTag {
    const tag = { pass, layer: this.#layer, channels, step };
    return summation === undefined ? tag : { ...tag, summation };
  }
}

/** Joins mean and variance; the count of a rank is its head. */
const joinBatches: Join = (ranks) =>
  joinMoments(
    ranks.map(({ head, rows }) => ({ head, rows: [new Float64Array(rows[0].length).fill(head[0]), ...rows] })),
  );

/** @throws TypeError, RangeError where the options make no sense; null without `synchronize` */
export function readSynchronization(
  call: string,
  { synchronize, gradients }: SynchronizeOptions,
): { reducer: Reducer; summed: boolean } | null {
  if (gradients !== undefined) checkChoice(call, 'gradients', gradients, ['local', 'summed']);
  if (synchronize === undefined) {
    if (gradients === 'summed') throw wrongKind(call, 'synchronize', "a Reducer for gradients: 'summed'", synchronize);
    return null;
  }
  checkReducer(call, NAME, synchronize);
  return { reducer: synchronize, summed: gradients === 'summed' };
}
