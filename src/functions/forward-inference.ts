import { kernelActivation } from '../arguments/activation.js';
import { checkOperands, type FusedOptions, type GivenStatistics, readFormula } from '../arguments/operation.js';
import { DEFAULT_EPSILON, namesOf, readOptions } from '../arguments/options.js';
import { bitsOf, newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import {
  checkArray,
  checkHalf,
  checkOverlap,
  checkTensor,
  readHalf,
  readStatistics,
  readView,
} from '../arguments/validate.js';
import { kernels } from '../backends/select.js';
import type { Affine, HalfDtype } from '../kernels.js';
import { forwardChosen } from '../passes/chosen.js';
import { forwardHalf } from '../passes/half.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { Float16Tensor, HalfTensor, Tensor, WithHalf } from '../types.js';

/** Options of {@link forwardInference}: `mean` and `variance` are needed, the rest is optional. */
export interface ForwardInferenceOptions<T extends Tensor> extends FusedOptions<T>, GivenStatistics {
  /**
   * Which positions are computed: a number > 0 (true), or 0 (false), for each position, [shape without the channel
   * axis]. y is 0 where the mask is 0. Default: all positions.
   */
  mask?: Mask | undefined;
  /**
   * Array that y is written to, of the length of x. It may be x or residual itself, and may not overlap anything else.
   * Default a new array.
   */
  out?: T | undefined;
}

/** {@link ForwardInferenceOptions} for x of 16 bits. */
export type HalfForwardInferenceOptions<H extends HalfTensor> = WithHalf<ForwardInferenceOptions<Float32Array>, H>;

type Half = { dtype?: HalfDtype | undefined };

const CALL = 'forwardInference';
const OPTIONS = /* @__PURE__ */ namesOf<ForwardInferenceOptions<Tensor> & Half>({
  dtype: 1,
  axis: 1,
  epsilon: 1,
  mean: 1,
  variance: 1,
  gamma: 1,
  beta: 1,
  residual: 1,
  activation: 1,
  mask: 1,
  out: 1,
});
const IN_PLACE = { out: ['x', 'residual'] };

/**
 * Normalises elements of 16 bits, float16 or bfloat16, by given statistics. gamma and beta are Float32Array. It
 * computes as for float32, and rounds once, where y is written.
 *
 * @param x the data: the bits in a Uint16Array, of which `dtype` says whether they are 'float16' or 'bfloat16'
 * @param shape its dimensions; their product is `x.length`
 * @param options `dtype`, `mean` and `variance` are needed; residual and out are of the type of x
 * @returns y: `out`, where given
 * @throws TypeError, RangeError as for other tensors
 * @example
 * import { forwardInference, fromFloat16, toFloat16 } from 'batchnorm';
 * const x = toFloat16(Float32Array.of(1, 10, 3, 30));
 * const y = forwardInference(x, [2, 2], { dtype: 'float16', mean: [2, 20], variance: [1, 100], epsilon: 0 });
 * console.log([...fromFloat16(y)]); // → [ -1, -1, 1, 1 ]
 */
export function forwardInference(
  x: Uint16Array,
  shape: readonly number[],
  options: HalfForwardInferenceOptions<Uint16Array>,
): Uint16Array;
/** Normalises a Float16Array by given statistics, without `dtype`: the array says by itself what it holds. */
export function forwardInference(
  x: Float16Tensor,
  shape: readonly number[],
  options: HalfForwardInferenceOptions<Float16Tensor>,
): Float16Tensor;
/**
 * Normalises by given statistics: inference by those of the population (Algorithm 2 of arXiv 1502.03167), or training
 * with frozen ones.
 *
 *     y = activation(gamma·(x − mean)/√(variance + epsilon) + beta + residual)
 *
 * Every value stands for itself: the result for one sample does not depend on the others, and any batch size will do.
 *
 * @param x the data, Float32Array or Float64Array; gamma, beta, residual and out have its type
 * @param shape its dimensions, of any rank from 1 on; their product is `x.length`
 * @param options `mean` and `variance` are needed, the rest is optional; see {@link ForwardInferenceOptions}
 * @returns y: `out`, where given
 * @throws TypeError where something is of the wrong kind (or detached, or released), or an option has an unknown name
 * @throws RangeError where a length, a shape, an axis or a value (a negative variance) is wrong, and where `out`
 *   overlaps something else; `out` is untouched
 * @example
 * import { forwardInference } from 'batchnorm';
 * const y = forwardInference(Float32Array.of(1, 10, 3, 30), [2, 2], { mean: [2, 20], variance: [1, 100], epsilon: 0 });
 * console.log([...y]); // → [ -1, -1, 1, 1 ]
 */
export function forwardInference<T extends Tensor>(
  x: T,
  shape: readonly number[],
  options: ForwardInferenceOptions<T>,
): T;
export function forwardInference<T extends Tensor>(
  x: T,
  shape: readonly number[],
  options: ForwardInferenceOptions<T> & Half,
): T {
  const given = readOptions(CALL, options, OPTIONS);
  const { axis, epsilon = DEFAULT_EPSILON, mean, variance, gamma, beta, residual, mask, out } = given;
  const activation = readFormula(CALL, epsilon, given.activation);

  const view = readView(CALL, shape, axis);
  const { c } = view;
  const selection = readMask(CALL, mask, shape, view);
  const statistics = readStatistics(CALL, mean, variance, c);
  const dtype = readHalf(CALL, x, given.dtype);
  const kind = dtype === null ? checkTensor(CALL, 'x', x, shape, view) : checkHalf(CALL, x, dtype, shape, view);
  checkOperands(CALL, x, gamma, beta, residual, kind, c, shape);
  if (out !== undefined) checkArray(CALL, 'out', out, kind, x.length, shape);
  checkOverlap(CALL, { out }, { x, residual, gamma, beta, mean, variance }, IN_PLACE);

  const affine = {
    mean: statistics.mean,
    variance: statistics.variance,
    gamma: gamma ?? null,
    beta: beta ?? null,
    epsilon,
  };
  const y = out ?? newTensor<T>(kind, x.length);
  const code = kernelActivation(activation);
  if (dtype !== null) {
    const tensors = { y: bitsOf(y), x: bitsOf(x), residual: residual === undefined ? null : bitsOf(residual) };
    const parameters = affine as Affine as Affine<Float32Array>;
    forwardHalf({ dtype, ...tensors, affine: parameters, activation: code, view, selection, summation: null });
  } else if (selection !== null)
    forwardChosen(kind as TensorKind, y, x, residual ?? null, affine, code, view, selection, false);
  else if (x.length > 0) kernels().normalize(y, x, residual ?? null, affine, code, view);
  return y;
}
