import { wrongKind, wrongValue } from '../arguments/messages.js';
import {
  checkOperands,
  type FusedOptions,
  type GivenStatistics,
  parameterKind,
  readFormula,
} from '../arguments/operation.js';
import { DEFAULT_EPSILON, namesOf, readOptions } from '../arguments/options.js';
import { newTensor } from '../arguments/typed-arrays.js';
import {
  checkArray,
  checkChoice,
  checkHalf,
  checkOverlap,
  checkTensor,
  readHalf,
  readStatistics,
  readView,
  refuseOrphan,
} from '../arguments/validate.js';
import type { HalfDtype, View } from '../kernels.js';
import { arrange } from '../passes/arrange.js';
import { arrangedGradients, type BackwardPass, computeGradients } from '../passes/differentiate.js';
import { checkExact, checkSummation, type Summation } from '../passes/exact.js';
import { halfGradients } from '../passes/half.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { Selection } from '../passes/selection.js';
import { type GradientSums, isGradientSums, meanOf, sumsOf, type WholeSums } from '../statistics/gradient-sums.js';
import type { Float16Tensor, HalfTensor, Tensor, WithHalf } from '../types.js';

/** Options of {@link backward}: `mean` and `variance` are needed, the rest is optional. c is the number of channels. */
export interface BackwardOptions<T extends Tensor> extends FusedOptions<T>, GivenStatistics {
  /**
   * Which forward is differentiated. 'batch' (default): {@link forwardTraining}, where mean and variance depend on x.
   * 'given': {@link forwardInference}, where they are constants.
   */
  statistics?: 'batch' | 'given' | undefined;
  /**
   * How Σ g and Σ g·(x − mean) are summed, where `sums` are not given: as `summation` of {@link forwardTraining}.
   * Default 'ordered'.
   */
  summation?: Summation | undefined;
  /**
   * The merged gradient sums of a whole batch of which x is one piece; see {@link GradientSums}. `mean` and `variance`
   * are of the whole batch too, and so are dgamma and dbeta: they are the same for each piece. Default: x is the whole
   * batch.
   */
  sums?: WholeSums | undefined;
  /** The residual that the forward added, of the shape of x; it makes the result have `dresidual`. Default none. */
  residual?: T | undefined;
  /**
   * The mask of the forward: 0 or 1 (false or true), or a weight > 0, for each position, [shape without the channel
   * axis]. dx and dresidual are 0 at masked positions, whatever lies there. Default: all positions take part.
   */
  mask?: Mask | undefined;
  /**
   * Array that dx is written to, of the length of x. It may be dy itself, and may not overlap anything else. Default a
   * new array.
   */
  out?: T | undefined;
  /** Array that dgamma is written to, [c]. Default a new array. */
  outGamma?: T | undefined;
  /** Array that dbeta is written to, [c]. Default a new array. */
  outBeta?: T | undefined;
  /**
   * Array that dresidual is written to, of the length of x; only with `residual`. It may be dy itself if `out` is not,
   * and may not overlap anything else. Default a new array; without an activation dy itself, unless `out` is dy.
   */
  outResidual?: T | undefined;
}

/** Gradients of the loss, as {@link backward} returns them. */
export interface Gradients<T extends Tensor> {
  /** Gradient of the loss with respect to x, of the shape of x: `out`, where given. */
  dx: T;
  /** Gradient of the loss with respect to gamma, [c]: `outGamma`, where given. */
  dgamma: T;
  /** Gradient of the loss with respect to beta, [c]: `outBeta`, where given. */
  dbeta: T;
  /**
   * Gradient of the loss with respect to the residual, of the shape of x: dy through the activation. Absent without
   * `residual`. With activation 'none' it is the array dy itself, unless `outResidual` is given or `out` is dy.
   */
  dresidual?: T;
}

/** {@link BackwardOptions} for x of 16 bits. */
export type HalfBackwardOptions<H extends HalfTensor> = WithHalf<BackwardOptions<Float32Array>, H>;

/** {@link Gradients} of 16 bits, but for dgamma and dbeta. */
export type HalfGradients<H extends HalfTensor> = Omit<Gradients<Float32Array>, 'dx' | 'dresidual'> & {
  dx: H;
  dresidual?: H;
};

type Half = { dtype?: HalfDtype | undefined };

