/** flax: scale and bias among the parameters, mean and var among `batch_stats`, of linen and of nnx. */

import { wrongKind } from '../arguments/messages.js';
import { nameSet, readOptions, readOwn } from '../arguments/options.js';
import { checkChoice } from '../arguments/validate.js';
import type { AnyDtype, BatchNorm, BatchNormOptions, TensorOf } from '../index.js';
import { type AnyBatchNorm, EXPORT_OPTIONS, type ExportOptions, layerTensors, readLayer } from './exporting.js';
import { IMPORT_OPTIONS, type ImportOptions, makeLayer, readRate, requireEpsilon } from './importing.js';
import { checkSwitches, lacks, type Part, refuseLeftOver } from './names.js';
import { flaxName, prefixesOf } from './naming.js';
import { checkTensor, type NamedTensor, newTensors, type Tensors } from './tensors.js';

/** Variables by name, or by module and name: `{ params: { BatchNorm_0: { scale, bias } }, batch_stats: … }`. */
export interface FlaxVariables {
  [name: string]: NamedTensor | FlaxVariables;
}

/** Options of {@link fromFlax}: `epsilon` is needed, the rest is optional. */
export interface FromFlaxOptions<D extends AnyDtype = 'float32'>
  extends ImportOptions<D>,
    Pick<BatchNormOptions, 'axis' | 'decay' | 'updateRate' | 'scale' | 'center'> {
  /** epsilon of the module, which its variables do not have: 1e-5 unless the model says otherwise. */
  epsilon: number;
}

/** Options of {@link toFlax}, all of them optional. */
export interface ToFlaxOptions extends ExportOptions {
  /**
   * Style of the names. 'linen' (default): `params/PREFIX/scale`, `batch_stats/PREFIX/mean` and so on, joined by '/',
   * as `flax.traverse_util` does it. 'nnx': `PREFIX.scale`, `PREFIX.mean`.
   */
  naming?: 'linen' | 'nnx' | undefined;
}

const FROM_OPTIONS = /* @__PURE__ */ nameSet(`${IMPORT_OPTIONS} axis epsilon decay updateRate scale center`);
const TO_OPTIONS = /* @__PURE__ */ nameSet(`${EXPORT_OPTIONS} naming`);
const NAMES = ['scale', 'bias', 'mean', 'var'];

/**
 * A layer from the variables of a flax `BatchNorm`:
 *
 * | flax | layer |
 * |---|---|
 * | `scale`, `bias` [c]; absent with `use_scale=False`, `use_bias=False` | gamma, beta |
 * | `mean`, `var` [c] | runningMean, runningVariance; the variance is the biased one |
 *
 * Names may be flat, with '/' or '.' between their parts, or nested. Before the prefix may stand the collection
 * (`params`, `batch_stats`), and after the name nnx' `value`. Flax' defaults are taken for what variables do not say:
 * axis −1, decay 0.99 (flax' `momentum`); and `singleValue` is 'allow'.
 *
 * @param variables of a layer, or of a whole model with `prefix`
 * @param options `epsilon` is needed; see {@link FromFlaxOptions}
 * @throws TypeError for a missing variable, names that are left over, two variables that are the same one, `momentum`
 * @throws RangeError for shapes that differ, NaN, Infinity, a negative variance
 * @example
 * import { fromFlax } from 'batchnorm/interop';
 * const bn = fromFlax(
 *   {
 *     params: {
 *       BatchNorm_0: {
 *         scale: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
 *         bias: { dtype: 'F32', shape: [2], data: Float32Array.of(0, 1) },
 *       },
 *     },
 *     batch_stats: {
 *       BatchNorm_0: {
 *         mean: { dtype: 'F32', shape: [2], data: Float32Array.of(10, 20) },
 *         var: { dtype: 'F32', shape: [2], data: Float32Array.of(4, 9) },
 *       },
 *     },
 *   },
 *   { prefix: 'BatchNorm_0', epsilon: 0 },
 * ).eval();
 * console.log([...bn.forward(Float32Array.of(12, 23), [1, 2])]); // → [ 1, 3 ]
 */
