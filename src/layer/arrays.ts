/**
 * The arrays that a layer owns and shows. They are in the user's hands, who writes them in place, and may have
 * transferred them to a worker, or pass them to the layer itself.
 */

import { newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import { checkArray, checkOverlap, checkVariance } from '../arguments/validate.js';
import type { AnyTensor, ParameterOf, Tensor } from '../types.js';
import type { RenormAverages } from './renorm.js';

/** A learnt parameter of a layer, as {@link BatchNorm.parameters} gives it. */
export interface Parameter<T extends AnyTensor> {
  /** Which parameter of the layer it is. */
  readonly name: 'gamma' | 'beta';
  /** The parameter itself, [c]: the layer's own array, to be written in place. */
  readonly value: ParameterOf<T>;
  /** Gradient of the loss with respect to the parameter, [c], of the last backward: always the same array. */
  readonly gradient: ParameterOf<T>;
}

/** The arrays that a state has. */
export interface OwnArrays {
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
  readonly renormMean: Float64Array | null;
  readonly renormDeviation: Float64Array | null;
}

interface Wanted {
  readonly scale: boolean;
  readonly center: boolean;
  readonly renorm: object | null;
}

export class LayerArrays<T extends AnyTensor> {
  readonly kind: TensorKind;
  readonly channels: number;
  readonly gamma: ParameterOf<T> | null;
  readonly beta: ParameterOf<T> | null;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
  /** With batch renormalization. */
  readonly renorm: RenormAverages | null;
  /** Allocated by the first backward; also without gamma and beta, since kernels write them. */
  dgamma: ParameterOf<T> | null = null;
  dbeta: ParameterOf<T> | null = null;
  /** Where parameters and running statistics lie: to look here is faster than to compare with each of them. */
  readonly #buffers: readonly ArrayBufferLike[];

  constructor(kind: TensorKind, channels: number, { scale, center, renorm }: Wanted) {
    this.kind = kind;
    this.channels = channels;
    this.gamma = scale ? newTensor<ParameterOf<T>>(kind, channels) : null;
    this.gamma?.fill(1);
    this.beta = center ? newTensor<ParameterOf<T>>(kind, channels) : null;
    const zeros = () => newTensor<Float64Array>('Float64Array', channels);
    this.runningMean = zeros();
    this.runningVariance = zeros().fill(1);
    this.renorm = renorm && {
      renormMean: zeros(),
      renormDeviation: zeros().fill(1),
    };
    this.#buffers = Object.values(this.#named()).flatMap((own) => own?.buffer ?? []);
  }

  #named(): Partial<OwnArrays> & Readonly<Record<string, Tensor | null>> {
    const { gamma, beta, runningMean, runningVariance, renorm } = this;
    return { gamma, beta, runningMean, runningVariance, ...renorm };
  }

  /** Only their length can have gone wrong: to 0, when they were transferred. */
  check(call: string): void {
    const { gamma, beta, runningMean, runningVariance, renorm, kind, channels } = this;
    if (gamma !== null && gamma.length !== channels) checkArray(call, 'gamma', gamma, kind, channels, 'channels');
    if (beta !== null && beta.length !== channels) checkArray(call, 'beta', beta, kind, channels, 'channels');
    if (runningMean.length !== channels || runningVariance.length !== channels) {
      checkArray(call, 'runningMean', runningMean, 'Float64Array', channels, 'channels');
      checkArray(call, 'runningVariance', runningVariance, 'Float64Array', channels, 'channels');
    }
    if (renorm !== null) {
      checkArray(call, 'renormMean', renorm.renormMean, 'Float64Array', channels, 'channels');
      checkArray(call, 'renormDeviation', renorm.renormDeviation, 'Float64Array', channels, 'channels');
    }
  }

  /** Checks the arrays that the next batch goes into; NaN and Infinity may pass. */
  checkRunning(call: string): void {
    checkVariance(call, 'runningVariance', this.runningVariance);
    if (this.renorm !== null) checkVariance(call, 'renormDeviation', this.renorm.renormDeviation, 'deviation');
  }

  /** The user's output lies apart from all of them. */
  checkOutput(call: string, name: string, output: T): void {
    const { buffer } = output;
    const { dgamma, dbeta } = this;
    if (this.#buffers.includes(buffer)) checkOverlap(call, { [name]: output }, this.#named(), {});
    if (dgamma?.buffer === buffer || dbeta?.buffer === buffer) {
      checkOverlap(call, { [name]: output }, { dgamma, dbeta }, {});
    }
  }

  /** The gradients that backward is about to write lie apart from what it reads. */
  checkInput(call: string, name: string, input: T): void {
    const { dgamma, dbeta } = this;
    if (dgamma?.buffer === input.buffer || dbeta?.buffer === input.buffer) {
      checkOverlap(call, { dgamma, dbeta }, { [name]: input }, {});
    }
  }

  /** Takes over the values of a layer of the same channels, dtype, scale, center and renorm. */
  write(saved: OwnArrays): void {
    const own = this.#named();
    for (const name of Object.keys(own) as (keyof OwnArrays)[]) if (saved[name] !== null) own[name]?.set(saved[name]);
  }

  /** The arrays that dgamma and dbeta of the layer are in, unless they have been transferred. */
  gradients(): ParameterGradients<T> {
    const { kind, channels } = this;
    const dgamma = this.dgamma?.length === channels ? this.dgamma : newTensor<ParameterOf<T>>(kind, channels);
    const dbeta = this.dbeta?.length === channels ? this.dbeta : newTensor<ParameterOf<T>>(kind, channels);
    return { dgamma, dbeta };
  }

  newGradients(): ParameterGradients<T> {
    const { kind, channels } = this;
    return { dgamma: newTensor(kind, channels), dbeta: newTensor(kind, channels) };
  }

  /** dgamma and dbeta of the layer ← those of a backward, or their sum with these. */
  setGradients(to: ParameterGradients<T>, from: ParameterGradients<T>, accumulate: boolean): void {
    if (accumulate) {
      add(to.dgamma, from.dgamma);
      add(to.dbeta, from.dbeta);
    } else if (to.dgamma !== from.dgamma) {
      to.dgamma.set(from.dgamma);
      to.dbeta.set(from.dbeta);
    }
    this.dgamma = to.dgamma;
    this.dbeta = to.dbeta;
  }
}

export interface ParameterGradients<T extends AnyTensor> {
  readonly dgamma: ParameterOf<T>;
  readonly dbeta: ParameterOf<T>;
}

function add(to: Tensor, from: Tensor): void {
  for (let ch = 0; ch < to.length; ch++) to[ch] += from[ch];
}
