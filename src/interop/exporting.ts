/** The four tensors of a layer: what all exporters have in common. */

import { expected, wrongKind, wrongValue } from '../arguments/messages.js';
import { checkChoice } from '../arguments/validate.js';
import type { AnyDtype, AnyTensor, BatchNorm, BatchNormState } from '../index.js';
import { type FloatType, FORMATS, toTensor } from './floats.js';
import { checkSwitches } from './names.js';
import type { NamedTensor } from './tensors.js';

/** A `BatchNorm` of any dtype, as exporters take it. */
export type AnyBatchNorm = Pick<
  BatchNorm<AnyTensor>,
  'channels' | 'gamma' | 'beta' | 'runningMean' | 'runningVariance' | 'state'
>;

/** Options of every export. */
export interface ExportOptions {
  /** Prefix of the names of the tensors, with or without the separator after it. Default none. */
  prefix?: string | undefined;
  /**
   * Type of the tensors. Default 'F64', which loses nothing, for a layer of float64, 'F32' for all others.
   * Running statistics are float64 in every layer, and rounded to nearest in tensors of other types.
   */
  dtype?: FloatType | undefined;
  /**
   * Values per channel in a batch, m, to convert the running variance to what the format averages: unbiased =
   * biased·m/(m − 1). 'tracked' takes the mean size of the batches that the layer has seen. Default: the variance
   * stays as it is, so that evaluation gives the same y, and only what later batches add follows the other rule.
   */
  valuesPerBatch?: number | 'tracked' | undefined;
  /**
   * Whether to leave out the layer's activation, which no format has. Default false: a layer with an activation is
   * refused.
   */
  dropActivation?: boolean | undefined;
}

export const EXPORT_OPTIONS = 'prefix dtype valuesPerBatch dropActivation';

/** @throws TypeError for anything but a `BatchNorm`; one of another copy of this library is one too */
export function checkLayer(call: string, layer: AnyBatchNorm): BatchNormState<AnyDtype> {
  const state = typeof layer?.state === 'function' ? layer.state() : null;
  if (state?.format !== 'batchnorm/2') throw wrongKind(call, 'layer', 'a BatchNorm', layer);
  return state;
}

/** The settings of a layer that is to be exported. */
export function readLayer(call: string, layer: AnyBatchNorm, options: ExportOptions): BatchNormState<AnyDtype> {
  const settings = checkLayer(call, layer);
  checkSwitches(call, options, 'dropActivation');
  if (settings.activation !== 'none' && options.dropActivation !== true) {
    const advice = '; add it there as a layer of its own, and pass dropActivation: true';
    const wanted = 'a layer without an activation, which the format lacks';
    throw new TypeError(expected(call, 'layer', wanted, 'one that has it') + advice);
  }
  return settings;
}

export interface LayerTensors {
  readonly gamma: NamedTensor | null;
  readonly beta: NamedTensor | null;
  readonly mean: NamedTensor;
  readonly variance: NamedTensor;
}

/** The arrays of a layer as tensors; the running variance as the format averages it. */
export function layerTensors(
  call: string,
  layer: AnyBatchNorm,
  settings: BatchNormState<AnyDtype>,
  options: ExportOptions,
  estimator: 'unbiased' | 'biased',
): LayerTensors {
  const { dtype = settings.dtype === 'float64' ? 'F64' : 'F32' } = options;
  checkChoice(call, 'dtype', dtype, Object.keys(FORMATS));
  const { gamma, beta, runningMean, runningVariance } = layer;
  const factor = varianceFactor(call, settings, options.valuesPerBatch, estimator);
  const variance = factor === 1 ? runningVariance : runningVariance.map((value) => value * factor);
  return {
    gamma: gamma && toTensor(call, 'gamma', gamma, dtype),
    beta: beta && toTensor(call, 'beta', beta, dtype),
    mean: toTensor(call, 'runningMean', runningMean, dtype),
    variance: toTensor(call, 'runningVariance', variance, dtype),
  };
}

/** The factor that converts the running variance. */
function varianceFactor(
  call: string,
  { varianceEstimator, batchesTracked, valuesTracked, updateRate }: BatchNormState<AnyDtype>,
  given: number | 'tracked' | undefined,
  estimator: 'unbiased' | 'biased',
): number {
  if (given === undefined || varianceEstimator === estimator) return 1;
  const batches = updateRate === 'pooled' ? 1 : batchesTracked;
  const m = given === 'tracked' ? valuesTracked / batches : given;
  if (given === 'tracked' && !(m > 1)) {
    throw wrongValue(call, 'valuesPerBatch', 'a number: the layer has counted no values of batches', given);
  }
  if (typeof m !== 'number') throw wrongKind(call, 'valuesPerBatch', "a number > 1, or 'tracked'", m);
  if (!(m > 1)) throw wrongValue(call, 'valuesPerBatch', "a number > 1, or 'tracked'", m);
  if (m === Infinity) return 1;
  return estimator === 'unbiased' ? m / (m - 1) : (m - 1) / m;
}
