import { wrongKind, wrongValue } from '../arguments/messages.js';
import {
  checkOperands,
  type FusedOptions,
  type GivenStatistics,
  parameterKind,
  readFormula,
} from '../arguments/operation.js';
import { DEFAULT_EPSILON, namesOf, readOptions } from '../arguments/options.js';
import {
  checkArray,
  checkChoice,
  checkHalf,
  checkTensor,
  readHalf,
  readStatistics,
  readView,
} from '../arguments/validate.js';
import { type DoubleBackwardPass, doubleGradients } from '../passes/differentiate-twice.js';
import { checkExact, checkSummation, type Summation } from '../passes/exact.js';
import { halfDoubleGradients } from '../passes/half-twice.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { Selection } from '../passes/selection.js';
import type { HalfDtype, HalfTensor, Tensor, WithHalf } from '../types.js';

/**
 * Options of {@link doubleBackward}: `mean` and `variance` are needed, the rest is optional. c is the number of
 * channels.
 */
export interface DoubleBackwardOptions<T extends Tensor> extends FusedOptions<T>, GivenStatistics {
  /**
   * Which forward was differentiated. 'batch' (default): `forwardTraining`, where mean and variance depend on x.
   * 'given': `forwardInference`, where they are constants.
   */
  statistics?: 'batch' | 'given' | undefined;
  /** How sums are taken: as `summation` of `forwardTraining`. Default 'ordered'. */
  summation?: Summation | undefined;
  /** The mask of the forward, of 0 and 1; dx and ddy are 0 where it is 0. Default: all positions take part. */
  mask?: Mask | undefined;
  /** Gradient of the loss with respect to the dx that `backward` gave, of the shape of x. Default 0. */
  ddx?: T | undefined;
  /** Gradient of the loss with respect to the dgamma that `backward` gave, [c]. Default 0. */
  ddgamma?: T | undefined;
  /** Gradient of the loss with respect to the dbeta that `backward` gave, [c]. Default 0. */
  ddbeta?: T | undefined;
  /** Gradient of the loss with respect to the dresidual that `backward` gave, with `residual` only. Default 0. */
  ddresidual?: T | undefined;
}

/** Gradients of a loss that depends on gradients, as {@link doubleBackward} returns them: new arrays. */
export interface DoubleBackward<T extends Tensor> {
  /** Gradient of the loss with respect to x, of the shape of x. */
  dx: T;
  /** Gradient of the loss with respect to the dy that `backward` was given, of the shape of x. */
  ddy: T;
  /** Gradient of the loss with respect to gamma, [c]. */
  dgamma: T;
}

/** {@link DoubleBackwardOptions} for x of 16 bits. */
export type HalfDoubleBackwardOptions<H extends HalfTensor> = WithHalf<DoubleBackwardOptions<Float32Array>, H>;

/** {@link DoubleBackward} of 16 bits, but for dgamma. */
export type HalfDoubleBackward<H extends HalfTensor> = Omit<DoubleBackward<Float32Array>, 'dx' | 'ddy'> & {
  dx: H;
  ddy: H;
};

type Half = { dtype?: HalfDtype | undefined };

const CALL = 'doubleBackward';
const OPTIONS = /* @__PURE__ */ namesOf<DoubleBackwardOptions<Tensor> & Half>({
  dtype: 1,
  axis: 1,
  epsilon: 1,
  mean: 1,
  variance: 1,
  statistics: 1,
  summation: 1,
  gamma: 1,
  beta: 1,
  residual: 1,
  activation: 1,
  mask: 1,
  ddx: 1,
  ddgamma: 1,
  ddbeta: 1,
  ddresidual: 1,
});
const STATISTICS = ['batch', 'given'] as const;

