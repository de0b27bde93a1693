import { kernelActivation } from '../arguments/activation.js';
import { checkOperands, type FusedOptions, readFormula } from '../arguments/operation.js';
import { DEFAULT_EPSILON, NO_OPTIONS, namesOf, readOptions } from '../arguments/options.js';
import { bitsOf, newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import {
  checkArray,
  checkHalf,
  checkOverlap,
  checkSingleValue,
  checkTensor,
  readHalf,
  readView,
  refuseSingleValue,
} from '../arguments/validate.js';
import type { Affine, HalfDtype } from '../kernels.js';
import { forwardChosen } from '../passes/chosen.js';
import { checkExact, checkSummation, exactForward, type Summation } from '../passes/exact.js';
import { forwardHalf } from '../passes/half.js';
import { type Mask, readMask } from '../passes/mask.js';
import { forward } from '../passes/range.js';
import type { Float16Tensor, HalfTensor, Tensor, WithHalf } from '../types.js';

/** Options of {@link forwardTraining}, all of them optional. c is the number of channels. */
export interface ForwardTrainingOptions<T extends Tensor> extends FusedOptions<T> {
  /**
   * What to do with one value per channel (m = 1), which has no variance: 'throw' a RangeError (default, as PyTorch) or
   * 'allow' it (as Keras: variance 0, y = beta, dx = 0).
   */
  singleValue?: 'throw' | 'allow' | undefined;
  /**
   * How the statistics are summed: 'ordered' (default), or 'exact', the same bits for any layout, order, split and
   * number of ranks (float32, without weights in the mask): docs/reproducible.md.
   */
  summation?: Summation | undefined;
  /**
   * Which positions take part: 0 or 1 (false or true), or a weight > 0, for each position, [shape without the channel
   * axis]. A position with 0 is no part of the batch, whatever lies there (NaN too), and y is 0 there. Default: all
   * positions.
   */
  mask?: Mask | undefined;
  /**
   * Array that y is written to, of the length of x. It may be x or residual itself, and may not overlap anything else.
   * Default a new array.
   */
  out?: T | undefined;
  /** Array that the mean is written to, [c]. Default a new array. */
  outMean?: Float64Array | undefined;
  /** Array that the variance is written to, [c]. Default a new array. */
  outVariance?: Float64Array | undefined;
}

/** {@link ForwardTrainingOptions} for x of 16 bits. */
export type HalfForwardTrainingOptions<H extends HalfTensor> = WithHalf<ForwardTrainingOptions<Float32Array>, H>;

/** Result of {@link forwardTraining}; {@link backward} needs mean and variance. */
export interface ForwardTraining<T extends Tensor | HalfTensor> {
  /** The normalised batch, of the shape of x: `out`, where given. */
  y: T;
  /** Mean of the batch per channel, [c]. */
  mean: Float64Array;
  /** Population (biased) variance of the batch per channel, [c]: divided by m, not by m − 1. */
  variance: Float64Array;
}

type Half = { dtype?: HalfDtype | undefined };

const CALL = 'forwardTraining';
const OPTIONS = /* @__PURE__ */ namesOf<ForwardTrainingOptions<Tensor> & Half>({
  dtype: 1,
  axis: 1,
  epsilon: 1,
  gamma: 1,
  beta: 1,
  residual: 1,
  activation: 1,
  singleValue: 1,
  summation: 1,
  mask: 1,
  out: 1,
  outMean: 1,
  outVariance: 1,
});
const IN_PLACE = { out: ['x', 'residual'] };

/**
 * Normalises a batch of 16-bit elements, float16 or bfloat16, by its own statistics. gamma and beta are Float32Array.
 * It computes as for float32, and rounds once, where y is written.
 *
 * @param x the batch: the bits in a Uint16Array, of which `dtype` says whether they are 'float16' or 'bfloat16'
 * @param shape its dimensions; their product is `x.length`
 * @param options `dtype` is needed; else as for other tensors, with residual and out of the type of x
 * @returns y (`out`, where given), mean and variance, which are float64
 * @throws TypeError, RangeError as for other tensors
 * @example
 * import { forwardTraining, fromBfloat16, toBfloat16 } from 'batchnorm';
 * const x = toBfloat16(Float32Array.of(1, 10, 5, 3, 30, 5));
 * const { y, mean } = forwardTraining(x, [2, 3], { dtype: 'bfloat16', epsilon: 0 });
 * console.log([...fromBfloat16(y)], [...mean]); // → [ -1, -1, 0, 1, 1, 0 ] [ 2, 20, 5 ]
 */
export function forwardTraining(
  x: Uint16Array,
  shape: readonly number[],
  options: HalfForwardTrainingOptions<Uint16Array>,
): ForwardTraining<Uint16Array>;
/** Normalises a batch in a Float16Array, without `dtype`: the array says by itself what it holds. */
export function forwardTraining(
  x: Float16Tensor,
  shape: readonly number[],
  options: HalfForwardTrainingOptions<Float16Tensor>,
): ForwardTraining<Float16Tensor>;
/**
 * Normalises a batch by its own statistics: the forward pass of training (Algorithm 1 of arXiv 1502.03167).
 *
 *     mean = Σx / m                   over the m values of a channel
 *     variance = Σ(x − mean)² / m
 *     y = activation(gamma·(x − mean)/√(variance + epsilon) + beta + residual)
 *
 * Statistics are float64, whatever x is. NaN and Infinity stay in their channel. An empty batch (m = 0) gives an empty
 * y, and NaN for mean and variance.
 *
 * @param x the batch, Float32Array or Float64Array; gamma, beta, residual and out have its type
 * @param shape its dimensions, of any rank from 1 on, such as [n, c], [n, c, height, width] or, with `axis: -1`,
 *   [n, height, width, c]; their product is `x.length`
 * @param options all optional; see {@link ForwardTrainingOptions}
 * @returns y (`out`, where given), mean and variance; keep x, mean and variance for {@link backward}
 * @throws TypeError where something is of the wrong kind (or detached, or released), or an option has an unknown name
 * @throws RangeError where a length, a shape, an axis or a value is wrong, where an output overlaps something else, and
 *   for one value per channel unless `singleValue: 'allow'`; outputs are untouched
 * @example
 * import { forwardTraining } from 'batchnorm';
 * // Two samples of three features: the columns are normalised.
 * const x = Float32Array.of(1, 10, 5, 3, 30, 5);
 * const { y, mean, variance } = forwardTraining(x, [2, 3], { epsilon: 0 });
 * console.log([...y]); // → [ -1, -1, 0, 1, 1, 0 ]
 * console.log([...mean], [...variance]); // → [ 2, 20, 5 ] [ 1, 100, 0 ]
 */
export function forwardTraining<T extends Tensor>(
  x: T,
  shape: readonly number[],
  options?: ForwardTrainingOptions<T>,
): ForwardTraining<T>;
export function forwardTraining<T extends Tensor>(
  x: T,
  shape: readonly number[],
  options: ForwardTrainingOptions<T> & Half = NO_OPTIONS,
): ForwardTraining<T> {
  const given = readOptions(CALL, options, OPTIONS);
  const {
    axis,
    epsilon = DEFAULT_EPSILON,
    gamma,
    beta,
    residual,
    singleValue = 'throw',
    summation = 'ordered',
    mask,
    out,
    outMean,
    outVariance,
  } = given;
  const activation = readFormula(CALL, epsilon, given.activation);
  checkSingleValue(CALL, singleValue);
  checkSummation(CALL, summation);

  const view = readView(CALL, shape, axis);
  const { c } = view;
  const selection = readMask(CALL, mask, shape, view);
  const dtype = readHalf(CALL, x, given.dtype);
  const kind = dtype === null ? checkTensor(CALL, 'x', x, shape, view) : checkHalf(CALL, x, dtype, shape, view);
  if (summation === 'exact') checkExact(CALL, x, selection);
  checkOperands(CALL, x, gamma, beta, residual, kind, c, shape);
  if (out !== undefined) checkArray(CALL, 'out', out, kind, x.length, shape);
  if (outMean !== undefined) checkArray(CALL, 'outMean', outMean, 'Float64Array', c, 'channels');
  if (outVariance !== undefined) checkArray(CALL, 'outVariance', outVariance, 'Float64Array', c, 'channels');
  checkOverlap(CALL, { out, outMean, outVariance }, { x, residual, gamma, beta }, IN_PLACE);
  if ((selection?.view.n ?? view.n * view.s) === 1 && c > 0 && singleValue === 'throw') {
    refuseSingleValue(CALL, shape, 'normalise by known statistics with forwardInference', selection !== null);
  }

  const affine: Affine<T> = {
    mean: outMean ?? newTensor<Float64Array>('Float64Array', c),
    variance: outVariance ?? newTensor<Float64Array>('Float64Array', c),
    gamma: gamma ?? null,
    beta: beta ?? null,
    epsilon,
  };
  const y = out ?? newTensor<T>(kind, x.length);
  const code = kernelActivation(activation);
  if (dtype !== null) {
    const tensors = { y: bitsOf(y), x: bitsOf(x), residual: residual === undefined ? null : bitsOf(residual) };
    const parameters = affine as Affine as Affine<Float32Array>;
    forwardHalf({ dtype, ...tensors, affine: parameters, activation: code, view, selection, summation });
  } else if (selection !== null)
    forwardChosen(kind as TensorKind, y, x, residual ?? null, affine, code, view, selection, true, summation);
  else if (x.length > 0) {
    (summation === 'exact' ? exactForward : forward)(y, x, residual ?? null, affine, code, view);
  } else {
    affine.mean.fill(NaN);
    affine.variance.fill(NaN);
  }
  return { y, mean: affine.mean, variance: affine.variance };
}
