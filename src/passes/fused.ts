/**
 * The pass of a plain batch: one kernel call each way, with copies of the numbers per channel that the backward will
 * need.
 */
import { kernelActivation } from '../arguments/activation.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { type MomentArrays, newMoments } from '../channels/moment-arrays.js';
import type { Affine, KernelActivation, View } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import type { Places } from './differentiate.js';
import { isExact, newRecords } from './exact.js';
import type { PlainKernels } from './plain-kernels.js';
import type { Forwarded, ForwardRequest, GradientOutputs, Parameters, PassSettings } from './request.js';
import { neededResidual, overwrittenBy, type Saved } from './saved.js';

/** Numbers per channel of a fused forward. */
interface Slot {
  /** Statistics and parameters. */
  readonly affine: Affine;
  /** Statistics of the batch: the arrays of `affine`. */
  readonly batch: MomentArrays;
  /** Statistics of a batch that was normalised by running ones. */
  beside: MomentArrays | null;
}

interface Run {
  /** What y was normalised by. */
  readonly affine: Affine;
  /** Of the batch; null where it has no values, or nobody asked. */
  readonly statistics: MomentArrays | null;
}

const NOTHING: readonly never[] = [];

export class FusedPass<T extends AnyTensor> {
  readonly #own: Parameters;
  readonly #settings: PassSettings;
  readonly #code: KernelActivation;
  readonly #kernels: PlainKernels<T>;
  /** Of the last forward that was not recorded, and memory for the next one. */
  #slot: Slot | null = null;
  #spare: Slot | null = null;

  constructor(own: Parameters, settings: PassSettings, kernels: PlainKernels<T>) {
    this.#own = own;
    this.#kernels = kernels;
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

  #newSlot(): Slot {
    const { channels, kind, gamma, beta } = this.#own;
    const moments = newMoments(channels);
    // With records, since batchMoments may be merged with others.
    const batch = this.#settings.summation === 'exact' ? { ...moments, records: newRecords(channels) } : moments;
    const affine = {
      mean: batch.mean,
      variance: batch.variance,
      gamma: gamma && newTensor<Tensor>(kind, channels),
      beta: beta && newTensor<Tensor>(kind, channels),
      epsilon: this.#settings.epsilon,
    };
    return { affine, batch, beside: null };
  }

  #saved({ kind, x, residual, view, y, batch }: ForwardRequest<T>, affine: Affine): Saved<T> {
    const needed = neededResidual(residual, this.#settings.activation);
    return {
      kind,
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

  #run(request: ForwardRequest<T>, slot: Slot): Run {
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
    const own = this.#kernels;
    if (batch) {
      own.forward(y, x, residual, affine, this.#code, view, isExact(slot.batch) ? slot.batch.records : null);
      return { affine, statistics: counted(slot.batch, view.n * view.s) };
    }
    const statistics = track ? this.#beside(x, view, slot) : null;
    own.normalize(y, x, residual, affine, this.#code, view);
    return { affine, statistics };
  }

  /** The statistics of a batch that is normalised by running ones. */
  #beside(x: T, view: View, slot: Slot): MomentArrays {
    if (this.#settings.summation === 'exact') return this.#kernels.exactMoments(x, view);
    slot.beside ??= newMoments(this.#own.channels);
    this.#kernels.statistics(slot.beside.mean, slot.beside.variance, x, view);
    return counted(slot.beside, view.n * view.s);
  }

  backward(dy: T, saved: Saved<T>, affine: Affine, outputs: GradientOutputs<T>): Places<T> {
    // Field by field: spreading `outputs` took 5 µs, more than the kernel for (64, 100).
    return this.#kernels.gradients({
      out: outputs.out,
      outResidual: outputs.outResidual,
      learn: outputs.learn,
      dgamma: outputs.dgamma,
      dbeta: outputs.dbeta,
      kind: saved.kind,
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
