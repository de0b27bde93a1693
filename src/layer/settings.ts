/** The settings of a `BatchNorm`: what its options mean, one row each. */
import {
  type Activation,
  decodeActivation,
  encodeActivation,
  readActivation,
  type SavedActivation,
} from '../arguments/activation.js';
import { type ChannelAxis, checkAxis } from '../arguments/axis.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { type Common, DEFAULT_EPSILON, namesOf } from '../arguments/options.js';
import { checkEpsilon, checkSize } from '../arguments/validate.js';
import type { Summation } from '../passes/exact.js';
import type { SynchronizeOptions } from '../ranks/synchronize.js';
import type { AnyDtype, Dtype } from '../types.js';
import {
  decodeRenorm,
  encodeRenorm,
  type RenormOptions,
  type RenormSettings,
  readRenorm,
  type SavedRenorm,
} from './renorm.js';
import { choice, flag, plain, type Row, readRows, type ValuesOf } from './rows.js';
import { checkDebias, checkUpdateRate, givenRate, type UpdateRate } from './update-rate.js';

/**
 * Options of a {@link BatchNorm}, all of them optional. `dtype` is of type D; where D is not given, the compiler does
 * not know the element type.
 */
export interface BatchNormOptions<D extends AnyDtype = Dtype> extends Common, SynchronizeOptions {
  /**
   * How much of each new batch goes into the running statistics: running ← (1 − updateRate)·running + updateRate·batch.
   * From 0 to 1; default 0.1 (PyTorch, where it is called momentum). 'cumulative' is the plain mean over all batches
   * (PyTorch's momentum=None). 'pooled' is mean and variance of all values together: batches count by their size, and
   * the variance between batches is part of it.
   */
  updateRate?: UpdateRate | undefined;
  /**
   * The other convention: decay = 1 − updateRate, from 0 to 1. Keras, TensorFlow, flax (0.99) and ONNX (0.9) call this
   * momentum.
   */
  decay?: number | undefined;
  /**
   * Takes the start values (0 and 1) out of the average, as Adam does: batch t gets the weight updateRate/(1 − decayᵗ)
   * instead of updateRate, so the first batch replaces them. For an updateRate that is a number. Default false.
   */
  debias?: boolean | undefined;
  /**
   * Which variance of a batch of m values the running variance averages: 'unbiased', divided by m − 1 (default:
   * PyTorch, and Algorithm 2 of the paper), or 'biased', divided by m (Keras, flax, ONNX). With m = 1 it is the biased
   * one in any case.
   */
  varianceEstimator?: 'unbiased' | 'biased' | undefined;
  /** Whether the layer has a learnt scale, gamma. Default true. */
  scale?: boolean | undefined;
  /** Whether the layer has a learnt shift, beta. Default true. */
  center?: boolean | undefined;
  /**
   * How batch statistics and gradient sums are summed: 'ordered' (default), or 'exact', the same bits for any layout,
   * order, split into micro-batches and number of ranks (float32, without weights in masks): docs/reproducible.md.
   */
  summation?: Summation | undefined;
  /** The activation, which is applied last; see {@link Activation}. Default 'none'. */
  activation?: Activation | undefined;
  /**
   * What training does with one value per channel (m = 1), which has no variance: 'throw' a RangeError (default, as
   * PyTorch) or 'allow' it (as Keras: variance 0, y = beta).
   */
  singleValue?: 'throw' | 'allow' | undefined;
  /**
   * Element type of x: 'float32' (default) or 'float64', which gamma and beta have too; or 'float16' or 'bfloat16',
   * bits in a Uint16Array (float16 also in a Float16Array), where gamma and beta are Float32Array: docs/half.md.
   */
  dtype?: D | undefined;
  /**
   * Ghost batches (arXiv 1705.08741): samples are normalised in groups of this many, the last one smaller; the running
   * statistics take in those of the whole batch. Needs the samples on the first axis. Default: one group of all.
   */
  ghostBatchSize?: number | undefined;
  /**
   * Which samples make a group. 'consecutive' (default): neighbours. 'interleaved' (TensorFlow's virtual_batch_size):
   * sample i belongs to group i mod ⌈samples / ghostBatchSize⌉, and group sizes differ by at most one. Needs
   * `ghostBatchSize`.
   */
  grouping?: 'consecutive' | 'interleaved' | undefined;
  /**
   * Number of groups of channels: mean and variance are those of all values of c/groups neighbouring channels, for
   * batches so small that one channel says too little. It divides the number of channels. Default: as many groups as
   * channels, each with statistics of its own.
   */
  groups?: number | undefined;
  /**
   * Batch renormalization (arXiv 1702.03275): true, or its limits and rate; see {@link RenormOptions}. Default false.
   */
  renorm?: boolean | RenormOptions | undefined;
  /**
   * What a forward in training does with a batch that has NaN or Infinity among its statistics: 'propagate' (default)
   * treats it like any other; 'skip' normalises it and keeps it out of the running statistics; 'throw' refuses it,
   * names the channels, and leaves everything as it was.
   */
  onNonFinite?: 'propagate' | 'skip' | 'throw' | undefined;
}

