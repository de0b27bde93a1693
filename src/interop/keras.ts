/** Keras 3, tf.keras and TensorFlow.js: gamma, beta, moving_mean, moving_variance, by name or in this order. */

import { expected, wrongKind } from '../arguments/messages.js';
import { nameSet, readOptions } from '../arguments/options.js';
import { checkChoice } from '../arguments/validate.js';
import type { AnyDtype, BatchNorm, BatchNormOptions, TensorOf } from '../index.js';
import {
  type AnyBatchNorm,
  EXPORT_OPTIONS,
  type ExportOptions,
  type LayerTensors,
  layerTensors,
  readLayer,
} from './exporting.js';
import { IMPORT_OPTIONS, type ImportOptions, makeLayer, readRate, requireEpsilon } from './importing.js';
import { type KerasConfig, readConfig, type WrittenConfig, writeConfig } from './keras-config.js';
import {
  checkSwitches,
  lacks,
  type Part,
  type Parts,
  readPrefix,
  readTensors,
  refuseLeftOver,
  under,
} from './names.js';
import { prefixesOf } from './naming.js';
import { checkTensor, type NamedTensor, newTensors, type Tensors } from './tensors.js';

/** Options of {@link fromKeras}: `config` or `epsilon` is needed, the rest is optional. */
export interface FromKerasOptions<D extends AnyDtype = 'float32'>
  extends ImportOptions<D>,
    Pick<BatchNormOptions, 'axis' | 'decay' | 'updateRate' | 'scale' | 'center'> {
  /**
   * The layer's configuration (`getConfig()`, or `config` in its JSON), in place of the options that it says: axis to
   * center.
   */
  config?: KerasConfig | undefined;
  /** epsilon of the layer. Needed without `config`; Keras' own default is 1e-3. */
  epsilon?: number | undefined;
  /**
   * Which variance the moving variance averages. Default 'biased': Keras 3, TensorFlow.js, and tf.keras but for its
   * fused layers (rank 4, channels last), which average the 'unbiased' variance.
   */
  varianceEstimator?: 'biased' | 'unbiased' | undefined;
}

/** Options of {@link toKeras}, all of them optional. */
export interface ToKerasOptions extends ExportOptions {
  /**
   * How `tensors` are called: 'variables' (default) by gamma, beta, moving_mean and moving_variance, or 'numbered' as
   * in files of Keras 3, 'vars/0' to 'vars/3'.
   */
  naming?: 'variables' | 'numbered' | undefined;
  /**
   * Keras' momentum, for a layer with updateRate 'cumulative' or 'pooled', which Keras lacks. Default 1 − updateRate.
   */
  decay?: number | undefined;
}

/** A layer in the form of Keras: configuration and weights. */
export interface KerasBatchNorm {
  /** The configuration for the constructor: `tf.layers.batchNormalization(config)`, or keyword arguments in Python. */
  config: WrittenConfig;
  /** The weights for `setWeights`: gamma and beta, as far as the layer has them, moving_mean, moving_variance. */
  weights: NamedTensor[];
  /** The weights by name, for files. */
  tensors: Tensors;
}

const FROM_OPTIONS = /* @__PURE__ */ nameSet(
  `${IMPORT_OPTIONS} config axis epsilon decay updateRate scale center varianceEstimator`,
);
const TO_OPTIONS = /* @__PURE__ */ nameSet(`${EXPORT_OPTIONS} naming decay`);
const VARIABLES = { gamma: 'gamma', beta: 'beta', mean: 'moving_mean', variance: 'moving_variance' } as const;
const ROLES = ['gamma', 'beta', 'mean', 'variance'] as const;

