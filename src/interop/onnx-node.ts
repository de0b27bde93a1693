/** A BatchNormalization node of ONNX: its inputs, its attributes, and what opsets mean by them. */

import { describe, expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { nameSet, readNames } from '../arguments/options.js';

const ATTRIBUTES = /* @__PURE__ */ nameSet('epsilon momentum training_mode spatial');

/**
 * A BatchNormalization node: the fields of ONNX' NodeProto, as readers of protobuf give them. Other fields are ignored.
 */
export interface OnnxNode {
  /** The operator: 'BatchNormalization', if given. */
  opType?: string | undefined;
  /** Names of x, scale, B, mean and variance, in this order. */
  input: readonly string[];
  /**
   * Names of y and, in training, of the new statistics (and, before opset 14, of two that are kept for the gradient).
   */
  output?: readonly string[] | undefined;
  /** The attributes: an object by their names, or the list of a NodeProto. */
  attribute?: OnnxAttributes | readonly OnnxAttribute[] | undefined;
}

/** Attributes of a BatchNormalization node by name. Defaults are those of ONNX, as float32 numbers. */
export interface OnnxAttributes {
  /** epsilon, which is added to the variance. Default 1e-5. */
  epsilon?: number | undefined;
  /** How much of the old running statistics is kept; this library calls it decay. Default 0.9. */
  momentum?: number | undefined;
  /** 1 if the node normalises by the batch, from opset 14 on. Default 0. */
  training_mode?: number | undefined;
  /** Whether statistics are per channel, in opset 7 and 8: 1 (default) if they are. */
  spatial?: number | undefined;
}

/** An attribute as ONNX' AttributeProto has it: `f` is a float, `i` an integer (a bigint or a Long in some readers). */
export interface OnnxAttribute {
  name: string;
  f?: number | undefined;
  i?: number | bigint | { toNumber(): number } | undefined;
}

/** The node's names and attributes, the latter by name. */
export function readNode(call: string, node: OnnxNode) {
  if (typeof node !== 'object' || node === null) {
    throw wrongKind(call, 'node', 'a BatchNormalization node: { input, output, attribute }', node);
  }
  const { opType = 'BatchNormalization', input, output = [], attribute = {} } = node;
  if (opType !== 'BatchNormalization') throw wrongValue(call, 'node.opType', "'BatchNormalization'", opType);
  const inputs = readTensorNames(call, 'node.input', input);
  if (inputs.length !== 5) {
    const wanted = 'the names of 5 tensors (x, scale, B, mean, variance)';
    throw new RangeError(expected(call, 'node.input', wanted, list(inputs)));
  }
  const attributes = Array.isArray(attribute)
    ? Object.fromEntries(attribute.map((given, at) => readAttribute(call, given, at)))
    : attribute;
  return {
    input: inputs,
    output: readTensorNames(call, 'node.output', output).filter((name) => name !== ''),
    attribute: readNames<OnnxAttributes>(call, 'node.attribute', attributes as OnnxAttributes, ATTRIBUTES),
  };
}

function readTensorNames(call: string, what: string, names: readonly string[]): readonly string[] {
  if (!Array.isArray(names)) throw wrongKind(call, what, 'an array of names', names);
  names.forEach((name, i) => {
    if (typeof name !== 'string') throw wrongKind(call, `${what}[${i}]`, 'a name', name);
  });
  return names;
}

/** epsilon and momentum are floats, all others integers. */
function readAttribute(call: string, given: OnnxAttribute, at: number): [string, unknown] {
  if (typeof given?.name !== 'string') {
    throw wrongKind(call, `node.attribute[${at}]`, 'an attribute: { name, f } or { name, i }', given);
  }
  const { name, f, i } = given;
  if (name === 'epsilon' || name === 'momentum') return [name, f];
  if (typeof i === 'bigint') return [name, Number(i)];
  return [name, typeof i === 'object' && typeof i?.toNumber === 'function' ? i.toNumber() : i];
}

export function checkOpset(call: string, opset: number): void {
  if (typeof opset !== 'number') throw wrongKind(call, 'opset', 'a whole number >= 7', opset);
  if (!(Number.isSafeInteger(opset) && opset >= 7)) {
    const wanted = 'a whole number >= 7; have an older model converted by onnx.version_converter';
    throw wrongValue(call, 'opset', wanted, opset);
  }
}

/** Whether it is a node of training, which opsets say in different ways. */
export function readMode(call: string, attribute: OnnxAttributes, outputs: number, opset: number | undefined): boolean {
  const { training_mode: mode, spatial } = attribute;
  if (spatial !== undefined) {
    if (opset === undefined) throw needsOpset(call, 'an attribute "spatial"');
    if (opset > 8) throw wrongKind(call, 'node.attribute.spatial', `nothing in opset ${opset}`, spatial);
    if (spatial !== 1) {
      const advice =
        '; statistics per position are those of a layer of as many channels, with the input reshaped to [n, channels]';
      throw new RangeError(expected(call, 'node.attribute.spatial', '1', describe(spatial)) + advice);
    }
  }
  if (mode !== undefined) {
    if (mode !== 0 && mode !== 1) throw wrongValue(call, 'node.attribute.training_mode', '0 or 1', mode);
    if (opset !== undefined && opset < 14) {
      throw wrongKind(call, 'node.attribute.training_mode', `nothing in opset ${opset}`, mode);
    }
    if (mode === 0 && outputs > 1) throw wrongValue(call, 'node.output', '1 output where training_mode is 0', outputs);
    return mode === 1;
  }
  if (outputs <= 1) return false;
  if (opset === undefined) throw needsOpset(call, `${outputs} outputs and no training_mode`);
  if (opset >= 14) throw wrongValue(call, 'node.output', '1 output where training_mode is 0', outputs);
  return true;
}

function needsOpset(call: string, what: string): TypeError {
  return new TypeError(
    `batchnorm: ${call}: "opset" is needed for a node with ${what}, whose meaning depends on it; ` +
      'pass the version that the model imports (opset_import)',
  );
}
