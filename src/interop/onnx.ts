/** ONNX: a BatchNormalization node of opset 7 to 15 and later, and its initializers. */

import { expected } from '../arguments/messages.js';
import { nameSet, readOptions } from '../arguments/options.js';
import type { AnyDtype, BatchNorm, BatchNormOptions, TensorOf } from '../index.js';
import { type AnyBatchNorm, EXPORT_OPTIONS, type ExportOptions, layerTensors, readLayer } from './exporting.js';
import { type FloatType, toTensor } from './floats.js';
import { COMMON_OPTIONS, type ImportOptions, makeLayer } from './importing.js';
import { checkFraction, decayOf } from './keras-config.js';
import { checkSwitches, lacks, type Part, readPrefix, readTensors } from './names.js';
import { checkOpset, type OnnxAttributes, type OnnxNode, readMode, readNode } from './onnx-node.js';
import { checkTensor, newTensors, type Tensors } from './tensors.js';

/** Options of {@link fromOnnx}: `node` is needed, the rest is optional. */
export interface FromOnnxOptions<D extends AnyDtype = 'float32'> extends Omit<ImportOptions<D>, 'prefix' | 'strict'> {
  /** The BatchNormalization node. */
  node: OnnxNode;
  /**
   * Version of the operators that the model imports. Needed where the node has several outputs or the attribute
   * `spatial`.
   */
  opset?: number | undefined;
  /**
   * Which variance the running variance averages. Default 'biased', as ONNX has it from opset 14 on. What PyTorch
   * exported for inference is the 'unbiased' one of PyTorch.
   */
  varianceEstimator?: BatchNormOptions['varianceEstimator'];
}

/** Options of {@link toOnnx}, all of them optional. */
export interface ToOnnxOptions extends ExportOptions {
  /** Whether the node is one of training: `training_mode` 1, with the new statistics as outputs. Default false. */
  training?: boolean | undefined;
  /** ONNX' momentum, for a layer with updateRate 'cumulative' or 'pooled', which ONNX lacks. Default 1 − updateRate. */
  decay?: number | undefined;
}

/** A layer in the form of ONNX: a BatchNormalization node, and its initializers by name. */
export interface OnnxBatchNorm {
  node: Required<Omit<OnnxNode, 'attribute'>> & { attribute: OnnxAttributes };
  initializers: Tensors;
  /** The version of the operators that the node belongs to. */
  opset: 15;
}

const FROM_OPTIONS = /* @__PURE__ */ nameSet(`${COMMON_OPTIONS} node opset varianceEstimator`);
const TO_OPTIONS = /* @__PURE__ */ nameSet(`${EXPORT_OPTIONS} training decay`);
const INPUTS = ['scale', 'B', 'mean', 'variance'];
const EPSILON = /* @__PURE__ */ Math.fround(1e-5);
const MOMENTUM = /* @__PURE__ */ Math.fround(0.9);

/**
 * A layer from a BatchNormalization node of ONNX and the initializers that its inputs name:
 *
 *     y = scale·(x − mean)/√(variance + epsilon) + B
 *
 * The channels are on axis 1, decay is the node's `momentum`, `singleValue` is 'allow'. The layer is in evaluation
 * mode, as the node is, unless the node is one of training: `training_mode` is 1, or, before opset 14, it has more
 * than one output.
 *
 * @param initializers of the graph, by name; others than the node's are not looked at
 * @param options `node` is needed; see {@link FromOnnxOptions}
 * @throws TypeError for a missing initializer (such as an input that another node computes), an attribute that the
 *   opset lacks
 * @throws RangeError for an opset before 7, `spatial` 0, shapes that differ, NaN, Infinity, a negative variance
 * @example
 * import { fromOnnx } from 'batchnorm/interop';
 * const node = { input: ['x', 's', 'b', 'm', 'v'], output: ['y'], attribute: { epsilon: 0 } };
 * const bn = fromOnnx(
 *   {
 *     s: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
 *     b: { dtype: 'F32', shape: [2], data: Float32Array.of(0, 1) },
 *     m: { dtype: 'F32', shape: [2], data: Float32Array.of(10, 20) },
 *     v: { dtype: 'F32', shape: [2], data: Float32Array.of(4, 9) },
 *   },
 *   { node },
 * );
 * console.log([...bn.forward(Float32Array.of(12, 23), [1, 2])]); // → [ 1, 3 ]
 */