/**
 * A layer from the weights of a Keras `BatchNormalization`.
 *
 * A list is in the order of `getWeights()`: gamma, beta, moving_mean, moving_variance, shorter without scale or
 * center. Three weights need `config`, or one of `scale` and `center`. By name, what stands after the prefix is
 * `gamma` or `gamma:0` and so on, or a number as in files of Keras 3 (`0` or `vars/0`), which counts as in a list.
 * Without `config`, what names do not show has Keras' defaults: axis −1, decay 0.99 (Keras' `momentum`); and
 * `singleValue` is 'allow'.
 *
 * @param weights the weights of one layer as a list, or tensors by name, of a whole model too
 * @param options `config` or `epsilon` is needed; see {@link FromKerasOptions}
 * @throws TypeError for a missing weight, names that are left over, `momentum` outside of config, what the
 *   configuration has and this cannot take (several axes, renorm, virtual_batch_size), and an option beside `config`
 *   that it says as well
 * @throws RangeError for shapes that differ, a number of weights that does not fit, NaN, Infinity, a negative variance
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * import { layers } from '@tensorflow/tfjs-layers';
 * import { fromKeras } from 'batchnorm/interop';
 * const keras = layers.batchNormalization({ momentum: 0.9, inputShape: [2] });
 * keras.build([null, 2]);
 * const bn = fromKeras(
 *   keras.getWeights().map((w) => ({ dtype: 'F32', shape: w.shape, data: Float32Array.from(w.dataSync()) })),
 *   { config: keras.getConfig() },
 * );
 * console.log(bn.channels, bn.epsilon, bn.gamma?.join(' ')); // → 2 0.001 1 1
 */
export function fromKeras<D extends AnyDtype = 'float32'>(
  weights: Tensors | readonly NamedTensor[],
  options: FromKerasOptions<D>,
): BatchNorm<TensorOf<D>> {
  const call = 'fromKeras';
  const given = readOptions(call, options, FROM_OPTIONS, 'an object with config or epsilon');
  checkSwitches(call, given, 'strict', 'scale', 'center');
  const { prefix, config, scale: _, center: __, varianceEstimator = 'biased', ...rest } = given;
  const settings = config === undefined ? given : { ...given, ...readConfig(call, config, given) };
  const usual = "pass config, the layer's configuration, or its epsilon, by default 1e-3";
  const { axis = -1 } = settings;
  const rate = readRate(call, settings, 0.99);
  const parts = Array.isArray(weights)
    ? fromList(call, listed(call, weights), settings)
    : fromNames(call, weights as Tensors, prefix, settings);
  const epsilon = requireEpsilon(call, settings.epsilon, usual);
  const { singleValue = 'allow' } = rest;
  return makeLayer<D>(call, parts, { ...rest, ...rate, axis, epsilon, varianceEstimator, singleValue });
}

/** Whether there is a gamma, and a beta, as far as it was said. */
interface Affine extends Pick<BatchNormOptions, 'scale' | 'center'> {
  readonly strict?: boolean | undefined;
}

function listed(call: string, weights: readonly NamedTensor[]): Part[] {
  return weights.map((tensor, i) => {
    const name = `weights[${i}]`;
    checkTensor(call, name, tensor);
    return { name, tensor };
  });
}

/** Their number tells what they are, but for three. */
function fromList(call: string, weights: readonly Part[], { scale, center }: Affine): Parts {
  const count = weights.length;
  if (count < 2 || count > 4) {
    throw new RangeError(expected(call, 'weights', '2 to 4 weights of one layer', `${count}`));
  }
  if (count === 3 && scale === undefined && center === undefined) {
    throw new TypeError(
      `batchnorm: ${call}: three weights begin with gamma or with beta; pass scale: false where it is beta, ` +
        "center: false where it is gamma, or the layer's config",
    );
  }
  // With three weights, `scale` or `center` was given; the other follows from their number.
  const withGamma = scale ?? count - 2 > (center === false ? 0 : 1);
  const withBeta = center ?? count - 2 > (withGamma ? 1 : 0);
  const roles = ROLES.filter((role) => (role !== 'gamma' || withGamma) && (role !== 'beta' || withBeta));
  if (roles.length !== count) {
    const names = roles.map((role) => VARIABLES[role]).join(', ');
    throw new RangeError(expected(call, 'weights', `${roles.length} weights (${names})`, `${count}`));
  }
  const at = (role: (typeof ROLES)[number]) => weights[roles.indexOf(role)] ?? null;
  return { gamma: at('gamma'), beta: at('beta'), mean: at('mean'), variance: at('variance') };
}