export function fromFlax<D extends AnyDtype = 'float32'>(
  variables: FlaxVariables | Tensors,
  options: FromFlaxOptions<D>,
): BatchNorm<TensorOf<D>> {
  const call = 'fromFlax';
  const given = readOptions(call, options, FROM_OPTIONS, 'an object with epsilon');
  checkSwitches(call, given, 'strict', 'scale', 'center');
  const { prefix: givenPrefix = '', scale, center, ...rest } = given;
  if (typeof givenPrefix !== 'string') throw wrongKind(call, 'prefix', 'a string', givenPrefix);
  const epsilon = requireEpsilon(call, given.epsilon, 'pass the epsilon of the module, by default 1e-5');
  const tensors = flat(call, variables);
  const prefix = dotless(givenPrefix);
  const parts = under(call, tensors, prefix);
  const need = (name: string): Part => {
    const part = parts.get(name);
    if (part !== undefined) return part;
    const full = [givenPrefix, name].filter(Boolean).join('/');
    throw lacks(call, 'variables', full, prefixesOf(tensors, 'flax'));
  };
  const [mean, variance] = [need('mean'), need('var')];
  refuseLeftOver(call, 'variables', parts, NAMES, rest.strict);
  const gamma = (scale ?? parts.has('scale')) ? need('scale') : null;
  const beta = (center ?? parts.has('bias')) ? need('bias') : null;
  const { axis = -1, singleValue = 'allow' } = rest;
  const rate = readRate(call, given, 0.99);
  const settings = { ...rest, ...rate, axis, epsilon, singleValue, varianceEstimator: 'biased' as const };
  return makeLayer<D>(call, { gamma, beta, mean, variance }, settings);
}

/** One form for names that differ in what is between their parts, and in the collection before them. */
function dotless(name: string): string {
  return flaxName(name).replaceAll('.', '/').replace(/\/$/, '');
}

function under(call: string, tensors: Tensors, prefix: string): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const plain = dotless(name);
    if (prefix !== '' && !plain.startsWith(`${prefix}/`)) continue;
    const rest = prefix === '' ? plain : plain.slice(prefix.length + 1);
    const twin = parts.get(rest);
    if (twin !== undefined) throw wrongKind(call, name, `nothing beside "${twin.name}"`, tensor);
    parts.set(rest, { name, tensor });
  }
  return parts;
}

/** How deep variables may be nested: far more than any model, and less than what recursion can bear. */
const DEEPEST = 100;

/** Whatever has a dtype, a shape and data is a tensor; everything else is a level of names. */
function flat(call: string, variables: FlaxVariables): Tensors {
  const tensors = newTensors();
  const walk = (level: FlaxVariables, path: string, above: readonly FlaxVariables[]): void => {
    if (above.includes(level)) throw wrongKind(call, path, 'a level of names that does not hold itself', level);
    if (above.length > DEEPEST) throw wrongKind(call, path, `at most ${DEEPEST} levels of names`, level);
    for (const [name, value] of Object.entries(readOwn<object>(call, path || 'variables', level))) {
      const full = path === '' ? name : `${path}/${name}`;
      if (isLevel(value)) walk(value, full, [...above, level]);
      else {
        checkTensor(call, full, value);
        tensors[full] = value;
      }
    }
  };
  walk(variables, '', []);
  return tensors;
}

function isLevel(value: unknown): value is FlaxVariables {
  if (typeof value !== 'object' || value === null) return false;
  return !('data' in value && ArrayBuffer.isView(value.data)) && !('dtype' in value && typeof value.dtype === 'string');
}

/**
 * The variables of a layer as flax has them, by flat names. `flax.traverse_util.unflatten_dict(variables, sep='/')`
 * nests those of linen. What variables do not hold are the module's arguments: `epsilon`, `momentum` = 1 −
 * updateRate, `axis`, and `use_scale`, `use_bias` where the layer lacks gamma or beta.
 *
 * @param layer any
 * @param options all optional; see {@link ToFlaxOptions}
 * @returns copies; `fromFlax` makes of them the same layer bit for bit, where they are F32 that came from F32, or F64
 * @throws TypeError for a layer with an activation, unless it may be dropped
 * @example
 * import { BatchNorm } from 'batchnorm';
 * import { toFlax } from 'batchnorm/interop';
 * console.log(Object.keys(toFlax(new BatchNorm(2, { center: false }), { prefix: 'bn' })).join(' '));
 * // → params/bn/scale batch_stats/bn/mean batch_stats/bn/var
 */
export function toFlax(layer: AnyBatchNorm, options: ToFlaxOptions = {}): Tensors {
  const call = 'toFlax';
  const given = readOptions(call, options, TO_OPTIONS);
  const { naming = 'linen', prefix = '' } = given;
  checkChoice(call, 'naming', naming, ['linen', 'nnx']);
  if (typeof prefix !== 'string') throw wrongKind(call, 'prefix', 'a string', prefix);
  const settings = readLayer(call, layer, given);
  const { gamma, beta, mean, variance } = layerTensors(call, layer, settings, given, 'biased');
  const tensors = newTensors();
  const path = prefix.replace(/[/.]$/, '');
  const put = (collection: string, name: string, tensor: NamedTensor | null) => {
    if (tensor === null) return;
    const parts = naming === 'linen' ? [collection, path, name] : [path, name];
    tensors[parts.filter(Boolean).join(naming === 'linen' ? '/' : '.')] = tensor;
  };
  put('params', 'scale', gamma);
  put('params', 'bias', beta);
  put('batch_stats', 'mean', mean);
  put('batch_stats', 'var', variance);
  return tensors;
}
