/** A piece of a batch on its way into `GradientSums`: what `add` was given, checked and ready for the kernels. */
import { kernelActivation } from '../arguments/activation.js';
import { checkOperands, type FusedOptions, type GivenStatistics, readFormula } from '../arguments/operation.js';
import { DEFAULT_EPSILON, namesOf, readOptions } from '../arguments/options.js';
import {
  checkArray,
  checkChannels,
  checkHalf,
  checkTensor,
  readHalf,
  readStatistics,
  readView,
} from '../arguments/validate.js';
import type { Affine, KernelActivation, View } from '../kernels.js';
import { checkExact } from '../passes/exact.js';
import { asFloat32 } from '../passes/half.js';
import { type Mask, readMask } from '../passes/mask.js';
import type { HalfDtype, HalfTensor, Tensor, WithHalf } from '../types.js';

/** Options of {@link GradientSums.add}: `mean` and `variance` are needed, the rest is optional. */
export interface GradientSumsAddOptions<T extends Tensor> extends FusedOptions<T>, GivenStatistics {
  /**
   * The mask of the forward: 0 or 1 (false or true), or a weight > 0, for each position, [shape without the channel
   * axis]. Default: all positions.
   */
  mask?: Mask | undefined;
}

/** {@link GradientSumsAddOptions} for x of 16 bits. */
export type HalfGradientSumsAddOptions<H extends HalfTensor> = WithHalf<GradientSumsAddOptions<Float32Array>, H>;

/** Options of either. */
export type PieceOptions<T extends Tensor> = GradientSumsAddOptions<T> & { dtype?: HalfDtype | undefined };

/** Tensors of float32 or float64, without what a mask leaves out; n of the view is 0 where nothing is left. */
export interface GradientPiece {
  readonly dy: Tensor;
  readonly x: Tensor;
  readonly residual: Tensor | null;
  readonly affine: Affine;
  readonly activation: KernelActivation;
  readonly view: View;
  /** Values per channel, or their weights. */
  readonly count: number;
}

const NAMES = /* @__PURE__ */ namesOf<PieceOptions<Tensor>>({
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
});

/**
 * @param channels that the sums have
 * @param isExact whether they are exact, which not all types and masks can be
 * @throws TypeError, RangeError naming the argument
 */
export function readPiece<T extends Tensor>(
  call: string,
  channels: number,
  isExact: boolean,
  dy: T,
  x: T,
  shape: readonly number[],
  options: PieceOptions<T>,
): GradientPiece {
  const given = readOptions(call, options, NAMES);
  const { axis, epsilon = DEFAULT_EPSILON, gamma, beta, residual, mask } = given;
  const activation = kernelActivation(readFormula(call, epsilon, given.activation));
  const view = readView(call, shape, axis);
  const { c } = view;
  checkChannels(call, channels, shape, view);
  const selection = readMask(call, mask, shape, view);
  const { mean, variance } = readStatistics(call, given.mean, given.variance, c);
  const dtype = readHalf(call, x, given.dtype);
  if (dtype !== null) {
    const wide = widened(call, dtype, dy, x, shape, view, given);
    return readPiece(call, channels, isExact, wide.dy, wide.x, [view.n, c, view.s], wide.options);
  }
  const kind = checkTensor(call, 'x', x, shape, view);
  checkArray(call, 'dy', dy, kind, x.length, shape);
  if (isExact) checkExact(call, x, selection);
  checkOperands(call, x, gamma, beta, residual, kind, c, shape);
  const affine: Affine<T> = { mean, variance, gamma: gamma ?? null, beta: beta ?? null, epsilon };
  const whole = { dy, x, residual: residual ?? null, affine, activation, view, count: view.n * view.s };
  if (selection === null) return whole;
  return {
    ...whole,
    dy: selection.gather(kind, dy),
    x: selection.gather(kind, x),
    residual: residual === undefined ? null : selection.gather(kind, residual),
    view: selection.view,
    count: selection.weights?.total ?? selection.view.n,
  };
}

/** The same piece of float32: sums of 16 bits are those of the same numbers. */
function widened<T extends Tensor>(
  call: string,
  dtype: HalfDtype,
  dy: T,
  x: T,
  shape: readonly number[],
  view: View,
  { residual, dtype: _, ...given }: PieceOptions<T>,
): { dy: Float32Array; x: Float32Array; options: PieceOptions<Float32Array> } {
  const kind = checkHalf(call, x, dtype, shape, view);
  checkArray(call, 'dy', dy, kind, x.length, shape);
  if (residual !== undefined) checkArray(call, 'residual', residual, kind, x.length, shape);
  const wide = (tensor: T) => asFloat32(dtype, tensor);
  const options: PieceOptions<Tensor> = { ...given, axis: 1, residual: residual && wide(residual) };
  return { dy: wide(dy), x: wide(x), options: options as PieceOptions<Float32Array> };
}