function fromNames(call: string, weights: Tensors, givenPrefix: string | undefined, affine: Affine): Parts {
  const tensors = readTensors(call, 'weights', weights);
  const prefix = readPrefix(call, givenPrefix, '/');
  const parts = new Map<string, Part>();
  for (const [name, part] of under(call, tensors, prefix)) {
    const variable = name.replace(/:\d+$/, '').replace(/^vars\/(?=\d+$)/, '');
    const twin = parts.get(variable);
    if (twin !== undefined) throw wrongKind(call, part.name, `nothing beside "${twin.name}"`, part.tensor);
    parts.set(variable, part);
  }
  const numbers = [...parts.keys()].filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
  if (numbers.length > 0) return fromNumbers(call, parts, numbers, affine);
  const need = (name: string): Part => {
    const part = parts.get(name);
    const others = prefixesOf(tensors, 'keras', 'keras-numbered');
    if (part === undefined) throw lacks(call, 'weights', prefix + name, others);
    return part;
  };
  const mean = need(VARIABLES.mean);
  const variance = need(VARIABLES.variance);
  refuseLeftOver(call, 'weights', parts, Object.values(VARIABLES), affine.strict);
  const { scale = parts.has('gamma'), center = parts.has('beta') } = affine;
  return { gamma: scale ? need('gamma') : null, beta: center ? need('beta') : null, mean, variance };
}

function fromNumbers(call: string, parts: Map<string, Part>, numbers: readonly string[], affine: Affine): Parts {
  refuseLeftOver(call, 'weights', parts, numbers, affine.strict);
  const gap = numbers.findIndex((name, i) => Number(name) !== i);
  if (gap >= 0) throw new TypeError(`batchnorm: ${call}: "weights" lacks the variable ${gap}, and has ${numbers[gap]}`);
  return fromList(
    call,
    numbers.map((name) => parts.get(name)!),
    affine,
  );
}

/**
 * A layer as Keras takes it: configuration and weights. `momentum` is 1 − updateRate; axis, epsilon, center and scale
 * are the layer's.
 *
 * @param layer any without renorm
 * @param options all optional; see {@link ToKerasOptions}
 * @returns copies; `fromKeras` makes of them the same layer bit for bit, where they are F32 that came from F32, or F64
 * @throws TypeError for a layer with an activation, unless it may be dropped; RangeError for an updateRate that is no
 *   number
 * @example
 * import { BatchNorm } from 'batchnorm';
 * import { toKeras } from 'batchnorm/interop';
 * const { config, tensors } = toKeras(new BatchNorm(2, { axis: -1, decay: 0.9 }), { prefix: 'bn' });
 * console.log(config.momentum); // → 0.9
 * console.log(Object.keys(tensors).join(' ')); // → bn/gamma bn/beta bn/moving_mean bn/moving_variance
 */
export function toKeras(layer: AnyBatchNorm, options: ToKerasOptions = {}): KerasBatchNorm {
  const call = 'toKeras';
  const given = readOptions(call, options, TO_OPTIONS);
  const settings = readLayer(call, layer, given);
  const held = layerTensors(call, layer, settings, given, 'biased');
  const config = writeConfig(call, settings, given.decay, { center: held.beta !== null, scale: held.gamma !== null });
  const entries = ROLES.map((role) => [role, held[role]] as const).filter(
    (entry): entry is [keyof LayerTensors, NamedTensor] => entry[1] !== null,
  );
  const { naming = 'variables' } = given;
  checkChoice(call, 'naming', naming, ['variables', 'numbered']);
  const prefix = readPrefix(call, given.prefix, '/');
  const tensors = newTensors();
  for (const [i, [role, tensor]] of entries.entries()) {
    tensors[prefix + (naming === 'numbered' ? `vars/${i}` : VARIABLES[role])] = tensor;
  }
  return { config, weights: entries.map(([, tensor]) => tensor), tensors };
}
