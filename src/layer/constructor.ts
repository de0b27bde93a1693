/** The class as users see it: TypeScript knows the type of its tensors from the option `dtype`. */

import type { SynchronizeOptions } from '../ranks/synchronize.js';
import type { AnyDtype, AnyTensor, DtypeOf, Tensor, TensorOf } from '../types.js';
import { BatchNorm as Layer } from './batch-norm.js';
import type { BatchNormOptions } from './settings.js';
import type { BatchNormState } from './state.js';

/** Options may be left out, and `dtype` in them, only where the tensors are (or may be) of the default, float32. */
type OptionsFor<T extends AnyTensor> =
  'float32' extends DtypeOf<T>
    ? [options?: BatchNormOptions<DtypeOf<T>>]
    : [options: BatchNormOptions<DtypeOf<T>> & { dtype: DtypeOf<T> }];

/**
 * How layers are made. Where `dtype` is a constant, it decides the type of the layer's tensors; `T` may also be written
 * out, and has to agree with it. Options of which only is known that they are {@link BatchNormOptions} make a
 * `BatchNorm<Tensor>`.
 */
export interface BatchNormConstructor {
  /**
   * @param channels c, an integer ≥ 0
   * @param options all optional; see {@link BatchNormOptions}
   * @throws TypeError for the wrong kind of a value, an unknown option, `momentum`, and both of updateRate and decay
   * @throws RangeError for a value out of range
   */
  new <T extends AnyTensor = Float32Array>(channels: number, ...options: OptionsFor<T>): Layer<T>;
  // Two parameters, so that `extends BatchNorm<T>` has only the first one to choose.
  new <D extends AnyDtype, _ extends D>(channels: number, options: BatchNormOptions<D>): Layer<TensorOf<D>>;

  /**
   * A layer as {@link BatchNorm.state} described it, bit for bit. The type of its tensors is that of the state's
   * `dtype`; of what comes out of `JSON.parse` it is that of the type argument, whose default is Float32Array.
   *
   * @param options `synchronize` and `gradients`, which are no data
   * @throws TypeError, RangeError naming the field that is missing, unknown or wrong
   */
  fromState<T extends AnyTensor = Float32Array>(
    state: BatchNormState<DtypeOf<T>>,
    options?: SynchronizeOptions,
  ): Layer<T>;
  /** A layer as {@link BatchNorm.state} described it, with tensors of the state's `dtype`. */
  fromState<D extends AnyDtype>(state: BatchNormState<D>, options?: SynchronizeOptions): Layer<TensorOf<D>>;
  /** A layer as {@link BatchNorm.state} described it, where only the caller knows the type of its tensors. */
  fromState<T extends AnyTensor>(state: BatchNormState<AnyDtype>, options?: SynchronizeOptions): Layer<T>;

  readonly prototype: Layer<Tensor>;
}

/** A batch normalization layer whose tensors are of type T. */
export type BatchNorm<T extends AnyTensor = Float32Array> = Layer<T>;

/**
 * A batch normalization layer: parameters, running statistics, forward and backward (arXiv 1502.03167).
 *
 *     in training    y = activation(gamma·(x − batch mean)/√(batch variance + epsilon) + beta + residual)
 *     in evaluation  the same with runningMean and runningVariance
 *
 * It starts in training mode with gamma = 1, beta = 0, runningMean = 0 and runningVariance = 1. Parameters and running
 * statistics are yours to write in place between calls: nothing is cached that could go stale.
 *
 * `momentum` is refused: the word means `updateRate` in PyTorch and `decay` (= 1 − updateRate) in Keras, TensorFlow,
 * flax and ONNX. PyTorch's defaults are the defaults here; those of Keras are `{ axis: -1, epsilon: 1e-3, decay: 0.99,
 * varianceEstimator: 'biased', singleValue: 'allow' }`.
 *
 * @example
 * import { BatchNorm } from 'batchnorm';
 * const bn = new BatchNorm(2, { epsilon: 0 });
 * const x = Float32Array.of(1, 10, 3, 30); // two samples, two channels
 * const y = bn.forward(x, [2, 2]);
 * console.log([...y]); // → [ -1, -1, 1, 1 ]
 * const dx = bn.backward(Float32Array.of(1, 0, 0, 0));
 * console.log(bn.dgamma?.join(' '), bn.dbeta?.join(' '), dx.length); // → -1 0 1 0 4
 * for (const { value, gradient } of bn.parameters()) {
 *   for (let i = 0; i < 2; i++) value[i] -= 0.01 * gradient[i]; // one step of gradient descent
 * }
 * console.log([...bn.runningMean]); // → [ 0.2, 2 ]
 * bn.eval().forward(x, [2, 2]);
 */
export const BatchNorm: BatchNormConstructor = Layer;