const axis: Row<ChannelAxis> = {
  otherwise: 1,
  read: (call, name, given) => checkAxis(call, name, given as ChannelAxis),
  save: (value) => value,
  load: (_, saved) => saved,
};

const activation: Row<Activation, SavedActivation> = {
  otherwise: 'none',
  read: (call, _, given) => readActivation(call, given),
  save: encodeActivation,
  load: decodeActivation,
};

const renorm: Row<RenormSettings | null, SavedRenorm | null> = {
  otherwise: null,
  read: (call, _, given) => readRenorm(call, given),
  save: encodeRenorm,
  load: decodeRenorm,
};

function checkGroups(call: string, name: string, groups: number | null): void {
  if (groups === null) return;
  checkSize(call, name, groups);
  if (groups === 0) throw wrongValue(call, name, 'at least 1 group', 0);
}

/** @throws RangeError where the channels cannot be divided into groups */
export function checkDivides(call: string, channels: number, { groups }: Settings): void {
  if (groups === null || channels % groups === 0) return;
  throw wrongValue(call, 'groups', `a divisor of the number of channels, ${channels}`, groups);
}

/** Number of groups of channels that share statistics; null where each channel has its own. */
export function groupsOf({ groups }: Settings, channels: number): number | null {
  return groups === channels ? null : groups;
}

function checkGroupSize(call: string, name: string, size: number | null): void {
  if (size === null) return;
  checkSize(call, name, size);
  if (size === 0) throw wrongValue(call, name, 'at least 1 sample', 0);
}

/** Every option that is data, in the order in which messages and states name them. */
export const SETTINGS = {
  axis,
  epsilon: plain(DEFAULT_EPSILON, (call, _, value) => checkEpsilon(call, value)),
  updateRate: plain<UpdateRate>(0.1, checkUpdateRate),
  debias: flag(false),
  varianceEstimator: choice('unbiased', 'biased'),
  scale: flag(true),
  center: flag(true),
  activation,
  singleValue: choice('throw', 'allow'),
  dtype: choice<AnyDtype>('float32', 'float64', 'float16', 'bfloat16'),
  summation: choice<Summation>('ordered', 'exact'),
  ghostBatchSize: plain<number | null>(null, checkGroupSize),
  grouping: choice('consecutive', 'interleaved'),
  groups: plain<number | null>(null, checkGroups),
  renorm,
  onNonFinite: choice('propagate', 'skip', 'throw'),
} satisfies Partial<Record<keyof BatchNormOptions, unknown>>;

/** Every option with its value: `decay` has become `updateRate`. */
export type Settings = ValuesOf<typeof SETTINGS>;

export const SETTING_NAMES = /* @__PURE__ */ Object.keys(SETTINGS) as (keyof Settings)[];

/** Options that are no settings: another word for one, and those that no state has. */
const OTHERS = /* @__PURE__ */ namesOf<Omit<BatchNormOptions, keyof Settings>>({
  decay: 1,
  synchronize: 1,
  gradients: 1,
});

export const OPTIONS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  SETTING_NAMES.flatMap((name) => (name === 'updateRate' ? [name, 'decay'] : [name])).concat(...OTHERS),
);

export function readSettings(call: string, options: BatchNormOptions<AnyDtype>): Settings {
  const updateRate = givenRate(call, options.updateRate, options.decay);
  const settings = readRows(SETTINGS, call, { ...options, updateRate });
  checkDebias(call, settings.debias, settings.updateRate);
  if (settings.summation === 'exact' && settings.dtype === 'float64') {
    throw wrongValue(call, 'summation', "'ordered' with dtype: 'float64'", 'exact');
  }
  if (settings.ghostBatchSize !== null) checkGhosts(call, settings.axis, options.synchronize);
  // A state has null for no ghost batches, and a grouping all the same.
  else if (options.ghostBatchSize === undefined && options.grouping !== undefined) {
    throw wrongKind(call, 'grouping', 'nothing without ghostBatchSize', options.grouping);
  }
  return settings;
}

function checkGhosts(call: string, axis: ChannelAxis, synchronize: unknown): void {
  if ([axis].flat().includes(0)) {
    throw wrongValue(call, 'axis', 'another axis than that of the samples, for ghostBatchSize', axis);
  }
  if (synchronize !== undefined) throw wrongKind(call, 'synchronize', 'nothing beside ghostBatchSize', synchronize);
}
