/** A layer from its four tensors: what all importers have in common. */

import { expected, list, wrongValue } from '../arguments/messages.js';
import { namesOf } from '../arguments/options.js';
import { checkChoice } from '../arguments/validate.js';
import {
  type AnyDtype,
  type AnyTensor,
  BatchNorm,
  type BatchNormOptions,
  type Tensor,
  type TensorOf,
} from '../index.js';
import { isFloatType } from './floats.js';
import type { Part, Parts } from './names.js';
import { toFloats } from './tensors.js';
import { readVerification, type Verification, verifyFor } from './verify.js';

/** Options of the layer that formats say, or that follow from one. */
type OfFormat = 'axis' | 'epsilon' | 'updateRate' | 'decay' | 'varianceEstimator' | 'scale' | 'center' | 'dtype';
type OfLayer = Omit<BatchNormOptions, OfFormat>;

/**
 * Options of every import: all of the layer's that the format itself does not decide, such as `activation`,
 * `ghostBatchSize`, `groups` and `renorm`, whose averages begin with the running statistics.
 */
export interface ImportOptions<D extends AnyDtype = 'float32'> extends OfLayer {
  /**
   * Element type of the layer. Without it the layer is of 'float32', and parameters that are F64 are refused.
   * `dtype: 'float32'` rounds them to nearest. Parameters of 'float16' and 'bfloat16' are float32, which takes F16 and
   * BF16 as they are.
   */
  dtype?: D | undefined;
  /** Prefix of the names of this layer's tensors, with or without the separator after it. Default none. */
  prefix?: string | undefined;
  /**
   * Whether other tensors under the prefix are an error, which lists them. Default true; with false they are ignored.
   */
  strict?: boolean | undefined;
  /** A sample that the other framework has evaluated: the layer is tried with it; see {@link Verification}. */
  verify?: Verification<TensorOf<D>> | undefined;
}

const OF_LAYER = /* @__PURE__ */ namesOf<OfLayer>({
  activation: 1,
  singleValue: 1,
  debias: 1,
  summation: 1,
  ghostBatchSize: 1,
  grouping: 1,
  groups: 1,
  renorm: 1,
  onNonFinite: 1,
  synchronize: 1,
  gradients: 1,
});
/** Options of importers that need no names of tensors. */
export const COMMON_OPTIONS = /* @__PURE__ */ ['verify', 'dtype', ...OF_LAYER].join(' ');
export const IMPORT_OPTIONS = `prefix strict ${COMMON_OPTIONS}`;

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
export function makeLayer<D extends AnyDtype>(
  call: string,
  parts: Parts,
  options: ImportOptions<D> & Omit<BatchNormOptions, 'dtype'>,
  batchesTracked = 0,
): BatchNorm<TensorOf<D>> {
  const { prefix: _, strict: __, verify, dtype = 'float32', ...rest } = options;
  checkChoice(call, 'dtype', dtype, ['float32', 'float64', 'float16', 'bfloat16']);
  const channels = countChannels(call, parts);
  const gamma = parts.gamma && readParameter(call, parts.gamma, channels, options.dtype);
  const beta = parts.beta && readParameter(call, parts.beta, channels, options.dtype);
  const mean = parts.mean && readPart(call, parts.mean, channels);
  const variance = parts.variance && readVariance(call, parts.variance, channels);
  const empty = new BatchNorm<AnyTensor>(channels, { ...rest, dtype, scale: gamma !== null, center: beta !== null });
  const { synchronize, gradients } = rest;
  const state = { ...empty.state(), batchesTracked, debiasWeight: 1 };
  const layer = BatchNorm.fromState<TensorOf<D>>(state, { synchronize, gradients });
  if (gamma) layer.gamma?.set(gamma);
  if (beta) layer.beta?.set(beta);
  if (mean) layer.runningMean.set(mean);
  if (variance) layer.runningVariance.set(variance);
  layer.renormMean?.set(layer.runningMean);
  layer.renormDeviation?.set(layer.runningVariance.map((value) => Math.sqrt(value + layer.epsilon)));
  if (verify !== undefined) verifyFor(call, layer, readVerification(call, verify));
  return layer;
}

/**
 * Refuses a parameter of another type than the layer's, which would be rounded. Running statistics are float64 in every
 * layer.
 */
function readParameter(call: string, part: Part, channels: number, dtype: AnyDtype | undefined): Tensor {
  const { name, tensor } = part;
  if (tensor.dtype === 'F64' && dtype === undefined) {
    const wanted =
      "F32, F16 or BF16 for a layer of float32; pass dtype: 'float64' for one of float64, 'float32' to round";
    throw wrongValue(call, `${name}.dtype`, wanted, tensor.dtype);
  }
  const values = readPart(call, part, channels);
  if (dtype === 'float64') return values;
  const wrong = values.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (wrong >= 0) throw wrongValue(call, `${name}[${wrong}]`, 'a number that float32 can hold', values[wrong]);
  return values;
}

function countChannels(call: string, { gamma, beta, mean, variance }: Parts): number {
  const first = mean ?? variance ?? gamma ?? beta;
  if (first === null) {
    throw new TypeError(`batchnorm: ${call}: there is no tensor that says how many channels there are`);
  }
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

function readVariance(call: string, part: Part, channels: number): Tensor {
  const variance = readPart(call, part, channels);
  const wrong = variance.findIndex((value) => value < 0);
  if (wrong >= 0) throw wrongValue(call, `${part.name}[${wrong}]`, 'a variance >= 0', variance[wrong]);
  return variance;
}
