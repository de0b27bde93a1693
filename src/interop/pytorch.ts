/** PyTorch's `state_dict`: weight, bias, running_mean, running_var, num_batches_tracked. */

import { wrongKind, wrongValue } from '../arguments/messages.js';
import { nameSet, readOptions } from '../arguments/options.js';
import type { AnyDtype, BatchNorm, BatchNormOptions, TensorOf } from '../index.js';
import { type AnyBatchNorm, EXPORT_OPTIONS, type ExportOptions, layerTensors, readLayer } from './exporting.js';
import { IMPORT_OPTIONS, type ImportOptions, makeLayer, requireEpsilon } from './importing.js';
import { checkSwitches, lacks, type Part, readPrefix, readTensors, refuseLeftOver, under } from './names.js';
import { prefixesOf } from './naming.js';
import { newTensors, type Tensors } from './tensors.js';

/** Options of {@link fromPyTorch}: `epsilon` is needed, the rest is optional. */
export interface FromPyTorchOptions<D extends AnyDtype = 'float32'>
  extends ImportOptions<D>,
    Pick<BatchNormOptions, 'axis' | 'updateRate' | 'decay' | 'scale' | 'center'> {
  /** epsilon, the module's `eps`, which is no part of a state_dict: 1e-5 unless the model says otherwise. */
  epsilon: number;
  /**
   * Whether the module has running statistics. Default true; false for `track_running_stats=False`, which always
   * normalises by the batch.
   */
  trackRunningStats?: boolean | undefined;
}

/** Options of {@link toPyTorch}, all of them optional. */
export interface ToPyTorchOptions extends ExportOptions {
  /**
   * Whether to write the running statistics and their count. Default true; false for a module with
   * `track_running_stats=False`.
   */
  trackRunningStats?: boolean | undefined;
}

const FROM_OPTIONS = /* @__PURE__ */ nameSet(
  `${IMPORT_OPTIONS} axis epsilon updateRate decay scale center trackRunningStats`,
);
const TO_OPTIONS = /* @__PURE__ */ nameSet(`${EXPORT_OPTIONS} trackRunningStats`);
const NAMES = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'];

/**
 * A layer from the tensors of a `torch.nn.BatchNorm1d`, `2d`, `3d` or `SyncBatchNorm`:
 *
 * | state_dict | layer |
 * |---|---|
 * | `weight`, `bias` [c]; both absent with `affine=False` | gamma, beta |
 * | `running_mean`, `running_var` [c] | runningMean, runningVariance; the variance is the unbiased one |
 * | `num_batches_tracked` [], absent before PyTorch 0.4.1 | batchesTracked |
 *
 * The layer's own defaults are PyTorch's: axis 1, updateRate 0.1 (PyTorch's `momentum`; 'cumulative' is its
 * `momentum=None`), varianceEstimator 'unbiased'. It starts in training mode, as every layer does.
 *
 * @param stateDict the tensors of the layer, or of a whole model with `prefix`; those under other prefixes are not
 *   looked at
 * @param options `epsilon` is needed; see {@link FromPyTorchOptions}
 * @returns a layer of float32, or of `dtype`; F16 and BF16 are widened
 * @throws TypeError for a missing tensor, one of weight and bias alone, names that are left over, `momentum`
 * @throws RangeError for shapes that differ, NaN, Infinity, a negative variance
 * @example
 * import { fromPyTorch } from 'batchnorm/interop';
 * const bn = fromPyTorch(
 *   {
 *     'bn1.weight': { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
 *     'bn1.bias': { dtype: 'F32', shape: [2], data: Float32Array.of(0, 1) },
 *     'bn1.running_mean': { dtype: 'F32', shape: [2], data: Float32Array.of(10, 20) },
 *     'bn1.running_var': { dtype: 'F32', shape: [2], data: Float32Array.of(4, 9) },
 *   },
 *   { prefix: 'bn1', epsilon: 0 },
 * ).eval();
 * console.log([...bn.forward(Float32Array.of(12, 23), [1, 2])]); // → [ 1, 3 ]
 */
