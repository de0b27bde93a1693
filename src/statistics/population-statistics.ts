import type { ChannelAxis } from '../arguments/axis.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, namesOf, readNames, readOptions } from '../arguments/options.js';
import { readView } from '../arguments/validate.js';
import { checkSummation, type Summation } from '../passes/exact.js';
import type { Mask } from '../passes/mask.js';
import type { AnyTensor, HalfDtype, Tensor } from '../types.js';
import { addBatch, isMoments, Moments } from './moments.js';

/** One batch of the data that {@link populationStatistics} reads. */
export interface PopulationBatch<T extends AnyTensor = Tensor> {
  readonly x: T;
  /** Dimensions of x, of any rank from 1 on; their product is `x.length`. */
  readonly shape: readonly number[];
  /**
   * Which positions count: 0 or 1 (false or true), or a weight > 0, for each position, [shape without the channel
   * axis]. Default: all positions.
   */
  readonly mask?: Mask | undefined;
}

/** Options of {@link populationStatistics}, all of them optional. */
export interface PopulationStatisticsOptions {
  /** The channel axis of every shape, or several; negative counts from the end. Default 1. */
  axis?: ChannelAxis | undefined;
  /** Moments of an earlier run to go on from; they stay as they are. Default: none. */
  from?: Moments | undefined;
  /** The type of the elements, where x is a Uint16Array: 'float16' or 'bfloat16'. Default: x says it by its type. */
  dtype?: HalfDtype | undefined;
  /** How values are summed; see {@link MomentsOptions}. Default: as `from` does, or 'ordered' without it. */
  summation?: Summation | undefined;
  /** Called after each batch with what has been seen so far. A promise is awaited; an error ends the run. */
  onProgress?: ((progress: PopulationProgress) => void | Promise<void>) | undefined;
}

/** The progress of {@link populationStatistics}. */
export interface PopulationProgress {
  /** Number of batches of this run so far. */
  readonly batches: number;
  /** Moments of everything so far; the same object in every call. Its `toJSON` is what to save. */
  readonly moments: Moments;
}

const CALL = 'populationStatistics';
const OPTIONS = /* @__PURE__ */ namesOf<PopulationStatisticsOptions>({
  axis: 1,
  from: 1,
  dtype: 1,
  summation: 1,
  onProgress: 1,
});
const BATCH = /* @__PURE__ */ namesOf<PopulationBatch>({ x: 1, shape: 1, mask: 1 });

/**
 * Mean and variance per channel of a whole population, batch by batch (Algorithm 2 of arXiv 1502.03167, lines 8 to 10):
 * every value counts once, whatever the sizes of the batches, and the variance between batches is part of it. The plain
 * mean of the batches' variances would count batches alike, and leave out what is between them.
 *
 * For a stack of layers, estimate them one after the other from the input on, each with those before it in evaluation.
 *
 * @param batches an iterable or async iterable of `{ x, shape, mask }`; x may be written over once the next one is
 *   asked for
 * @param options all optional; see {@link PopulationStatisticsOptions}
 * @returns count, mean and variance of all batches, for {@link BatchNorm.setStatistics}; a run that was interrupted and
 *   resumed gives the bits of one in one go
 * @throws TypeError, RangeError (as rejection) as {@link Moments.add}; RangeError where there is no batch, and no
 *   `from`
 * @example
 * import { BatchNorm, populationStatistics } from 'batchnorm';
 * async function* batches() {
 *   yield { x: Float32Array.of(1, 2, 3), shape: [3, 1] };
 *   yield { x: Float32Array.of(6), shape: [1, 1] }; // the last one is smaller
 * }
 * const bn = new BatchNorm(1, { varianceEstimator: 'biased' });
 * bn.setStatistics(await populationStatistics(batches()));
 * console.log(bn.runningMean[0], bn.runningVariance[0]); // → 3 3.5
 */
export async function populationStatistics(
  batches: Iterable<PopulationBatch<AnyTensor>> | AsyncIterable<PopulationBatch<AnyTensor>>,
  options: PopulationStatisticsOptions = NO_OPTIONS,
): Promise<Moments> {
  const given = readOptions(CALL, options, OPTIONS);
  const { axis, from, dtype, onProgress, summation = from?.summation ?? 'ordered' } = given;
  if (from !== undefined && !isMoments(from)) throw wrongKind(CALL, 'from', 'Moments', from);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw wrongKind(CALL, 'onProgress', 'a function', onProgress);
  }
  if (!isIterable(batches)) throw wrongKind(CALL, 'batches', 'an iterable of { x, shape }', batches);
  checkSummation(CALL, summation);
  if (from !== undefined && from.summation !== summation) {
    throw wrongValue(CALL, 'summation', `'${from.summation}', as "from" has it`, summation);
  }
  let moments = from && new Moments(from.channels, { summation }).merge(from);
  let seen = 0;
  for await (const batch of batches) {
    if (!isBatch(batch)) throw wrongKind(CALL, `batches[${seen}]`, '{ x, shape }', batch);
    const { x, shape, mask } = readNames(CALL, `batches[${seen}]`, batch, BATCH);
    const call = `${CALL}: batches[${seen}]`;
    moments ??= new Moments(readView(call, shape, axis).c, { summation });
    addBatch(call, moments, x, shape, { axis, mask, dtype });
    seen++;
    await onProgress?.({ batches: seen, moments });
  }
  if (moments === undefined) throw wrongValue(CALL, 'batches', 'at least one batch', batches);
  return moments;
}

function isBatch(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function isIterable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}
