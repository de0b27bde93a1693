/** The settings of a `BatchNorm`: what its options mean. */
import { type Activation, readActivation } from '../arguments/activation.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { type Common, DEFAULT_EPSILON } from '../arguments/options.js';
import { checkBoolean, checkChoice, checkEpsilon, checkSingleValue, checkSize } from '../arguments/validate.js';
import type { SynchronizeOptions } from '../ranks/synchronize.js';
import type { Dtype } from '../types.js';
import { type RenormOptions, type RenormSettings, readRenorm } from './renorm.js';
import { checkDebias, checkUpdateRate, readUpdateRate, type UpdateRate } from './update-rate.js';

/** `dtype` is a D: by default not known to the compiler. */
export interface BatchNormOptions<D extends Dtype = Dtype> extends Common, SynchronizeOptions {
  /**
   * How much of each new batch goes into the running statistics: running ← (1 − updateRate)·running + updateRate·batch.
   * From 0 to 1; default 0.1 (PyTorch, where it is called momentum). 'cumulative' is the plain mean over all batches
   * (PyTorch's momentum=None). 'pooled' is mean and variance of all values together: batches count by their size, and the
   * variance between batches is part of it.
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
   * What the running variance averages: 'unbiased', divided by m − 1 (default: PyTorch, and Algorithm 2 of the paper), or
   * 'biased', divided by m (Keras, flax, ONNX). With m = 1 the biased one in any case.
   */
  varianceEstimator?: 'unbiased' | 'biased' | undefined;
  /** Whether there is a learnt scale gamma. Default true. */
  scale?: boolean | undefined;
  /** Whether there is a learnt shift beta. Default true. */
  center?: boolean | undefined;
  /** Applied last; see {@link Activation}. Default 'none'. */
  activation?: Activation | undefined;
  /** One value per channel (m = 1) in training: 'throw' (default, as PyTorch) or 'allow' (as Keras: y = beta). */
  singleValue?: 'throw' | 'allow' | undefined;
  /** Element type of x and of the parameters: 'float32' (default) or 'float64'. */
  dtype?: D | undefined;
  /**
   * Ghost batches (arXiv 1705.08741): samples are normalised in groups of this many, the last one smaller; the running
   * statistics take in those of the whole batch. Needs the samples on the first axis. Default: one group of all.
   */
  ghostBatchSize?: number | undefined;
  /**
   * Which samples make a group. 'consecutive' (default): neighbours. 'interleaved' (TensorFlow's virtual_batch_size):
   * sample i belongs to group i mod ⌈samples / ghostBatchSize⌉, and group sizes differ by at most one.
   */
  grouping?: 'consecutive' | 'interleaved' | undefined;
  /** Batch renormalization (arXiv 1702.03275): true, or its limits and rate; see {@link RenormOptions}. Default false. */
  renorm?: boolean | RenormOptions | undefined;
  /**
   * A batch with NaN or Infinity among its statistics: 'propagate' (default) treats it like any other; 'skip' normalises
   * it and keeps it out of the running statistics; 'throw' refuses it, naming the channels, and leaves everything as it was.
   */
  onNonFinite?: 'propagate' | 'skip' | 'throw' | undefined;
}

/** Every option with its value: `decay` has become `updateRate`. */
export interface Settings {
  readonly axis: number;
  readonly epsilon: number;
  readonly updateRate: UpdateRate;
  readonly debias: boolean;
  readonly varianceEstimator: 'unbiased' | 'biased';
  readonly scale: boolean;
  readonly center: boolean;
  readonly activation: Activation;
  readonly singleValue: 'throw' | 'allow';
  readonly dtype: Dtype;
  /** null: the whole batch. */
  readonly ghostBatchSize: number | null;
  readonly grouping: 'consecutive' | 'interleaved';
  readonly renorm: RenormSettings | null;
  readonly onNonFinite: 'propagate' | 'skip' | 'throw';
}

export function readSettings(call: string, options: BatchNormOptions): Settings {
  const { axis = 1, epsilon = DEFAULT_EPSILON, varianceEstimator = 'unbiased', scale = true, center = true } = options;
  const { singleValue = 'throw', dtype = 'float32', debias = false } = options;
  if (typeof axis !== 'number') throw wrongKind(call, 'axis', 'an integer', axis);
  if (!Number.isSafeInteger(axis)) throw wrongValue(call, 'axis', 'an integer', axis);
  checkEpsilon(call, epsilon);
  const updateRate = readUpdateRate(call, options.updateRate, options.decay, 0.1, checkUpdateRate);
  checkBoolean(call, 'debias', debias);
  checkDebias(call, debias, updateRate);
  checkChoice(call, 'varianceEstimator', varianceEstimator, ['unbiased', 'biased']);
  checkBoolean(call, 'scale', scale);
  checkBoolean(call, 'center', center);
  const activation = readActivation(call, options.activation === undefined ? 'none' : options.activation);
  checkSingleValue(call, singleValue);
  checkChoice(call, 'dtype', dtype, ['float32', 'float64']);
  const plain = { axis, epsilon, updateRate, debias, varianceEstimator, scale, center, activation, singleValue, dtype };
  return { ...plain, ...readVariants(call, options, axis) };
}

function readVariants(
  call: string,
  options: BatchNormOptions,
  axis: number,
): Pick<Settings, 'ghostBatchSize' | 'grouping' | 'renorm' | 'onNonFinite'> {
  const { ghostBatchSize = null, grouping = 'consecutive', renorm = false, onNonFinite = 'propagate' } = options;
  if (ghostBatchSize !== null) {
    checkSize(call, 'ghostBatchSize', ghostBatchSize);
    if (ghostBatchSize === 0) throw wrongValue(call, 'ghostBatchSize', 'at least 1 sample', 0);
    if (axis === 0) throw wrongValue(call, 'axis', 'another axis than that of the samples, for ghostBatchSize', 0);
    if (options.synchronize !== undefined) {
      throw wrongKind(call, 'synchronize', 'nothing beside ghostBatchSize', options.synchronize);
    }
  }
  checkChoice(call, 'grouping', grouping, ['consecutive', 'interleaved']);
  checkChoice(call, 'onNonFinite', onNonFinite, ['propagate', 'skip', 'throw']);
  return { ghostBatchSize, grouping, renorm: readRenorm(call, renorm), onNonFinite };
}

/** What is chosen once is not set later: without these, a layer would take it in silence and go on as before. */
export function refuseSetting(prototype: object, names: Iterable<string>): void {
  for (const name of names) {
    if (name in prototype) continue;
    const set = () => {
      throw new TypeError(`batchnorm: BatchNorm: "${name}" cannot be set ${SETTABLE[name] ?? laterAdvice(name)}`);
    };
    Object.defineProperty(prototype, name, { set, configurable: true });
  }
}

const SETTABLE: Readonly<Partial<Record<string, string>>> = {
  momentum: "on a layer; set updateRate, which is PyTorch's momentum, and 1 - momentum of Keras",
  decay: 'on a layer; set updateRate = 1 - decay',
};

function laterAdvice(name: string): string {
  return `after the layer is made; pass it to new BatchNorm(channels, { ${name} })`;
}
