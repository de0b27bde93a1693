/**
 * The kernels of a plain pass, over tensors as a layer has them: those of floats are in `float-kernels.ts`, those of 16
 * bits in `half.ts`.
 */
import type { Affine, KernelActivation, View } from '../kernels.js';
import type { AnyTensor } from '../types.js';
import type { BackwardPass, Places } from './differentiate.js';
import type { ExactMoments } from './exact.js';

export interface PlainKernels<T extends AnyTensor> {
  /**
   * y ← of x by its own statistics, which go to `affine`. y may be x or residual.
   *
   * @param records where they are summed exactly: ← the sums
   */
  forward(
    y: T,
    x: T,
    residual: T | null,
    affine: Affine,
    activation: KernelActivation,
    view: View,
    records: Float64Array | null,
  ): void;
  /** y ← of x by the statistics of `affine`. y may be x or residual. */
  normalize(y: T, x: T, residual: T | null, affine: Affine, activation: KernelActivation, view: View): void;
  /** mean, variance ← of x. */
  statistics(mean: Float64Array, variance: Float64Array, x: T, view: View): void;
  exactMoments(x: T, view: View): ExactMoments;
  /** All gradients of all of a tensor, which has no weights. dx or dresidual may be dy. */
  gradients(pass: BackwardPass<T>): Places<T>;
}
