/**
 * The pass of a plain batch: one kernel call each way, with copies of the numbers per channel that the backward will
 * need.
 */
import { kernelActivation } from '../arguments/activation.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import { type MomentArrays, newMoments } from '../channels/moment-arrays.js';
import type { Affine, KernelActivation } from '../kernels.js';
import type { Tensor } from '../types.js';
import { computeGradients } from './differentiate.js';
import { exactForward, exactMoments, isExact, newRecords } from './exact.js';
import { forward, statistics } from './range.js';
import type { Forwarded, ForwardRequest, GradientOutputs, Parameters, PassSettings } from './request.js';
import { neededResidual, overwrittenBy, type Saved } from './saved.js';

/** Numbers per channel of a fused forward. */
interface Slot<T extends Tensor> {
  /** Statistics and parameters. */
  readonly affine: Affine<T>;
  /** Statistics of the batch: the arrays of `affine`. */
  readonly batch: MomentArrays;
  /** Statistics of a batch that was normalised by running ones. */
  beside: MomentArrays | null;
}

interface Run<T extends Tensor> {
  /** What y was normalised by. */
  readonly affine: Affine<T>;
  /** Of the batch; null where it has no values, or nobody asked. */
  readonly statistics: MomentArrays | null;
}

const NOTHING: readonly never[] = [];

export class FusedPass<T extends Tensor> {
  readonly #own: Parameters<T>;
  readonly #settings: PassSettings;
  readonly #code: KernelActivation;
  /** Of the last forward that was not recorded, and memory for the next one. */
  #slot: Slot<T> | null = null;
  #spare: Slot<T> | null = null;

  constructor(own: Parameters<T>, settings: PassSettings) {
    this.#own = own;
    this.#settings = settings;
    this.#code = kernelActivation(settings.activation);
  }

  /** What the last forward saved stays as it is until the kernels are through, which may find no memory. */
  forward(request: ForwardRequest<T>, recorded: boolean): Forwarded<T> {
    const slot = (recorded ? null : this.#spare) ?? this.#newSlot();
    const { affine, statistics } = this.#run(request, slot);
    if (!recorded) {
      this.#spare = this.#slot;
      this.#slot = slot;
    }
    return { saved: this.#saved(request, affine), statistics };
  }

  #newSlot(): Slot<T> {
    const { channels, kind, gamma, beta } = this.#own;
    const moments = newMoments(channels);
    // With records, since batchMoments may be merged with others.
    const batch = this.#settings.summation === 'exact' ? { ...moments, records: newRecords(channels) } : moments;
    const affine = {
      mean: batch.mean,
      variance: batch.variance,
      gamma: gamma && newTensor<T>(kind, channels),
      beta: beta && newTensor<T>(kind, channels),
      epsilon: this.#settings.epsilon,
    };
    return { affine, batch, beside: null };
  }

  #saved({ x, residual, view, y, batch }: ForwardRequest<T>, affine: Affine<T>): Saved<T> {
    const needed = neededResidual(residual, this.#settings.activation);
    return {
      x,
      hasResidual: residual !== null,
      residual: needed,
      view,
      batchStatistics: batch,
      arrangement: null,
      gathered: false,
      overwritten: overwrittenBy(y, x, needed),
      affine,
      parts: NOTHING,
      variants: NOTHING,
    };
  }

  #run(request: ForwardRequest<T>, slot: Slot<T>): Run<T> {
    const { x, residual, y, view, batch, track } = request;
    const { affine } = slot;
    const { gamma, beta, runningMean, runningVariance } = this.#own;
    if (gamma !== null) affine.gamma!.set(gamma);
    if (beta !== null) affine.beta!.set(beta);
    if (!batch) {
      affine.mean.set(runningMean);
      affine.variance.set(runningVariance);
    }
    if (x.length === 0) return { affine, statistics: null };
    if (batch) {
      if (isExact(slot.batch)) exactForward(y, x, residual, affine, this.#code, view, slot.batch.records);
      else forward(y, x, residual, affine, this.#code, view);
      return { affine, statistics: counted(slot.batch, view.n * view.s) };
    }
    if (track && this.#settings.summation === 'exact') {
      const statistics = exactMoments(x as Float32Array, view);
      kernels().normalize(y, x, residual, affine, this.#code, view);
      return { affine, statistics };
    }
    if (track) {
      slot.beside ??= newMoments(this.#own.channels);
      statistics(slot.beside.mean, slot.beside.variance, x, view);
    }
    kernels().normalize(y, x, residual, affine, this.#code, view);
    return { affine, statistics: track ? counted(slot.beside!, view.n * view.s) : null };
  }

  backward(dy: T, saved: Saved<T>, affine: Affine<T>, outputs: GradientOutputs<T>): { dx: T; dresidual: T | null } {
    // Field by field: spreading `outputs` took 5 µs, more than the kernel for (64, 100).
    return computeGradients<T>({
      out: outputs.out,
      outResidual: outputs.outResidual,
      learn: outputs.learn,
      dgamma: outputs.dgamma,
      dbeta: outputs.dbeta,
      kind: this.#own.kind,
      view: saved.view,
      dy,
      x: saved.x,
      hasResidual: saved.hasResidual,
      residual: saved.residual,
      affine,
      activation: this.#settings.activation,
      batchStatistics: saved.batchStatistics,
      sums: null,
      weights: null,
      summation: this.#settings.summation,
    });
  }
}

function counted(batch: MomentArrays, m: number): MomentArrays {
  if (batch.count[0] !== m) batch.count.fill(m);
  return batch;
}