const CALL = 'backward';
const OPTIONS = /* @__PURE__ */ namesOf<BackwardOptions<Tensor> & Half>({
  dtype: 1,
  axis: 1,
  epsilon: 1,
  mean: 1,
  variance: 1,
  statistics: 1,
  summation: 1,
  sums: 1,
  gamma: 1,
  beta: 1,
  residual: 1,
  activation: 1,
  mask: 1,
  out: 1,
  outGamma: 1,
  outBeta: 1,
  outResidual: 1,
});
const STATISTICS = ['batch', 'given'] as const;
const IN_PLACE = { out: ['dy'], outResidual: ['dy'] };

/**
 * Gradients of a forward with elements of 16 bits, float16 or bfloat16: dx and dresidual are rounded once, where they
 * are written; dgamma and dbeta are Float32Array.
 *
 * @param dy gradient of the loss with respect to y, of the type and shape of x
 * @param x what the forward was given: the bits in a Uint16Array
 * @param shape its dimensions; their product is `x.length`
 * @param options as the forward had them, with its `dtype`, and the mean and variance that it used
 * @throws TypeError, RangeError as for other tensors
 * @example
 * import { backward, fromBfloat16, toBfloat16 } from 'batchnorm';
 * const [dy, x] = [toBfloat16(Float32Array.of(1, 0, 0)), toBfloat16(Float32Array.of(-1, 0, 1))];
 * const given = { mean: [0], variance: [1], epsilon: 0 };
 * const { dx, dbeta } = backward(dy, x, [3, 1], { dtype: 'bfloat16', statistics: 'given', ...given });
 * console.log([...fromBfloat16(dx)], [...dbeta]); // → [ 1, 0, 0 ] [ 1 ]
 */
export function backward(
  dy: Uint16Array,
  x: Uint16Array,
  shape: readonly number[],
  options: HalfBackwardOptions<Uint16Array>,
): HalfGradients<Uint16Array>;
/** Gradients of a forward with a Float16Array, without `dtype`: the array says by itself what it holds. */
export function backward(
  dy: Float16Tensor,
  x: Float16Tensor,
  shape: readonly number[],
  options: HalfBackwardOptions<Float16Tensor>,
): HalfGradients<Float16Tensor>;
/**
 * Gradients of {@link forwardTraining} or, with `statistics: 'given'`, of {@link forwardInference}.
 *
 *     x̂ = (x − mean)·rstd               where rstd = 1/√(variance + epsilon)
 *     g = dy where the activation passes, 0 where it stops
 *     dgamma = Σ g·x̂,  dbeta = Σ g,  dresidual = g
 *     dx = gamma·rstd·(g − dbeta/m − x̂·dgamma/m)   with the statistics of the batch
 *     dx = gamma·rstd·g                             with given statistics
 *
 * An empty batch gives empty dx, and 0 for dgamma and dbeta.
 *
 * @param dy gradient of the loss with respect to y, of the type and shape of x
 * @param x what the forward was given, unchanged: after a forward in place it is gone
 * @param shape its dimensions; their product is `x.length`
 * @param options as the forward had them, with the mean and variance that it used; see {@link BackwardOptions}
 * @throws TypeError where something is of the wrong kind (or detached, or released), an option has an unknown name, or
 *   outResidual comes without residual
 * @throws RangeError where a length, a shape, an axis or a value is wrong, and where an output overlaps something else;
 *   outputs are untouched
 * @example
 * import { backward, forwardTraining } from 'batchnorm';
 * const x = Float64Array.of(1, 2, 6);
 * const { mean, variance } = forwardTraining(x, [3, 1]);
 * const { dx, dbeta } = backward(Float64Array.of(1, 1, 1), x, [3, 1], { mean, variance });
 * console.log([...dbeta]); // → [ 3 ]
 * // The mean takes out what all samples have in common.
 * console.log(dx.every((value) => Math.abs(value) < 1e-12)); // → true
 */
