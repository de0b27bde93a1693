import { refuseProxies, showAs, wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, readOptions } from '../arguments/options.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { checkChannelCount } from '../arguments/validate.js';
import type { GradientSumArrays } from '../kernels.js';
import {
  addRecords,
  checkSummation,
  exactGradientSums,
  isExactSums,
  noExactSums,
  type Summation,
  sumsOfRecords,
} from '../passes/exact.js';
import { gradientSums } from '../passes/range.js';
import type { HalfTensor, Tensor } from '../types.js';
import {
  type GradientPiece,
  type GradientSumsAddOptions,
  type HalfGradientSumsAddOptions,
  type PieceOptions,
  readPiece,
} from './gradient-piece.js';
import { decodeGradientSums, encodeGradientSums, type GradientSumsJSON } from './gradient-sums-json.js';
import { refuseOtherSummation } from './records.js';

/**
 * A {@link GradientSums}, in types that do not tell apart those of an ES module and of CommonJS, which are one class.
 * (Private fields make classes nominal.)
 */
export type WholeSums = Pick<GradientSums, 'channels' | 'count' | 'sumDy' | 'sumDyDeviation'>;

/** Options of {@link GradientSums}, all of them optional. */
export interface GradientSumsOptions {
  /**
   * How values are summed: 'ordered' (default), or 'exact': whatever the order and the grouping, equal data have equal
   * bits (float32, without weights in masks). Sums of one kind do not merge with those of the other.
   * docs/reproducible.md
   */
  summation?: Summation | undefined;
}

const OPTIONS = /* @__PURE__ */ nameSet('summation');
const ADD = 'GradientSums.add';
/** The sums themselves, not copies: for the rest of the facade, and not to be written to. */
export let sumsOf: (sums: GradientSums) => GradientSumArrays;
/** Of this very class. */
export let isGradientSums: (value: unknown) => value is GradientSums;
/** A `GradientSums` of these; the arrays are copied. */
export let gradientSumsOf: (count: number, sums: GradientSumArrays, mean: Float64Array | null) => GradientSums;
/** The mean that deviations were taken from, where it is known. */
export let meanOf: (sums: GradientSums) => Float64Array | null;

/**
 * The two sums over a whole batch that its gradient needs, added up part by part: micro-batches of which a batch is
 * made, or the parts that several devices hold. With {@link Moments} it makes any number of pieces one batch:
 *
 * 1. the `Moments` of each piece, merged, are mean and variance of the batch;
 * 2. {@link forwardInference} normalises each piece by them;
 * 3. the `GradientSums` of each piece, merged, are those of the batch:
 *    sumDy = Σ g and sumDyDeviation = Σ g·(x − mean), where g is dy through the activation;
 * 4. {@link backward} with `sums` gives dx of each piece, and dgamma and dbeta of the batch.
 *
 * Sums are float64 and are added in the order of the calls; with `summation: 'exact'` they are integers until they are
 * read, and no order matters. They belong to one mean: a piece with another is refused. The getters are copies, made
 * when they are read.
 *
 * @example
 * import { backward, forwardInference, GradientSums, Moments } from 'batchnorm';
 * const pieces = [Float64Array.of(1, 2), Float64Array.of(6)]; // a batch of three, one channel
 * const dy = [Float64Array.of(1, 0), Float64Array.of(0)];
 *
 * const moments = new Moments(1);
 * for (const x of pieces) moments.add(x, [x.length, 1]);
 * const { mean, variance } = moments;
 * const y = pieces.map((x) => forwardInference(x, [x.length, 1], { mean, variance }));
 *
 * const sums = new GradientSums(1);
 * pieces.forEach((x, i) => sums.add(dy[i], x, [x.length, 1], { mean, variance }));
 * const dx = pieces.map((x, i) => backward(dy[i], x, [x.length, 1], { mean, variance, sums }).dx);
 * console.log(y.length, dx.length, sums.count, [...sums.sumDy], [...sums.sumDyDeviation]); // → 2 2 3 [ 1 ] [ -2 ]
 */
export class GradientSums {
  readonly #channels: number;
  #sums: GradientSumArrays;
  /** Sums of the part that is being added. */
  readonly #part: GradientSumArrays;
  /** The mean that deviations were taken from; null where nothing has been added, or nobody has said. */
  #mean: Float64Array | null = null;
  #count = 0;

