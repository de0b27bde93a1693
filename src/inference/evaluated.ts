/** Batch normalization in evaluation: an affine map of each channel. */
import { expected, wrongKind, wrongValue } from '../arguments/messages.js';
import { nameSet, readNames } from '../arguments/options.js';
import { checkEpsilon, readStatistics } from '../arguments/validate.js';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { BatchNorm } from '../layer/constructor.js';
import type { AnyTensor } from '../types.js';
import { stateOf } from './layer-state.js';

/** Batch normalization of any origin, as numbers per channel. */
export interface StatisticsToFold {
  /** Mean that evaluation subtracts, [c]. */
  mean: ArrayLike<number>;
  /** Variance that evaluation divides by the root of, [c], ≥ 0. */
  variance: ArrayLike<number>;
  /** Scale, [c]. Default none: 1. */
  gamma?: ArrayLike<number> | null | undefined;
  /** Shift, [c]. Default none: 0. */
  beta?: ArrayLike<number> | null | undefined;
  /**
   * epsilon, a number ≥ 0 that is added to the variance. It has no default, since frameworks differ: 1e-5 in PyTorch
   * and here, 1e-3 in Keras.
   */
  epsilon: number;
}

/** A layer whose parameters and running statistics are read; of any dtype. */
export type LayerToFold = Pick<
  BatchNorm<AnyTensor>,
  | 'channels'
  | 'epsilon'
  | 'activation'
  | 'normalizeWith'
  | 'gamma'
  | 'beta'
  | 'runningMean'
  | 'runningVariance'
  | 'state'
>;

/** y = scale·x + shift in each channel, with what is needed to bound the rounding of a sum with it. */
export interface Evaluated {
  readonly channels: number;
  readonly mean: Float64Array;
  /** gamma/√(variance + epsilon), where 1/√0 counts as 0. */
  readonly scale: Float64Array;
  readonly beta: Float64Array;
}

const NAMES = /* @__PURE__ */ nameSet('mean variance gamma beta epsilon');

/**
 * @param into whether an activation of the layer would come between it and what it is folded into
 * @throws TypeError, RangeError naming what is no layer, no statistics, or not finite
 */
export function readEvaluated(
  call: string,
  layer: LayerToFold | StatisticsToFold,
  into: 'previous' | 'next',
  dropActivation: boolean,
): Evaluated {
  if (!isLayer(layer)) return evaluated(call, readNames(call, 'layer', layer, NAMES), ['mean', 'variance']);
  checkSettings(call, layer, into, dropActivation);
  const { runningMean: mean, runningVariance: variance, gamma, beta, epsilon } = layer;
  return evaluated(call, { mean, variance, gamma, beta, epsilon }, ['runningMean', 'runningVariance']);
}

function isLayer(layer: LayerToFold | StatisticsToFold): layer is LayerToFold {
  const { state } = (typeof layer === 'object' && layer !== null ? layer : {}) as Partial<LayerToFold>;
  return typeof state === 'function';
}

function checkSettings(call: string, layer: LayerToFold, into: 'previous' | 'next', dropActivation: boolean): void {
  stateOf(call, 'layer', layer, 'a BatchNorm or its statistics');
  const { activation, normalizeWith } = layer;
  if (normalizeWith !== 'mode' && normalizeWith !== 'running') {
    throw wrongValue(call, 'layer.normalizeWith', "'mode' or 'running': only constants can be folded", normalizeWith);
  }
  if (activation === 'none' || (into === 'previous' && dropActivation)) return;
  const advice =
    into === 'previous'
      ? '; apply it after the folded weights, and pass dropActivation: true'
      : '; fold it into what comes before, if that is dense or a convolution';
  throw new TypeError(expected(call, 'layer', 'one without an activation', 'one that has it') + advice);
}

function evaluated(
  call: string,
  given: StatisticsToFold,
  [meanName, varianceName]: readonly [string, string],
): Evaluated {
  const { epsilon } = given;
  checkEpsilon(call, epsilon);
  const channels = lengthOf(call, meanName, given.mean);
  const { mean, variance } = readStatistics(call, given.mean, given.variance, channels);
  const gamma = readOptional(call, 'gamma', given.gamma, channels, 1);
  const beta = readOptional(call, 'beta', given.beta, channels, 0);
  for (const [name, values] of Object.entries({ [meanName]: mean, [varianceName]: variance, gamma, beta })) {
    checkFinite(call, name, values);
  }
  const scale = gamma.map((value, ch) => value * reciprocalDeviation(variance[ch] + epsilon));
  checkFinite(call, 'gamma/√(variance + epsilon)', scale);
  return { channels, mean, scale, beta };
}

function lengthOf(call: string, name: string, values: ArrayLike<number>): number {
  if (typeof values !== 'object' || values === null || typeof values.length !== 'number') {
    throw wrongKind(call, name, 'an array of numbers, one for each channel', values);
  }
  if (values.length === 0) throw wrongValue(call, name, 'at least one channel', values);
  return values.length;
}

function readOptional(
  call: string,
  name: string,
  values: ArrayLike<number> | null | undefined,
  channels: number,
  otherwise: number,
): Float64Array {
  if (values === null || values === undefined) return new Float64Array(channels).fill(otherwise);
  if (lengthOf(call, name, values) !== channels) {
    throw wrongValue(call, name, `${channels} numbers (channels)`, values);
  }
  return Float64Array.from(values, (value, ch) => {
    if (typeof value !== 'number') throw wrongKind(call, `${name}[${ch}]`, 'a number', value);
    return value;
  });
}

export function checkFinite(call: string, name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw wrongValue(call, `${name}[${i}]`, 'a finite number', values[i]);
  }
}
