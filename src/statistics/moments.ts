import type { ChannelAxis } from '../arguments/axis.js';
import { refuseProxies, showAs, wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, namesOf, readOptions } from '../arguments/options.js';
import { bitsOf, type TensorKind } from '../arguments/typed-arrays.js';
import { checkChannelCount, checkChannels, checkHalf, checkTensor, readHalf, readView } from '../arguments/validate.js';
import { kernels } from '../backends/select.js';
import { type MomentArrays, mergeMoments, newMoments, sampleVariance } from '../channels/moment-arrays.js';
import type { View } from '../kernels.js';
import {
  addExact,
  addExactHalf,
  checkExact,
  checkSummation,
  isExact,
  mergeExact,
  noExactMoments,
  type Summation,
} from '../passes/exact.js';
import { asFloat32 } from '../passes/half.js';
import { type Mask, readMask } from '../passes/mask.js';
import { chosenStatistics } from '../passes/part-statistics.js';
import { statistics } from '../passes/range.js';
import type { Selection } from '../passes/selection.js';
import type { HalfDtype, HalfTensor, Tensor } from '../types.js';
import { decodeMoments, encodeMoments, type MomentsJSON } from './moments-json.js';
import { refuseOtherSummation } from './records.js';

/** Options of {@link Moments.add}, all of them optional. */
export interface MomentsAddOptions {
  /** The channel axis of `shape`, or several; negative counts from the end. Default 1. */
  axis?: ChannelAxis | undefined;
  /**
   * Which positions count: 0 or 1 (false or true), or a weight, for each, [shape without the channel axis]. Default:
   * all.
   */
  mask?: Mask | undefined;
  /** The type of the elements, where x is a Uint16Array: 'float16' or 'bfloat16'. Default: x says it by its type. */
  dtype?: HalfDtype | undefined;
}

/** Options of {@link Moments}, all of them optional. */
export interface MomentsOptions {
  /**
   * How values are summed: 'ordered' (default), or 'exact': whatever the order and the grouping, equal data have equal
   * bits (float32, without weights in masks). Moments of one kind do not merge with those of the other.
   * docs/reproducible.md
   */
  summation?: Summation | undefined;
}

const OPTIONS = /* @__PURE__ */ nameSet('summation');
const ADD_OPTIONS = /* @__PURE__ */ namesOf<MomentsAddOptions>({ axis: 1, mask: 1, dtype: 1 });

/** The arrays themselves, not copies: for the rest of the facade, and not to be written to. */
export let arraysOf: (moments: Moments) => MomentArrays;
let setSeen: (moments: Moments, seen: MomentArrays) => void;
/** Adds a batch as {@link Moments.add} does, for another public function, which errors name. */
export let addBatch: (
  call: string,
  moments: Moments,
  x: Tensor | HalfTensor,
  shape: readonly number[],
  options: MomentsAddOptions,
) => void;
/** Of this very class. */
export let isMoments: (value: unknown) => value is Moments;

/**
 * Count, mean and variance per channel of any amount of data, seen batch by batch: the population statistics of
 * Algorithm 2 of arXiv 1502.03167, statistics over several devices, or over data that does not fit into memory.
 *
 * Two parts A and B are joined by the pairwise formula of Chan, Golub and LeVeque (1979), whatever their sizes:
 *
 *     n = nA + nB,  δ = meanB − meanA
 *     mean = meanA + δ·nB/n
 *     variance = varianceA·nA/n + varianceB·nB/n + δ²·(nA/n)·(nB/n)
 *
 * With `summation: 'exact'` they are joined as integers instead, and any grouping and order of the same data has the
 * same bits. Without, any grouping of the same data agrees up to rounding in float64; one `add` gives, to the bit, what
 * {@link forwardTraining} returns for that batch. NaN and Infinity stay in their channel.
 *
 * `count`, `mean`, `variance` and `sampleVariance` are copies, made when they are read: writing to them changes
 * nothing, later calls do not change them, and a loop reads them once, before it starts.
 *
 * @example
 * import { Moments } from 'batchnorm';
 * const moments = new Moments(1);
 * for (const batch of [[1, 2, 3], [6]]) moments.add(Float32Array.from(batch), [batch.length, 1]);
 * console.log([...moments.mean], [...moments.variance]); // → [ 3 ] [ 3.5 ]
 */