export function backward<T extends Tensor>(
  dy: T,
  x: T,
  shape: readonly number[],
  options: BackwardOptions<T>,
): Gradients<T>;
export function backward<T extends Tensor>(
  dy: T,
  x: T,
  shape: readonly number[],
  options: BackwardOptions<T> & Half,
): Gradients<T> {
  const given = readOptions(CALL, options, OPTIONS);
  const {
    axis,
    epsilon = DEFAULT_EPSILON,
    mean,
    variance,
    statistics = 'batch',
    summation = 'ordered',
    sums,
    gamma,
    beta,
    residual,
    mask,
  } = given;
  const { out, outGamma, outBeta, outResidual } = given;
  const activation = readFormula(CALL, epsilon, given.activation);
  checkChoice(CALL, 'statistics', statistics, STATISTICS);
  checkSummation(CALL, summation);

  const view = readView(CALL, shape, axis);
  const { c } = view;
  if (sums !== undefined) checkSums(sums, statistics, c);
  const selection = readMask(CALL, mask, shape, view);
  const known = readStatistics(CALL, mean, variance, c);
  if (sums !== undefined) {
    checkWhole(sums, summation, given.summation !== undefined, known.mean, countOf(view, selection));
  }
  const dtype = readHalf(CALL, x, given.dtype);
  const kind = dtype === null ? checkTensor(CALL, 'x', x, shape, view) : checkHalf(CALL, x, dtype, shape, view);
  checkArray(CALL, 'dy', dy, kind, x.length, shape);
  if (summation === 'exact') checkExact(CALL, x, selection);
  checkOperands(CALL, x, gamma, beta, residual, kind, c, shape);
  if (residual === undefined && outResidual !== undefined) refuseOrphan(CALL, 'a residual', outResidual);
  if (out !== undefined) checkArray(CALL, 'out', out, kind, x.length, shape);
  if (outGamma !== undefined) checkArray(CALL, 'outGamma', outGamma, parameterKind(kind), c, 'channels');
  if (outBeta !== undefined) checkArray(CALL, 'outBeta', outBeta, parameterKind(kind), c, 'channels');
  if (outResidual !== undefined) checkArray(CALL, 'outResidual', outResidual, kind, x.length, shape);
  const inputs = { dy, x, residual, gamma, beta, mean, variance };
  checkOverlap(CALL, { out, outGamma, outBeta, outResidual }, inputs, IN_PLACE);

  const dgamma = outGamma ?? newTensor<T>(parameterKind(kind), c);
  const dbeta = outBeta ?? newTensor<T>(parameterKind(kind), c);
  const arrangement = arrange(view, selection);
  const whole = sums === undefined ? null : { ...sumsOf(sums), count: sums.count };
  const pass: BackwardPass<T> = {
    kind,
    view,
    dy,
    x,
    activation,
    dgamma,
    dbeta,
    out,
    outResidual,
    hasResidual: residual !== undefined,
    residual: residual ?? null,
    affine: { mean: known.mean, variance: known.variance, gamma: gamma ?? null, beta: beta ?? null, epsilon },
    batchStatistics: statistics === 'batch',
    sums: whole,
    weights: null,
    summation,
    learn: true,
  };
  const { dx, dresidual } =
    dtype !== null
      ? halfGradients(dtype, pass, arrangement)
      : arrangement === null
        ? computeGradients(pass)
        : arrangedGradients(arrangement, pass);
  return dresidual === null ? { dx, dgamma, dbeta } : { dx, dgamma, dbeta, dresidual };
}

/** Sums of a batch are of its mean, and of no fewer values than the piece of it that x is. */
function checkWhole(
  sums: GradientSums,
  summation: Summation,
  isAsked: boolean,
  mean: Float64Array,
  count: number,
): void {
  if (isAsked && sums.summation !== summation) {
    throw wrongValue(CALL, 'summation', `'${sums.summation}', as "sums" has it`, summation);
  }
  const own = meanOf(sums);
  const other = own === null ? -1 : own.findIndex((value, ch) => !Object.is(value, mean[ch]));
  if (own !== null && other >= 0) {
    throw wrongValue(CALL, `mean[${other}]`, `${own[other]}, the mean that "sums" are of`, mean[other]);
  }
  if (sums.count < count) throw wrongValue(CALL, 'sums.count', `at least ${count}, the values of x`, sums.count);
}

/** Values per channel that take part. */
function countOf({ n, s }: View, selection: Selection | null): number {
  return selection === null ? n * s : (selection.weights?.total ?? selection.view.n);
}

/** Sums are of the batch, so they say nothing where statistics are constants. */
function checkSums(sums: WholeSums, statistics: 'batch' | 'given', channels: number): asserts sums is GradientSums {
  if (!isGradientSums(sums)) throw wrongKind(CALL, 'sums', 'GradientSums', sums);
  if (statistics === 'given') throw wrongKind(CALL, 'sums', "nothing with statistics: 'given'", sums);
  const own = sumsOf(sums).sumDy.length;
  if (own !== channels) throw wrongValue(CALL, 'sums.channels', `${channels}`, own);
}