export function fromOnnx<D extends AnyDtype = 'float32'>(
  initializers: Tensors,
  options: FromOnnxOptions<D>,
): BatchNorm<TensorOf<D>> {
  const call = 'fromOnnx';
  const given = readOptions(call, options, FROM_OPTIONS, 'an object with node');
  const { node, opset, varianceEstimator = 'biased', singleValue = 'allow', ...rest } = given;
  const { input, output, attribute } = readNode(call, node);
  if (opset !== undefined) checkOpset(call, opset);
  const { epsilon = EPSILON, momentum = MOMENTUM } = attribute;
  const training = readMode(call, attribute, output.length, opset);
  const tensors = readTensors(call, 'initializers', initializers);
  const [gamma, beta, mean, variance] = INPUTS.map((role, i): Part => {
    const name = input[i + 1];
    const tensor = tensors[name];
    if (tensor === undefined) throw lacks(call, 'initializers', name, [], `, the node's ${role}`);
    checkTensor(call, name, tensor);
    return { name, tensor };
  });
  checkFraction(call, 'node.attribute.momentum', momentum);
  const settings = { ...rest, epsilon, decay: momentum, varianceEstimator, singleValue };
  return makeLayer<D>(call, { gamma, beta, mean, variance }, settings).train(training);
}

/**
 * A layer as ONNX has it, of opset 15: node, initializers. gamma is 1 and beta 0 where the layer has none, which ONNX
 * cannot say. Attributes are float32 numbers: epsilon and 1 − updateRate are rounded to nearest.
 *
 * @param layer with its channels on axis 1, which is where ONNX has them
 * @param options all optional; see {@link ToOnnxOptions}. Before the names scale, B, mean and var stands the prefix
 *   and a dot.
 * @returns copies; `fromOnnx` makes of them the same layer bit for bit, where they came from ONNX, and scale and
 *   center are true
 * @throws TypeError for a layer with an activation, unless it may be dropped; RangeError for channels on another
 *   axis, and for an updateRate that is no number
 * @example
 * import { BatchNorm } from 'batchnorm';
 * import { toOnnx } from 'batchnorm/interop';
 * const { node, initializers } = toOnnx(new BatchNorm(2), { prefix: 'bn' });
 * console.log(node.input.join(' ')); // → bn.x bn.scale bn.B bn.mean bn.var
 */
export function toOnnx(layer: AnyBatchNorm, options: ToOnnxOptions = {}): OnnxBatchNorm {
  const call = 'toOnnx';
  const given = readOptions(call, options, TO_OPTIONS);
  checkSwitches(call, given, 'training');
  const { training = false } = given;
  const settings = readLayer(call, layer, given);
  if (settings.axis !== 1) {
    const advice = '; put transpositions around the node, and set axis: 1 in the state of the layer';
    throw new RangeError(expected(call, 'layer', 'its channels on axis 1', String(settings.axis)) + advice);
  }
  const held = layerTensors(call, layer, settings, given, 'biased');
  const dtype = held.mean.dtype as FloatType;
  const { channels } = layer;
  const prefix = readPrefix(call, given.prefix, '.');
  const initializers = newTensors();
  initializers[`${prefix}scale`] = held.gamma ?? toTensor(call, 'gamma', new Float32Array(channels).fill(1), dtype);
  initializers[`${prefix}B`] = held.beta ?? toTensor(call, 'beta', new Float32Array(channels), dtype);
  initializers[`${prefix}mean`] = held.mean;
  initializers[`${prefix}var`] = held.variance;
  const statistics = training ? [`${prefix}running_mean`, `${prefix}running_var`] : [];
  const momentum = Math.fround(decayOf(call, settings.updateRate, given.decay));
  const node = {
    opType: 'BatchNormalization',
    input: ['x', 'scale', 'B', 'mean', 'var'].map((name) => prefix + name),
    output: [`${prefix}y`, ...statistics],
    attribute: { epsilon: Math.fround(settings.epsilon), momentum, training_mode: training ? 1 : 0 },
  };
  return { node, initializers, opset: 15 };
}
