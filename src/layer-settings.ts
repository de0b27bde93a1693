/** The settings of a `BatchNorm`: what its options mean. */
import { wrongKind, wrongValue } from './messages.js';
import { type Common, DEFAULT_EPSILON } from './options.js';
import type { Activation } from './types.js';
import { checkActivation, checkChoice, checkEpsilon, checkSingleValue } from './validate.js';

export interface BatchNormOptions extends Common {
  /**
   * How much of each new batch goes into the running statistics: running ← (1 − updateRate)·running + updateRate·batch.
   * From 0 to 1; default 0.1 (PyTorch, where it is called momentum). 'cumulative' is the plain mean over all batches
   * (PyTorch's momentum=None).
   */
  updateRate?: number | 'cumulative' | undefined;
  /**
   * The other convention: decay = 1 − updateRate, from 0 to 1. Keras, TensorFlow, flax (0.99) and ONNX (0.9) call this
   * momentum.
   */
  decay?: number | undefined;
  /**
   * What the running variance averages: 'unbiased', divided by m − 1 (default: PyTorch, and Algorithm 2 of the paper), or
   * 'biased', divided by m (Keras, flax, ONNX). With m = 1 the biased one in any case.
   */
  varianceEstimator?: 'unbiased' | 'biased' | undefined;
  /** Whether there is a learnt scale gamma. Default true. */
  scale?: boolean | undefined;
  /** Whether there is a learnt shift beta. Default true. */
  center?: boolean | undefined;
  /** Applied last: 'none' (default) or 'relu'. */
  activation?: Activation | undefined;
  /** One value per channel (m = 1) in training: 'throw' (default, as PyTorch) or 'allow' (as Keras: y = beta). */
  singleValue?: 'throw' | 'allow' | undefined;
  /** Element type of x and of the parameters: 'float32' (default) or 'float64'. Must match T. */
  dtype?: 'float32' | 'float64' | undefined;
}

/** Every option with its value: `decay` has become `updateRate`. */
export interface Settings {
  readonly axis: number;
  readonly epsilon: number;
  readonly updateRate: number | 'cumulative';
  readonly varianceEstimator: 'unbiased' | 'biased';
  readonly scale: boolean;
  readonly center: boolean;
  readonly activation: Activation;
  readonly singleValue: 'throw' | 'allow';
  readonly dtype: 'float32' | 'float64';
}

export function readSettings(call: string, options: BatchNormOptions): Settings {
  const { axis = 1, epsilon = DEFAULT_EPSILON, varianceEstimator = 'unbiased', scale = true, center = true } = options;
  const { activation = 'none', singleValue = 'throw', dtype = 'float32' } = options;
  if (typeof axis !== 'number') throw wrongKind(call, 'axis', 'an integer', axis);
  if (!Number.isSafeInteger(axis)) throw wrongValue(call, 'axis', 'an integer', axis);
  checkEpsilon(call, epsilon);
  const updateRate = readUpdateRate(call, options.updateRate, options.decay);
  checkChoice(call, 'varianceEstimator', varianceEstimator, ['unbiased', 'biased']);
  checkBoolean(call, 'scale', scale);
  checkBoolean(call, 'center', center);
  checkActivation(call, activation);
  checkSingleValue(call, singleValue);
  checkChoice(call, 'dtype', dtype, ['float32', 'float64']);
  return { axis, epsilon, updateRate, varianceEstimator, scale, center, activation, singleValue, dtype };
}

function readUpdateRate(
  call: string,
  updateRate: number | 'cumulative' | undefined,
  decay: number | undefined,
): number | 'cumulative' {
  if (decay !== undefined) {
    if (updateRate !== undefined) throw wrongKind(call, 'decay', 'nothing beside updateRate (= 1 - decay)', decay);
    checkFraction(call, 'decay', decay, 'a number from 0 to 1');
    return 1 - decay;
  }
  if (updateRate === undefined) return 0.1;
  if (updateRate !== 'cumulative')
    checkFraction(call, 'updateRate', updateRate, "a number from 0 to 1 or 'cumulative'");
  return updateRate;
}

function checkFraction(call: string, name: string, value: unknown, wanted: string): void {
  if (typeof value !== 'number') throw (typeof value === 'string' ? wrongValue : wrongKind)(call, name, wanted, value);
  if (!(value >= 0 && value <= 1)) throw wrongValue(call, name, wanted, value);
}

function checkBoolean(call: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrongKind(call, name, 'true or false', value);
}
