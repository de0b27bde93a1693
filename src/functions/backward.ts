import { wrongKind, wrongValue } from '../arguments/messages.js';
import { checkOperands, type FusedOptions, type GivenStatistics, readFormula } from '../arguments/operation.js';
import { DEFAULT_EPSILON, namesOf, readOptions } from '../arguments/options.js';
import { newTensor } from '../arguments/typed-arrays.js';
import {
  checkArray,
  checkChoice,
  checkOverlap,
  checkTensor,
  readStatistics,
  readView,
  refuseOrphan,
} from '../arguments/validate.js';
import type { View } from '../kernels.js';
import { arrange } from '../passes/arrange.js';
import { arrangedGradients, type BackwardPass, computeGradients } from '../passes/differentiate.js';
import { checkExact, checkSummation, type Summation } from '../passes/exact.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { Selection } from '../passes/selection.js';
import { type GradientSums, isGradientSums, meanOf, sumsOf, type WholeSums } from '../statistics/gradient-sums.js';
import type { ParameterOf, Tensor } from '../types.js';

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
  outGamma?: ParameterOf<T> | undefined;
  /** Array that dbeta is written to, [c]. Default a new array. */
  outBeta?: ParameterOf<T> | undefined;
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
  dgamma: ParameterOf<T>;
  /** Gradient of the loss with respect to beta, [c]: `outBeta`, where given. */
  dbeta: ParameterOf<T>;
  /**
   * Gradient of the loss with respect to the residual, of the shape of x: dy through the activation. Absent without
   * `residual`. With activation 'none' it is the array dy itself, unless `outResidual` is given or `out` is dy.
   */
  dresidual?: T;
}

const CALL = 'backward';
const OPTIONS = /* @__PURE__ */ namesOf<BackwardOptions<Tensor>>({
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
  const kind = checkTensor(CALL, 'x', x, shape, view);
  checkArray(CALL, 'dy', dy, kind, x.length, shape);
  if (summation === 'exact') checkExact(CALL, x, selection);
  checkOperands(CALL, x, gamma, beta, residual, kind, c, shape);
  if (residual === undefined && outResidual !== undefined) refuseOrphan(CALL, 'a residual', outResidual);
  if (out !== undefined) checkArray(CALL, 'out', out, kind, x.length, shape);
  if (outGamma !== undefined) checkArray(CALL, 'outGamma', outGamma, kind, c, 'channels');
  if (outBeta !== undefined) checkArray(CALL, 'outBeta', outBeta, kind, c, 'channels');
  if (outResidual !== undefined) checkArray(CALL, 'outResidual', outResidual, kind, x.length, shape);
  const inputs = { dy, x, residual, gamma, beta, mean, variance };
  checkOverlap(CALL, { out, outGamma, outBeta, outResidual }, inputs, IN_PLACE);

  const dgamma = outGamma ?? newTensor<ParameterOf<T>>(kind, c);
  const dbeta = outBeta ?? newTensor<ParameterOf<T>>(kind, c);
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
    sums: sums === undefined ? null : { ...sumsOf(sums), count: sums.count },
    weights: null,
    summation,
    learn: true,
  };
  const arrangement = arrange(view, selection);
  const { dx, dresidual } = arrangement === null ? computeGradients(pass) : arrangedGradients(arrangement, pass);
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
