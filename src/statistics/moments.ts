import { decodeNumbers, encodeNumbers } from '../arguments/json-numbers.js';
import { refuseProxies, showAs, wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, namesOf, readFields, readOptions } from '../arguments/options.js';
import {
  checkChannelCount,
  checkChannels,
  checkCount,
  checkFormat,
  checkSize,
  checkTensor,
  checkVariance,
  readView,
} from '../arguments/validate.js';
import { type MomentArrays, mergeMoments, newMoments, sampleVariance } from '../channels/moment-arrays.js';
import { type Mask, readMask } from '../passes/mask.js';
import { chosenStatistics } from '../passes/part-statistics.js';
import { statistics } from '../passes/range.js';
import type { Tensor } from '../types.js';

export interface MomentsAddOptions {
  /** The channel axis of `shape`; negative counts from the end. Default 1. */
  axis?: number | undefined;
  /** Which positions count: 0 or 1 (false or true), or a weight, for each, [shape without the channel axis]. Default: all. */
  mask?: Mask | undefined;
}

const FORMAT = 'batchnorm-moments/1';
const ADD_OPTIONS = /* @__PURE__ */ namesOf<MomentsAddOptions>({ axis: 1, mask: 1 });
const FIELDS = /* @__PURE__ */ nameSet('format channels count mean variance');

/** The arrays themselves, not copies: for the rest of the facade, and not to be written to. */
export let arraysOf: (moments: Moments) => MomentArrays;
/** Of this very class. */
export let isMoments: (value: unknown) => value is Moments;

/**
 * Count, mean and variance per channel of any amount of data, seen batch by batch: the population statistics of Algorithm 2
 * of arXiv 1502.03167, statistics over several devices, or over data that does not fit into memory.
 *
 * Two parts A and B are joined by the pairwise formula of Chan, Golub and LeVeque (1979), whatever their sizes:
 *
 *     n = nA + nB,  δ = meanB − meanA
 *     mean = meanA + δ·nB/n
 *     variance = varianceA·nA/n + varianceB·nB/n + δ²·(nA/n)·(nB/n)
 *
 * Any grouping of the same data agrees up to rounding in float64; one `add` gives, to the bit, what
 * {@link forwardTraining} returns for that batch. NaN and Infinity stay in their channel.
 *
 * `count`, `mean`, `variance` and `sampleVariance` are copies, made when they are read: writing to them changes nothing,
 * later calls do not change them, and a loop reads them once, before it starts.
 *
 * @example
 * import { Moments } from 'batchnorm';
 * const moments = new Moments(1);
 * for (const batch of [[1, 2, 3], [6]]) moments.add(Float32Array.from(batch), [batch.length, 1]);
 * console.log([...moments.mean], [...moments.variance]); // → [ 3 ] [ 3.5 ]
 */
export class Moments {
  readonly #channels: number;
  readonly #seen: MomentArrays;
  /** Statistics of the batch that is being added, kept so that adding makes no garbage: allocated by the first. */
  #batch: MomentArrays | undefined;

  static {
    refuseProxies('Moments', Moments.prototype, (value) => #seen in value);
    arraysOf = (moments) => moments.#seen;
    showAs('Moments', Moments.prototype, ({ channels, count, mean, variance }: Moments) => ({
      channels,
      count,
      mean,
      variance,
    }));
    isMoments = (value): value is Moments => typeof value === 'object' && value !== null && #seen in value;
  }

  /**
   * Of no data yet.
   *
   * @param channels c, an integer ≥ 0
   * @throws TypeError, RangeError where it is not
   */
  constructor(channels: number) {
    checkChannelCount('Moments', channels);
    this.#channels = channels;
    this.#seen = newMoments(channels);
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
   * @param x Float32Array or Float64Array
   * @param shape its dimensions, of any rank from 1 on; their product is `x.length`, and the channel axis has `channels`
   * @param options `axis`, default 1, and `mask`
   * @throws TypeError, RangeError as {@link forwardTraining}; nothing has been added then
   * @example
   * import { Moments } from 'batchnorm';
   * const image = Float32Array.of(0, 255, 0, 0, 255, 0); // two pixels, three colours
   * console.log([...new Moments(3).add(image, [1, 2, 3], { axis: -1 }).mean]); // → [ 0, 255, 0 ]
   */
  add(x: Tensor, shape: readonly number[], options: MomentsAddOptions = NO_OPTIONS): this {
    const { axis, mask } = readOptions('Moments.add', options, ADD_OPTIONS);
    const view = readView('Moments.add', shape, axis);
    checkChannels('Moments.add', this.#channels, shape, view);
    const selection = mask === undefined ? null : readMask('Moments.add', mask, shape, view);
    const kind = checkTensor('Moments.add', 'x', x, shape, view);
    if (selection !== null) {
      if (selection.view.n * view.c > 0) mergeMoments(this.#seen, chosenStatistics(kind, x, selection));
    } else if (x.length > 0) {
      this.#batch ??= newMoments(this.#channels);
      statistics(this.#batch.mean, this.#batch.variance, x, view);
      this.#batch.count.fill(view.n * view.s);
      mergeMoments(this.#seen, this.#batch);
    }
    return this;
  }

  /**
   * Adds what another has seen, which stays as it is. Merging with itself counts everything twice.
   *
   * @param other of as many channels
   * @throws TypeError where it is no `Moments`, RangeError where its channels differ
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
    mergeMoments(this.#seen, other.#seen);
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
  toJSON(): unknown {
    return {
      format: FORMAT,
      channels: this.#channels,
      count: encodeNumbers(this.#seen.count),
      mean: encodeNumbers(this.#seen.mean),
      variance: encodeNumbers(this.#seen.variance),
    };
  }

  /**
   * What {@link Moments.toJSON} wrote, after `JSON.parse`.
   *
   * @throws TypeError, RangeError naming the field that is missing, unknown or wrong
   */
  static fromJSON(json: unknown): Moments {
    const call = 'Moments.fromJSON';
    const fields = readFields(call, 'json', json, FIELDS);
    checkFormat(call, fields.format, FORMAT);
    const channels = fields.channels as number;
    checkSize(call, 'channels', channels);
    const count = decodeNumbers(call, 'count', fields.count, channels);
    const mean = decodeNumbers(call, 'mean', fields.mean, channels);
    const variance = decodeNumbers(call, 'variance', fields.variance, channels);
    checkVariance(call, 'variance', variance);
    count.forEach((value, ch) => {
      checkCount(call, `count[${ch}]`, value);
      if (value > 0) return;
      if (!Number.isNaN(mean[ch])) throw wrongValue(call, `mean[${ch}]`, "'NaN' where count is 0", mean[ch]);
      if (!Number.isNaN(variance[ch]))
        throw wrongValue(call, `variance[${ch}]`, "'NaN' where count is 0", variance[ch]);
    });
    return momentsOf({ count, mean, variance });
  }
}

/** A `Moments` of these; the arrays are copied. */
export function momentsOf(arrays: MomentArrays): Moments {
  const moments = new Moments(arrays.count.length);
  const seen = arraysOf(moments);
  seen.count.set(arrays.count);
  seen.mean.set(arrays.mean);
  seen.variance.set(arrays.variance);
  return moments;
}