export class Moments {
  readonly #channels: number;
  #seen: MomentArrays;
  /** Statistics of the batch that is being added, kept so that adding makes no garbage: allocated by the first. */
  #batch: MomentArrays | undefined;

  static {
    refuseProxies('Moments', Moments.prototype, (value) => #seen in value);
    arraysOf = (moments) => moments.#seen;
    addBatch = (call, moments, x, shape, options) => moments.#addBatch(call, x, shape, options);
    setSeen = (moments, seen) => {
      moments.#seen = seen;
    };
    showAs('Moments', Moments.prototype, ({ channels, count, mean, variance }: Moments) => ({
      channels,
      count,
      mean,
      variance,
    }));
    isMoments = (value): value is Moments => typeof value === 'object' && value !== null && #seen in value;
  }

  /**
   * Moments of no data yet.
   *
   * @param channels c, an integer ≥ 0
   * @param options `summation`; see {@link MomentsOptions}
   * @throws TypeError, RangeError where it is not, or an option is wrong
   */
  constructor(channels: number, options: MomentsOptions = NO_OPTIONS) {
    checkChannelCount('Moments', channels);
    const { summation = 'ordered' } = readOptions('Moments', options, OPTIONS);
    checkSummation('Moments', summation);
    this.#channels = channels;
    this.#seen = summation === 'exact' ? noExactMoments(channels) : newMoments(channels);
  }

  /** How values are summed: 'ordered' or 'exact'. */
  get summation(): Summation {
    return isExact(this.#seen) ? 'exact' : 'ordered';
  }

  /** Number of channels, c. */
  get channels(): number {
    return this.#channels;
  }

  /** Values seen per channel, [c]; under a mask with weights, the sum of these. */
  get count(): Float64Array {
    return this.#seen.count.slice();
  }

  /** Mean per channel, [c]: Σx / count. NaN where count is 0. */
  get mean(): Float64Array {
    return this.#seen.mean.slice();
  }

  /** Population variance per channel, [c]: Σ(x − mean)² / count. NaN where count is 0. */
  get variance(): Float64Array {
    return this.#seen.variance.slice();
  }

  /** Sample (unbiased) variance per channel, [c]: Σ(x − mean)² / (count − 1). NaN where count is at most 1. */
  get sampleVariance(): Float64Array {
    const { count, variance } = this.#seen;
    return variance.map((value, ch) => sampleVariance(value, count[ch]));
  }

  /**
   * Adds a batch.
   *
   * @param x Float32Array or Float64Array; or 16 bits: Float16Array, or Uint16Array with `dtype`
   * @param shape its dimensions, of any rank from 1 on; their product is `x.length`, and the channel axis has
   *   `channels`
   * @param options `axis`, default 1, `mask`, and `dtype` of a Uint16Array
   * @throws TypeError, RangeError as {@link forwardTraining}; nothing has been added then
   * @example
   * import { Moments } from 'batchnorm';
   * const image = Float32Array.of(0, 255, 0, 0, 255, 0); // two pixels, three colours
   * console.log([...new Moments(3).add(image, [1, 2, 3], { axis: -1 }).mean]); // → [ 0, 255, 0 ]
   */
  add(x: Tensor | HalfTensor, shape: readonly number[], options: MomentsAddOptions = NO_OPTIONS): this {
    this.#addBatch('Moments.add', x, shape, readOptions('Moments.add', options, ADD_OPTIONS));
    return this;
  }

  #addBatch(call: string, x: Tensor | HalfTensor, shape: readonly number[], options: MomentsAddOptions): void {
    const { axis, mask } = options;
    const view = readView(call, shape, axis);
    checkChannels(call, this.#channels, shape, view);
    const selection = readMask(call, mask, shape, view);
    const dtype = readHalf(call, x, options.dtype);
    if (dtype === null) {
      this.#addTensor(call, x as Tensor, checkTensor(call, 'x', x as Tensor, shape, view), view, selection);
      return;
    }
    checkHalf(call, x, dtype, shape, view);
    if (selection === null) this.#addHalf(dtype, bitsOf(x), view);
    else this.#addTensor(call, asFloat32(dtype, x), 'Float32Array', view, selection);
  }

  /** Adds all of x of 16 bits. */
  #addHalf(dtype: HalfDtype, x: Uint16Array, view: View): void {
    if (x.length === 0) return;
    if (isExact(this.#seen)) this.#seen = addExactHalf(this.#seen, dtype, x, view);
    else this.#addMeasured((mean, variance) => kernels()[dtype].statistics(mean, variance, x, view), view);
  }

  #addTensor(call: string, x: Tensor, kind: TensorKind, view: View, selection: Selection | null): void {
    if (isExact(this.#seen)) {
      checkExact(call, x, selection);
      const chosen = selection === null ? x : selection.gather(kind, x);
      if (chosen.length === 0) return;
      this.#seen = addExact(this.#seen, chosen as Float32Array, selection?.view ?? view);
    } else if (selection !== null) {
      if (selection.view.n * view.c > 0) mergeMoments(this.#seen, chosenStatistics(kind, x, selection, 'ordered'));
    } else if (x.length > 0) {
      this.#addMeasured((mean, variance) => statistics(mean, variance, x, view), view);
    }
  }

  /** Adds a whole tensor, measured as `measure` does. */
  #addMeasured(measure: (mean: Float64Array, variance: Float64Array) => void, view: View): void {
    this.#batch ??= newMoments(this.#channels);
    measure(this.#batch.mean, this.#batch.variance);
    this.#batch.count.fill(view.n * view.s);
    mergeMoments(this.#seen, this.#batch);
  }

  /**
   * Adds what another has seen, which stays as it is. Merging with itself counts everything twice.
   *
   * @param other of as many channels
   * @throws TypeError where it is no `Moments`, RangeError where its channels or its summation differ
   * @example
   * import { Moments } from 'batchnorm';
   * const here = new Moments(1).add(Float32Array.of(1, 2), [2, 1]);
   * const there = new Moments(1).add(Float32Array.of(3, 6), [2, 1]);
   * console.log([...here.merge(there).mean]); // → [ 3 ]
   */
  merge(other: Moments): this {
    if (!isMoments(other)) throw wrongKind('Moments.merge', 'other', 'Moments', other);
    if (other.channels !== this.#channels) {
      throw wrongValue('Moments.merge', 'other.channels', `${this.#channels}`, other.channels);
    }
    refuseOtherSummation('Moments.merge', this.summation, other.summation);
    const [own, others] = [this.#seen, other.#seen];
    if (isExact(own) && isExact(others)) this.#seen = mergeExact(own, others);
    else mergeMoments(own, others);
    return this;
  }

  /**
   * Plain data for `JSON.stringify`, without loss: what JSON lacks is written as the strings 'NaN', 'Infinity',
   * '-Infinity' and '-0'.
   *
   * @example
   * import { Moments } from 'batchnorm';
   * const moments = new Moments(1).add(Float64Array.of(0.1, 0.2), [2, 1]);
   * const copy = Moments.fromJSON(JSON.parse(JSON.stringify(moments)));
   * console.log(copy.mean[0] === moments.mean[0]); // → true
   */
  toJSON(): MomentsJSON {
    return encodeMoments(this.#seen);
  }

  /**
   * Reads what {@link Moments.toJSON} wrote, after `JSON.parse`.
   *
   * @throws TypeError, RangeError naming the field that is missing, unknown or wrong
   */
  static fromJSON(json: unknown): Moments {
    return momentsOf(decodeMoments('Moments.fromJSON', json));
  }
}

/** A `Moments` of these; the arrays are copied. */
export function momentsOf(arrays: MomentArrays): Moments {
  const [count, mean, variance] = [arrays.count.slice(), arrays.mean.slice(), arrays.variance.slice()];
  const moments = new Moments(count.length);
  const copy = { count, mean, variance };
  setSeen(moments, isExact(arrays) ? Object.assign(copy, { records: arrays.records.slice() }) : copy);
  return moments;
}