/**
 * Gradients of `backward`, for a loss that depends on gradients, such as a gradient penalty. Given the gradients of the
 * loss with respect to dx, dgamma, dbeta and dresidual, it gives those with respect to x, dy and gamma.
 *
 *     P(z) = z − mean(z) − x̂·mean(z·x̂)      so that dx of `backward` was gamma·rstd·P(g)
 *     a = mean(ddx·x̂),  b = mean(g·x̂),  g̃ = g − mean(g),  ũ = ddx − mean(ddx)
 *     ddy = gamma·rstd·P(ddx) + ddgamma·x̂ + ddbeta + ddresidual, through the activation
 *     dgamma = rstd·Σ ddx·P(g)
 *     dx = rstd·ddgamma·(g̃ − x̂·b) − gamma·rstd²·(a·g̃ + b·ũ + x̂·(mean(ũ·g̃) − 3·a·b))
 *
 * With given statistics P(z) = z, and dx = rstd·ddgamma·g. Nothing depends on beta or the residual but by which values
 * the activation passes, and the loss is taken to be smooth there: they have no gradient.
 *
 * Ghost batches are a call each. Pieces of a larger batch (`sums` of `backward`) and masks with weights are refused.
 * float64 whose squares leave float64 is not measured anew, as in `backward`: rstd³ wants variance + epsilon from 2⁻⁴⁰⁰
 * to 2⁴⁰⁰.
 *
 * @param dy as `backward` had it, of the type and shape of x
 * @param x as the forward had it
 * @param shape its dimensions; their product is `x.length`
 * @param options as `backward` had them, and ddx, ddgamma, ddbeta, ddresidual; see {@link DoubleBackwardOptions}
 * @throws TypeError where something is of the wrong kind (or detached, or released), an option has an unknown name, or
 *   ddresidual comes without residual
 * @throws RangeError where a length, a shape, an axis or a value is wrong, or the mask has weights
 * @example
 * import { backward, doubleBackward } from 'batchnorm';
 * const [x, dy, shape] = [Float64Array.of(0, 1), Float64Array.of(1, 2), [2, 1]];
 * const given = { mean: [0], variance: [1], epsilon: 0, gamma: Float64Array.of(3) };
 * const { dx } = backward(dy, x, shape, { ...given, statistics: 'given' }); // 3·dy
 * // The penalty Σ dx²/2 has the gradient dx with respect to dx.
 * const { ddy, dgamma } = doubleBackward(dy, x, shape, { ...given, statistics: 'given', ddx: dx });
 * console.log([...ddy], dgamma[0]); // → [ 9, 18 ] 15
 */
export function doubleBackward<T extends Tensor>(
  dy: T,
  x: T,
  shape: readonly number[],
  options: DoubleBackwardOptions<T>,
): DoubleBackward<T>;
/**
 * Gradients of {@link backward} with elements of 16 bits: dx and ddy are rounded once, where they are written; gamma
 * and its gradients are float32.
 */
export function doubleBackward<H extends HalfTensor>(
  dy: H,
  x: H,
  shape: readonly number[],
  options: HalfDoubleBackwardOptions<H>,
): HalfDoubleBackward<H>;
export function doubleBackward<T extends Tensor>(
  dy: T,
  x: T,
  shape: readonly number[],
  options: DoubleBackwardOptions<T> & Half,
): DoubleBackward<T> {
  const given = readOptions(CALL, options, OPTIONS);
  const { axis, epsilon = DEFAULT_EPSILON, mean, variance, statistics = 'batch', summation = 'ordered' } = given;
  const { gamma, beta, residual, mask, ddx, ddgamma, ddbeta, ddresidual } = given;
  const activation = readFormula(CALL, epsilon, given.activation);
  checkChoice(CALL, 'statistics', statistics, STATISTICS);
  checkSummation(CALL, summation);

  const view = readView(CALL, shape, axis);
  const { c } = view;
  const selection = readMask(CALL, mask, shape, view);
  if (selection !== null) refuseWeights(selection);
  const known = readStatistics(CALL, mean, variance, c);
  const dtype = readHalf(CALL, x, given.dtype);
  const kind = dtype === null ? checkTensor(CALL, 'x', x, shape, view) : checkHalf(CALL, x, dtype, shape, view);
  checkArray(CALL, 'dy', dy, kind, x.length, shape);
  if (summation === 'exact') checkExact(CALL, x, selection);
  checkOperands(CALL, x, gamma, beta, residual, kind, c, shape);
  if (ddx !== undefined) checkArray(CALL, 'ddx', ddx, kind, x.length, shape);
  if (ddgamma !== undefined) checkArray(CALL, 'ddgamma', ddgamma, parameterKind(kind), c, 'channels');
  if (ddbeta !== undefined) checkArray(CALL, 'ddbeta', ddbeta, parameterKind(kind), c, 'channels');
  if (ddresidual !== undefined) {
    if (residual === undefined) throw wrongKind(CALL, 'ddresidual', 'nothing without a residual', ddresidual);
    checkArray(CALL, 'ddresidual', ddresidual, kind, x.length, shape);
  }

  const pass: DoubleBackwardPass<T> = {
    kind,
    view,
    dy,
    x,
    residual: residual ?? null,
    affine: { mean: known.mean, variance: known.variance, gamma: gamma ?? null, beta: beta ?? null, epsilon },
    activation,
    batchStatistics: statistics === 'batch',
    summation,
    ddx: ddx ?? null,
    ddgamma: ddgamma ?? null,
    ddbeta: ddbeta ?? null,
    ddresidual: ddresidual ?? null,
  };
  const gradients = dtype === null ? doubleGradients(pass, selection) : halfDoubleGradients(dtype, pass, selection);
  return gradients as DoubleBackward<T>;
}

/** A weight counts in the statistics and not in the loss, so P would not be symmetric. */
function refuseWeights({ positions, weights }: Selection): void {
  const row = weights?.each.findIndex((weight) => weight !== 1) ?? -1;
  if (row >= 0) throw wrongValue(CALL, `mask[${positions[row]}]`, '0 or 1', weights?.each[row]);
}