export function fromPyTorch<D extends AnyDtype = 'float32'>(
  stateDict: Tensors,
  options: FromPyTorchOptions<D>,
): BatchNorm<TensorOf<D>> {
  const call = 'fromPyTorch';
  const given = readOptions(call, options, FROM_OPTIONS, 'an object with epsilon');
  checkSwitches(call, given, 'strict', 'scale', 'center', 'trackRunningStats');
  const { prefix: _, trackRunningStats = true, scale, center, updateRate, ...rest } = given;
  const epsilon = requireEpsilon(call, given.epsilon, 'pass the eps of the module, by default 1e-5');
  if (updateRate === 'pooled')
    throw wrongValue(call, 'updateRate', "a number or 'cumulative', as in PyTorch", updateRate);
  const tensors = readTensors(call, 'stateDict', stateDict);
  const prefix = readPrefix(call, given.prefix, '.');
  const parts = under(call, tensors, prefix);
  const need = (name: string, advice?: string): Part => {
    const part = parts.get(name);
    if (part === undefined) throw lacks(call, 'stateDict', prefix + name, prefixesOf(tensors, 'pytorch'), advice);
    return part;
  };
  const untracked = '; for a module with track_running_stats=False pass trackRunningStats: false';
  const used = trackRunningStats ? NAMES : NAMES.slice(0, 2);
  const mean = trackRunningStats ? need('running_mean', untracked) : null;
  const variance = trackRunningStats ? need('running_var', untracked) : null;
  refuseLeftOver(call, 'stateDict', parts, used, rest.strict);
  const affine = readAffine(parts, need, scale, center);
  const count = trackRunningStats ? readCount(call, parts.get('num_batches_tracked')) : 0;
  const layer = makeLayer<D>(call, { ...affine, mean, variance }, { ...rest, epsilon, updateRate }, count);
  if (!trackRunningStats) {
    layer.normalizeWith = 'batch';
    layer.updateStatistics = false;
  }
  return layer;
}

/** PyTorch has both or none; one alone is as likely a name that went wrong. */
function readAffine(
  parts: Map<string, Part>,
  need: (name: string, advice?: string) => Part,
  scale: boolean | undefined,
  center: boolean | undefined,
): { gamma: Part | null; beta: Part | null } {
  const any = parts.has('weight') || parts.has('bias');
  const [withGamma, withBeta] = [scale ?? any, center ?? any];
  return {
    gamma: withGamma ? need('weight', '; for a layer without gamma pass scale: false') : null,
    beta: withBeta ? need('bias', '; for a layer without beta pass center: false') : null,
  };
}

/** num_batches_tracked: a scalar of some integer type. */
function readCount(call: string, part: Part | undefined): number {
  if (part === undefined) return 0;
  const { name, tensor } = part;
  if (tensor.data.length !== 1) throw wrongKind(call, name, 'one whole number', tensor.data);
  const count = Number(tensor.data[0]);
  if (!(Number.isSafeInteger(count) && count >= 0)) throw wrongValue(call, name, 'a whole number >= 0', count);
  return count;
}

/**
 * The tensors of a layer as PyTorch's `load_state_dict` takes them: weight and bias (as the layer has them),
 * running_mean, running_var and num_batches_tracked (I64). What a state_dict has no place for goes into the module's
 * constructor: `eps` is the layer's epsilon, `momentum` its updateRate (None for 'cumulative').
 *
 * @param layer any; PyTorch knows it with its channels on axis 1
 * @param options all optional; see {@link ToPyTorchOptions}
 * @returns copies; `fromPyTorch` makes of them the same layer bit for bit, where they are F32 that came from F32, or
 *   F64
 * @throws TypeError for a layer with an activation, unless it may be dropped
 * @example
 * import { BatchNorm } from 'batchnorm';
 * import { toPyTorch } from 'batchnorm/interop';
 * console.log(Object.keys(toPyTorch(new BatchNorm(2), { prefix: 'bn1' })).join(' '));
 * // → bn1.weight bn1.bias bn1.running_mean bn1.running_var bn1.num_batches_tracked
 */
export function toPyTorch(layer: AnyBatchNorm, options: ToPyTorchOptions = {}): Tensors {
  const call = 'toPyTorch';
  const given = readOptions(call, options, TO_OPTIONS);
  checkSwitches(call, given, 'trackRunningStats');
  const prefix = readPrefix(call, given.prefix, '.');
  const settings = readLayer(call, layer, given);
  const { gamma, beta, mean, variance } = layerTensors(call, layer, settings, given, 'unbiased');
  const tensors = newTensors();
  if (gamma) tensors[`${prefix}weight`] = gamma;
  if (beta) tensors[`${prefix}bias`] = beta;
  if (given.trackRunningStats === false) return tensors;
  tensors[`${prefix}running_mean`] = mean;
  tensors[`${prefix}running_var`] = variance;
  const count = BigInt64Array.of(BigInt(settings.batchesTracked));
  tensors[`${prefix}num_batches_tracked`] = { dtype: 'I64', shape: [], data: count };
  return tensors;
}
