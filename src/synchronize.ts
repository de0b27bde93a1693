/** What workers that normalise one batch together tell each other. */
import type { GradientSums } from './kernels.js';
import { wrongKind } from './messages.js';
import { type MomentArrays, mergeMoments, newMoments } from './moment-arrays.js';
import { checkReducer, type ExchangeTag, exchange, type Reducer } from './reducer.js';
import { checkChoice } from './validate.js';

export interface SynchronizeOptions {
  /** Normalises by the batches of several workers as if they were one: see {@link Reducer}. Default none. */
  synchronize?: Reducer | undefined;
  /**
   * With `synchronize`, of which part dgamma and dbeta are: 'local' (default, as PyTorch's SyncBatchNorm), this rank's own, to be
   * added up like every other gradient; or 'summed', those of the whole batch, the same bits on every rank, from the sums
   * that travel anyway.
   */
  gradients?: 'local' | 'summed' | undefined;
}

/** How many layers each reducer has. */
const layers = new WeakMap<Reducer, number>();

/** A layer among its like on the other ranks. */
export class Synchronization {
  /** Whether dgamma and dbeta are those of all ranks. */
  readonly summed: boolean;
  readonly #reducer: Reducer;
  /** Which of the reducer's layers this is, in the order in which they were made. */
  readonly #layer: number;
  #forwards = 0;
  #backwards = 0;

  constructor(reducer: Reducer, summed: boolean) {
    this.summed = summed;
    this.#reducer = reducer;
    this.#layer = layers.get(reducer) ?? 0;
    layers.set(reducer, this.#layer + 1);
  }

  /**
   * The statistics of all ranks' parts, merged in order of rank. What travels is count, mean and variance, [1 + 2c], so
   * that those of a single part arrive to the bit.
   */
  moments(call: string, part: MomentArrays): MomentArrays {
    const c = part.mean.length;
    const message = new Float64Array(1 + 2 * c);
    message[0] = part.count[0] ?? 0;
    message.set(part.mean, 1);
    message.set(part.variance, 1 + c);
    const whole = newMoments(c);
    const tag = this.#tag('forward', c, ++this.#forwards);
    const count = new Float64Array(c);
    for (const sent of exchange(call, this.#reducer, message, tag)) {
      count.fill(sent[0]);
      mergeMoments(whole, { count, mean: sent.subarray(1, 1 + c), variance: sent.subarray(1 + c) });
    }
    return whole;
  }

  /** The gradient sums of all ranks' parts, added in order of rank. */
  sums(call: string, part: GradientSums): GradientSums {
    const c = part.sumDy.length;
    const message = new Float64Array(2 * c);
    message.set(part.sumDy);
    message.set(part.sumDyDeviation, c);
    const total = new Float64Array(2 * c);
    const tag = this.#tag('backward', c, ++this.#backwards);
    for (const sent of exchange(call, this.#reducer, message, tag)) {
      for (let k = 0; k < total.length; k++) total[k] += sent[k];
    }
    return { sumDy: total.subarray(0, c), sumDyDeviation: total.subarray(c) };
  }

  #tag(pass: ExchangeTag['pass'], channels: number, step: number): ExchangeTag {
    return { pass, layer: this.#layer, channels, step };
  }
}

/** @throws TypeError, RangeError where the options make no sense; null without `synchronize` */
export function readSynchronization(
  call: string,
  { synchronize, gradients }: SynchronizeOptions,
): { reducer: Reducer; summed: boolean } | null {
  if (gradients !== undefined) checkChoice(call, 'gradients', gradients, ['local', 'summed']);
  if (synchronize === undefined) {
    if (gradients === 'summed') throw wrongKind(call, 'synchronize', "a Reducer for gradients: 'summed'", synchronize);
    return null;
  }
  checkReducer(call, 'synchronize', synchronize);
  return { reducer: synchronize, summed: gradients === 'summed' };
}
