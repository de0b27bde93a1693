/**
 * How a layer gets from x to y and from dy to dx. Which pass a layer takes is decided when it is made: the plain one is
 * one kernel call each way, so that variants cost nothing where they are not used.
 */
import { kernelActivation } from '../arguments/activation.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import { type MomentArrays, newMoments } from '../channels/moment-arrays.js';
import type { Affine, KernelActivation } from '../kernels.js';
import { computeGradients } from '../passes/gradients.js';
import { forward, statistics } from '../passes/range.js';
import type { Tensor } from '../types.js';
import type { LayerArrays } from './arrays.js';
import type { KeptInput } from './saved.js';
import type { Settings } from './settings.js';

/** What a forward is to do beside what its input says. */
export interface Scope {
  /** Whether the statistics of the batch are wanted though it is not normalised by them. */
  readonly track: boolean;
  /** Size of the first axis. */
  readonly samples: number;
  /** Whether y is the user's, and must be as it was where a forward throws. */
  readonly given: boolean;
  /** Of batch renormalization. */
  readonly rMax: number;
  readonly dMax: number;
}

/** Where gradients go, all of it checked. */
export interface Targets<T extends Tensor> {
  readonly out: T | undefined;
  readonly outResidual: T | undefined;
  /** Whether dgamma and dbeta are wanted; they are written in any case. */
  readonly learn: boolean;
  readonly dgamma: T;
  readonly dbeta: T;
}

export interface Pass<T extends Tensor> {
  /**
   * y ← of the input. Keeps what `backward` needs; nothing has changed where it throws.
   *
   * @returns the statistics of the batch; null where there were none, or nobody asked
   */
  forward(y: T, residual: T | null, input: KeptInput<T>, scope: Scope): MomentArrays | null;
  /** Of the last forward, whose input this is. */
  backward(dy: T, input: KeptInput<T>, targets: Targets<T>): { dx: T; dresidual: T | null };
}

interface Kept<T extends Tensor> {
  /** Statistics and parameters. */
  readonly affine: Affine<T>;
  /** Those of the batch: the same arrays. */
  readonly batch: MomentArrays;
  /** Those of a batch that was normalised by running statistics. */
  beside: MomentArrays | null;
}

function newKept<T extends Tensor>({ channels, kind, gamma, beta }: LayerArrays<T>, epsilon: number): Kept<T> {
  const batch = newMoments(channels);
  const affine = {
    mean: batch.mean,
    variance: batch.variance,
    gamma: gamma && newTensor<T>(kind, channels),
    beta: beta && newTensor<T>(kind, channels),
    epsilon,
  };
  return { affine, batch, beside: null };
}

export class PlainPass<T extends Tensor> implements Pass<T> {
  readonly #own: LayerArrays<T>;
  readonly #settings: Settings;
  readonly #activation: KernelActivation;
  /** What the last forward has left for the backward, and memory for the next one. */
  #kept: Kept<T> | null = null;
  #spare: Kept<T> | null = null;

  constructor(own: LayerArrays<T>, settings: Settings) {
    this.#own = own;
    this.#settings = settings;
    this.#activation = kernelActivation(settings.activation);
  }

  /** What is kept stays as it is until the kernels are through: they may find no memory, and the backward is still to come. */
  forward(y: T, residual: T | null, input: KeptInput<T>, scope: Scope): MomentArrays | null {
    const next = this.#spare ?? newKept(this.#own, this.#settings.epsilon);
    const statistics = this.#normalize(y, residual, input, scope, next);
    this.#spare = this.#kept;
    this.#kept = next;
    return statistics;
  }

  #normalize(
    y: T,
    residual: T | null,
    { x, view, batchStatistics }: KeptInput<T>,
    { track }: Scope,
    kept: Kept<T>,
  ): MomentArrays | null {
    const backend = x.length > 0 ? kernels() : null;
    const { affine, batch } = kept;
    const { gamma, beta, runningMean, runningVariance } = this.#own;
    const activation = this.#activation;
    if (gamma !== null) affine.gamma!.set(gamma);
    if (beta !== null) affine.beta!.set(beta);
    if (batchStatistics) {
      if (backend === null) return null;
      forward(y, x, residual, affine, activation, view);
      return counted(batch, view.n * view.s);
    }
    affine.mean.set(runningMean);
    affine.variance.set(runningVariance);
    if (backend === null) return null;
    if (track) {
      kept.beside ??= newMoments(this.#own.channels);
      statistics(kept.beside.mean, kept.beside.variance, x, view);
    }
    backend.normalize(y, x, residual, affine, activation, view);
    return track ? counted(kept.beside!, view.n * view.s) : null;
  }

  backward(dy: T, input: KeptInput<T>, targets: Targets<T>): { dx: T; dresidual: T | null } {
    // Field by field: spreading `targets` took 5 µs, more than the kernel for (64, 100).
    return computeGradients<T>({
      out: targets.out,
      outResidual: targets.outResidual,
      learn: targets.learn,
      dgamma: targets.dgamma,
      dbeta: targets.dbeta,
      kind: this.#own.kind,
      view: input.view,
      dy,
      x: input.x,
      hasResidual: input.hasResidual,
      residual: input.residual,
      affine: this.#kept!.affine,
      activation: this.#settings.activation,
      batchStatistics: input.batchStatistics,
      sums: null,
      weights: null,
    });
  }
}

function counted(batch: MomentArrays, m: number): MomentArrays {
  if (batch.count[0] !== m) batch.count.fill(m);
  return batch;
}
