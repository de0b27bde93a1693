/** One recorded forward of a layer: its output, and what its own backward needs. */
import { refuseProxies } from '../arguments/messages.js';
import { NO_OPTIONS } from '../arguments/options.js';
import type { AnyTensor, ParameterOf } from '../types.js';
import type { BatchNormBackwardOptions } from './calls.js';
import { refuseSetting } from './read-only.js';

/** The gradients of one recorded forward. */
export interface UseGradients<T extends AnyTensor> {
  readonly dx: T;
  readonly dresidual: T | null;
  readonly dgamma: ParameterOf<T> | null;
  readonly dbeta: ParameterOf<T> | null;
}

/**
 * A forward of a {@link BatchNorm} that can be differentiated whatever the layer does afterwards: what
 * `BatchNorm.record` returns. It references x and the residual, and has copies of the statistics, parameters and mode
 * of that moment, for as long as it lives.
 *
 * @example
 * import { BatchNorm } from 'batchnorm';
 * const bn = new BatchNorm(1, { epsilon: 0 });
 * // Two towers that share a layer: each use has its own statistics, and dgamma and dbeta are summed over both.
 * const left = bn.record(Float32Array.of(1, 3), [2, 1]);
 * const right = bn.record(Float32Array.of(10, 30), [2, 1]);
 * console.log([...left.y], [...right.y]); // → [ -1, 1 ] [ -1, 1 ]
 * right.backward(Float32Array.of(1, 0));
 * left.backward(Float32Array.of(0, 1), { accumulate: true });
 * console.log(bn.dgamma?.[0], bn.dbeta?.[0]); // → 0 2
 */
export class RecordedForward<T extends AnyTensor = Float32Array> {
  static {
    refuseSetting('RecordedForward', RecordedForward.prototype);
    refuseProxies('RecordedForward', RecordedForward.prototype, (value) => #differentiate in value);
  }

  readonly #differentiate: (dy: T, options: BatchNormBackwardOptions<T>) => UseGradients<T>;
  readonly #y: T;
  #gradients: UseGradients<T> | null = null;

  constructor(y: T, differentiate: (dy: T, options: BatchNormBackwardOptions<T>) => UseGradients<T>) {
    this.#y = y;
    this.#differentiate = differentiate;
  }

  /** The output, of the shape of x: `out`, where it was given. */
  get y(): T {
    return this.#y;
  }

  /**
   * Gradient with respect to gamma, [c], of the last backward of this recorded forward alone; a copy. null before a
   * backward, if the layer has no `scale`, and if it is not to `learn`.
   */
  get dgamma(): ParameterOf<T> | null {
    return this.#gradients?.dgamma ?? null;
  }

  /**
   * Gradient with respect to beta, [c], of the last backward of this recorded forward alone; a copy. null before a
   * backward, if the layer has no `center`, and if it is not to `learn`.
   */
  get dbeta(): ParameterOf<T> | null {
    return this.#gradients?.dbeta ?? null;
  }

  /**
   * Gradient with respect to the residual, of its shape, of the last backward of this recorded forward. null before a
   * backward, and if the forward had no residual.
   */
  get dresidual(): T | null {
    return this.#gradients?.dresidual ?? null;
  }

  /**
   * Gradient of this forward with respect to its x. Sets `dgamma`, `dbeta` and `dresidual` of this use, and those of
   * the layer, to which it adds with `accumulate`. May be called again, for another loss.
   *
   * @param dy gradient of the loss with respect to y
   * @param options `out`, `outResidual` and `accumulate`, as for {@link BatchNorm.backward}
   * @returns dx: `out`, where given
   * @throws Error with code ERR_BATCHNORM_NO_INPUT where x (or the residual, with an activation) has been overwritten
   *   by its `out`, detached or released
   * @throws TypeError, RangeError as {@link BatchNorm.backward}; gradients and outputs are untouched
   */
  backward(dy: T, options: BatchNormBackwardOptions<T> = NO_OPTIONS): T {
    this.#gradients = this.#differentiate(dy, options);
    return this.#gradients.dx;
  }
}
