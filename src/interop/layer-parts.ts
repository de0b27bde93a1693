/** A layer from its four tensors, and the four tensors of a layer: what all formats have in common. */

import { expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { checkChoice } from '../arguments/validate.js';
import { type Activation, BatchNorm, type BatchNormOptions, type Tensor } from '../index.js';
import { type FloatType, FORMATS, isFloatType, toTensor } from './floats.js';
import type { Part, Parts } from './names.js';
import { type NamedTensor, toFloats } from './tensors.js';
import { readVerification, type Verification, verifyFor } from './verify.js';

/** Options of every import, beside those that the format itself decides. */
export interface ImportOptions<T extends Tensor>
  extends Pick<
    BatchNormOptions,
    'activation' | 'singleValue' | 'dtype' | 'ghostBatchSize' | 'grouping' | 'onNonFinite' | 'synchronize' | 'gradients'
  > {
  /** What stands before the names of this layer's tensors, with or without the separator after it. Default none. */
  prefix?: string | undefined;
  /** false: other tensors under the prefix are left alone. Default true: they are an error, which lists them. */
  strict?: boolean | undefined;
  /** A sample that the other framework has evaluated: the layer is tried with it; see {@link Verification}. */
  verify?: Verification<T> | undefined;
}

export const IMPORT_OPTIONS =
  'prefix strict verify activation singleValue dtype ghostBatchSize grouping onNonFinite synchronize gradients';

/** Options of every export. */
export interface ExportOptions {
  /** What is to stand before the names, with or without the separator after it. Default none. */
  prefix?: string | undefined;
  /**
   * Type of the tensors. Default 'F32' for a layer of float32, 'F64', which loses nothing, for one of float64. Running statistics are
   * float64 in every layer, and rounded to nearest in tensors of other types.
   */
  dtype?: FloatType | undefined;
  /**
   * Values per channel in a batch, m, to convert the running variance to what the format averages: unbiased = biased·m/(m − 1).
   * 'tracked' takes the mean size of the batches that the layer has seen. Default: the variance stays as it is, so that
   * evaluation gives the same y, and only what later batches add follows the other rule.
   */
  valuesPerBatch?: number | 'tracked' | undefined;
  /** true: leaves out the layer's activation, which no format has. Default false: a layer with one is refused. */
  dropActivation?: boolean | undefined;
}

export const EXPORT_OPTIONS = 'prefix dtype valuesPerBatch dropActivation';

/** The options of a layer that a state holds under these names. */
export interface LayerSettings {
  readonly axis: number;
  readonly epsilon: number;
  readonly updateRate: number | 'cumulative' | 'pooled';
  readonly varianceEstimator: 'unbiased' | 'biased';
  readonly activation: Activation;
  readonly dtype: 'float32' | 'float64';
  readonly batchesTracked: number;
  readonly valuesTracked: number;
}

/** ε decides what y is, and a format without it leaves it to the reader. */
export function requireEpsilon(call: string, epsilon: number | undefined, usual: string): number {
  if (epsilon === undefined) {
    throw new TypeError(`batchnorm: ${call}: "epsilon" is needed, since the tensors do not say it; ${usual}`);
  }
  return epsilon;
}

/** The rate of a format that keeps no count of batches, without which an average over all of them cannot go on. */
export function readRate(
  call: string,
  { decay, updateRate }: Pick<BatchNormOptions, 'decay' | 'updateRate'>,
  usual: number,
): Pick<BatchNormOptions, 'decay' | 'updateRate'> {
  if (typeof updateRate === 'string') {
    const wanted = 'a number, since the tensors do not say how many batches were averaged';
    throw wrongValue(call, 'updateRate', wanted, updateRate);
  }
  return { updateRate, decay: updateRate === undefined ? (decay ?? usual) : decay };
}

/**
 * A layer with these parameters and running statistics, bit for bit.
 *
 * @param options the constructor's; scale and center are what the parts say
 * @throws TypeError, RangeError naming the tensor that has the wrong type, shape or values
 */
export function makeLayer<T extends Tensor>(
  call: string,
  parts: Parts,
  options: ImportOptions<T> & BatchNormOptions,
  batchesTracked = 0,
): BatchNorm<T> {
  const { prefix: _, strict: __, verify, ...rest } = options;
  const channels = countChannels(call, parts);
  const [gamma, beta, mean, variance] = [parts.gamma, parts.beta, parts.mean, parts.variance].map(
    (part) => part && readPart(call, part, channels),
  );
  if (variance && parts.variance) refuseNegative(call, parts.variance.name, variance);
  const dtype = rest.dtype ?? (isDouble(parts) ? 'float64' : 'float32');
  const empty = new BatchNorm<T>(channels, { ...rest, dtype, scale: gamma !== null, center: beta !== null });
  const { synchronize, gradients } = rest;
  const state = { ...empty.state(), batchesTracked, debiasWeight: 1 };
  const layer = BatchNorm.fromState<T>(state, { synchronize, gradients });
  if (gamma) layer.gamma?.set(gamma);
  if (beta) layer.beta?.set(beta);
  if (mean) layer.runningMean.set(mean);
  if (variance) layer.runningVariance.set(variance);
  if (verify !== undefined) verifyFor(call, layer, readVerification(call, verify));
  return layer;
}

/** Whether the parameters are float64; without any, the statistics decide. */
function isDouble({ gamma, beta, mean }: Parts): boolean {
  const parameters = gamma || beta ? [gamma, beta] : [mean];
  return parameters.some((part) => part?.tensor.dtype === 'F64');
}

function countChannels(call: string, { gamma, beta, mean, variance }: Parts): number {
  const first = mean ?? variance ?? gamma ?? beta;
  if (first === null)
    throw new TypeError(`batchnorm: ${call}: there is no tensor that says how many channels there are`);
  const { shape } = first.tensor;
  if (shape.length !== 1) {
    throw new RangeError(expected(call, `${first.name}.shape`, '[channels]', list(shape)));
  }
  return shape[0];
}

function readPart(call: string, { name, tensor }: Part, channels: number): Tensor {
  const { dtype, shape } = tensor;
  if (!isFloatType(dtype)) throw wrongValue(call, `${name}.dtype`, 'F64, F32, F16 or BF16', dtype);
  if (shape.length !== 1 || shape[0] !== channels) {
    throw new RangeError(expected(call, `${name}.shape`, `[${channels}] (channels)`, list(shape)));
  }
  const values = toFloats(tensor);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw wrongValue(call, `${name}[${wrong}]`, 'a finite number', values[wrong]);
  return values;
}

function refuseNegative(call: string, name: string, variance: Tensor): void {
  const wrong = variance.findIndex((value) => value < 0);
  if (wrong >= 0) throw wrongValue(call, `${name}[${wrong}]`, 'a variance >= 0', variance[wrong]);
}

/** The settings of a layer that is to be exported. */
export function readLayer(call: string, layer: BatchNorm<Tensor>, options: ExportOptions): LayerSettings {
  if (typeof layer !== 'object' || layer === null || typeof layer.state !== 'function') {
    throw wrongKind(call, 'layer', 'a BatchNorm', layer);
  }
  const settings = layer.state() as unknown as LayerSettings & { renorm: unknown };
  if (settings.activation !== 'none' && options.dropActivation !== true) {
    const advice = 'add it there as a layer of its own, and pass dropActivation: true';
    throw new TypeError(
      `${expected(call, 'layer', 'a layer without an activation, which the format lacks', 'one that has it')}; ${advice}`,
    );
  }
  return settings;
}

export interface LayerTensors {
  readonly gamma: NamedTensor | null;
  readonly beta: NamedTensor | null;
  readonly mean: NamedTensor;
  readonly variance: NamedTensor;
}

/** What a layer holds, as tensors; the running variance as the format averages it. */
export function layerTensors(
  call: string,
  layer: BatchNorm<Tensor>,
  settings: LayerSettings,
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

/** What the running variance has to be multiplied by. */
function varianceFactor(
  call: string,
  { varianceEstimator, batchesTracked, valuesTracked, updateRate }: LayerSettings,
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