  static {
    refuseProxies('GradientSums', GradientSums.prototype, (value) => #sums in value);
    sumsOf = (sums) => sums.#sums;
    showAs('GradientSums', GradientSums.prototype, ({ channels, count, sumDy, sumDyDeviation }: GradientSums) => ({
      channels,
      count,
      sumDy,
      sumDyDeviation,
    }));
    isGradientSums = (value): value is GradientSums => typeof value === 'object' && value !== null && #sums in value;
    meanOf = (sums) => sums.#mean;
    gradientSumsOf = (count, sums, mean) => {
      const summation = isExactSums(sums) ? 'exact' : 'ordered';
      return new GradientSums(sums.sumDy.length, { summation }).#add(sums, count, mean);
    };
  }

  /**
   * Sums of no data yet.
   *
   * @param channels c, an integer ≥ 0
   * @param options `summation`; see {@link GradientSumsOptions}
   * @throws TypeError, RangeError where it is not, or an option is wrong
   */
  constructor(channels: number, options: GradientSumsOptions = NO_OPTIONS) {
    checkChannelCount('GradientSums', channels);
    const { summation = 'ordered' } = readOptions('GradientSums', options, OPTIONS);
    checkSummation('GradientSums', summation);
    this.#channels = channels;
    const zeros = () => newTensor<Float64Array>('Float64Array', channels);
    this.#sums = summation === 'exact' ? noExactSums(channels) : { sumDy: zeros(), sumDyDeviation: zeros() };
    this.#part = { sumDy: zeros(), sumDyDeviation: zeros() };
  }

  /** How values are summed: 'ordered' or 'exact'. */
  get summation(): Summation {
    return isExactSums(this.#sums) ? 'exact' : 'ordered';
  }

  /** Number of channels, c. */
  get channels(): number {
    return this.#channels;
  }

  /** Values seen per channel (or their weights): those of the whole batch, when all its pieces have been added. */
  get count(): number {
    return this.#count;
  }

  /** Σ g per channel, [c]: dbeta. */
  get sumDy(): Float64Array {
    return this.#sums.sumDy.slice();
  }

  /** Σ g·(x − mean) per channel, [c]: dgamma·√(variance + epsilon). */
  get sumDyDeviation(): Float64Array {
    return this.#sums.sumDyDeviation.slice();
  }

  /**
   * Adds a piece.
   *
   * @param dy gradient of the loss with respect to y, of the type and shape of x
   * @param x what the forward was given
   * @param shape its dimensions; their product is `x.length`, and the channel axis has `channels`
   * @param options mean and variance of the whole batch, the rest as the forward had it
   * @throws TypeError, RangeError as {@link backward}; nothing has been added then
   */
  add<T extends Tensor>(dy: T, x: T, shape: readonly number[], options: GradientSumsAddOptions<T>): this;
  /** Adds a piece of 16 bits: the same with `dtype`, which a Float16Array says by itself. */
  add<H extends HalfTensor>(dy: H, x: H, shape: readonly number[], options: HalfGradientSumsAddOptions<H>): this;
  add<T extends Tensor>(dy: T, x: T, shape: readonly number[], options: PieceOptions<T>): this {
    const piece = readPiece(ADD, this.#channels, isExactSums(this.#sums), dy, x, shape, options);
    const { mean } = piece.affine;
    this.#checkMean(ADD, 'mean', mean);
    // Of a piece without values, too: where other ranks have some, the mean is what theirs are about.
    this.#mean ??= mean.slice();
    return piece.x.length === 0 ? this : this.#sum(piece);
  }

  /** Adds what the kernels make of a piece. */
  #sum({ dy, x, residual, affine, activation, view, count }: GradientPiece): this {
    const own = this.#sums;
    if (!isExactSums(own)) {
      gradientSums(null, this.#part, dy, x, residual, affine, activation, view);
      return this.#add(this.#part, count, affine.mean);
    }
    this.#sums = exactGradientSums(dy, x, residual, affine, activation, view, own.records.slice());
    this.#count += count;
    return this;
  }

  /** Deviations from another mean do not add to these. */
  #checkMean(call: string, name: string, mean: Float64Array | null): void {
    const own = this.#mean;
    if (own === null || mean === null) return;
    const other = own.findIndex((value, ch) => !Object.is(value, mean[ch]));
    if (other < 0) return;
    throw wrongValue(call, `${name}[${other}]`, `${own[other]}, the mean of what was added before`, mean[other]);
  }

  /**
   * Adds what another has seen, which stays as it is.
   *
   * @param other of as many channels, with the same mean
   * @throws TypeError where it is no `GradientSums`, RangeError where its channels, its mean or its summation
   *   differ
   */
  merge(other: GradientSums): this {
    if (!isGradientSums(other)) throw wrongKind('GradientSums.merge', 'other', 'GradientSums', other);
    if (other.channels !== this.#channels) {
      throw wrongValue('GradientSums.merge', 'other.channels', `${this.#channels}`, other.channels);
    }
    refuseOtherSummation('GradientSums.merge', this.summation, other.summation);
    this.#checkMean('GradientSums.merge', 'other.mean', other.#mean);
    return this.#add(other.#sums, other.#count, other.#mean);
  }

  #add(part: GradientSumArrays, count: number, mean: Float64Array | null): this {
    const known = this.#mean ?? mean?.slice() ?? null;
    if (isExactSums(this.#sums) && isExactSums(part)) {
      const records = addRecords(this.#sums.records, part.records);
      this.#sums = known === null ? this.#sums : sumsOfRecords(records, known);
    } else {
      this.#addInOrder(part);
    }
    this.#mean = known;
    this.#count += count;
    return this;
  }

  #addInOrder({ sumDy, sumDyDeviation }: GradientSumArrays): void {
    for (let ch = 0; ch < this.#channels; ch++) {
      this.#sums.sumDy[ch] += sumDy[ch];
      this.#sums.sumDyDeviation[ch] += sumDyDeviation[ch];
    }
  }

  /** Plain data for `JSON.stringify`, without loss, as {@link Moments.toJSON}. */
  toJSON(): GradientSumsJSON {
    return encodeGradientSums(this.#sums, this.#count, this.#mean);
  }

  /**
   * Reads what {@link GradientSums.toJSON} wrote, after `JSON.parse`.
   *
   * @throws TypeError, RangeError naming the field that is missing, unknown or wrong
   * @example
   * import { GradientSums } from 'batchnorm';
   * const sums = new GradientSums(1);
   * sums.add(Float32Array.of(1, 2), Float32Array.of(3, 4), [2, 1], { mean: [3.5], variance: [0.25] });
   * const copy = GradientSums.fromJSON(JSON.parse(JSON.stringify(sums)));
   * console.log(copy.sumDyDeviation[0]); // → 0.5
   */
  static fromJSON(json: unknown): GradientSums {
    const { sums, count, mean, channels, summation } = decodeGradientSums('GradientSums.fromJSON', json);
    const made = new GradientSums(channels, { summation });
    return sums === null ? made : made.#add(sums, count, mean);
  }
}
