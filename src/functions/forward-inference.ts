import { kernelActivation } from '../arguments/activation.js';
import { checkOperands, type FusedOptions, type GivenStatistics, readFormula } from '../arguments/operation.js';
import { DEFAULT_EPSILON, namesOf, readOptions } from '../arguments/options.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { checkArray, checkOverlap, checkTensor, readStatistics, readView } from '../arguments/validate.js';
import { kernels } from '../backends/select.js';
import { forwardChosen } from '../passes/chosen.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { Tensor } from '../types.js';

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

const CALL = 'forwardInference';
const OPTIONS = /* @__PURE__ */ namesOf<ForwardInferenceOptions<Tensor>>({
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
): T {
  const given = readOptions(CALL, options, OPTIONS);
  const { axis, epsilon = DEFAULT_EPSILON, mean, variance, gamma, beta, residual, mask, out } = given;
  const activation = readFormula(CALL, epsilon, given.activation);

  const view = readView(CALL, shape, axis);
  const { c } = view;
  const selection = readMask(CALL, mask, shape, view);
  const statistics = readStatistics(CALL, mean, variance, c);
  const kind = checkTensor(CALL, 'x', x, shape, view);
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
  if (selection !== null) forwardChosen(kind, y, x, residual ?? null, affine, code, view, selection, false);
  else if (x.length > 0) kernels().normalize(y, x, residual ?? null, affine, code, view);
  return y;
}
