/** Activations as users write them, and as kernels take them. */

import type { KernelActivation } from '../kernels.js';
import { decodeNumber, encodeNumbers, type JsonNumber } from './json-numbers.js';
import { wrongKind, wrongValue } from './messages.js';
import { checkNames, nameSet, readOwn } from './options.js';

/** The leaky rectifier as plain data, as {@link leakyRelu} makes it: z where z > 0, slope·z elsewhere. */
export interface LeakyRelu {
  readonly name: 'leakyRelu';
  readonly slope: number;
}

/** A clip to bounds as plain data, as {@link clip} makes it: min where z ≤ min, max where z ≥ max, z between them. */
export interface Clip {
  readonly name: 'clip';
  readonly min: number;
  readonly max: number;
}

/**
 * A function z → y that is applied last, after the normalisation and after adding a residual; and how its gradient g
 * comes from dy:
 *
 * | activation | y | g |
 * |---|---|---|
 * | 'none' | z | dy |
 * | 'relu' | z > 0 ? z : 0 | z > 0 ? dy : 0 |
 * | {@link leakyRelu}(slope) | z > 0 ? z : slope·z | z > 0 ? dy : slope·dy |
 * | {@link clip}(min, max) | z ≤ min ? min : z ≥ max ? max : z | min < z < max ? dy : 0 |
 * | 'relu6' | as clip(0, 6) | as clip(0, 6) |
 *
 * NaN gives NaN, in y and in g. Objects may also be written as they are, `{ name: 'leakyRelu', slope: 0.1 }`.
 */
export type Activation = 'none' | 'relu' | 'relu6' | LeakyRelu | Clip;

/**
 * The leaky rectifier: z where z > 0, slope·z elsewhere; at 0 its gradient is that of the lower side, slope·dy. The
 * slope is rounded to the tensor's type; with slope 0 it is 'relu'. There is no default: it would be 0.01 in PyTorch,
 * 0.2 in TensorFlow and 0.3 in Keras.
 *
 * @param slope any finite number
 * @returns a frozen plain object, which JSON keeps
 * @throws TypeError, RangeError where it is not
 * @example
 * import { forwardInference, leakyRelu } from 'batchnorm';
 * const given = { mean: [0], variance: [1], epsilon: 0 };
 * const y = forwardInference(Float32Array.of(-4, 2), [2, 1], { ...given, activation: leakyRelu(0.25) });
 * console.log([...y]); // → [ -1, 2 ]
 */
export function leakyRelu(slope: number): LeakyRelu {
  return readLeakyRelu('leakyRelu', '', { __proto__: null, name: 'leakyRelu', slope });
}

/**
 * Bounds: min where z ≤ min, max where z ≥ max, z between them. There, and only there, does the gradient pass: at a
 * bound it stops, as that of hardtanh in PyTorch and of relu6 in TensorFlow. Bounds are rounded to the tensor's type;
 * an infinite one is none, and clip(0, Infinity) is 'relu'.
 *
 * @param min any number below max, or −Infinity
 * @param max any number above min, or Infinity
 * @returns a frozen plain object, which JSON keeps (but for an Infinity)
 * @throws TypeError, RangeError where they are not
 * @example
 * import { clip, forwardInference } from 'batchnorm';
 * const given = { mean: [0], variance: [1], epsilon: 0 };
 * const y = forwardInference(Float32Array.of(-4, 0.5, 2), [3, 1], { ...given, activation: clip(-1, 1) });
 * console.log([...y]); // → [ -1, 0.5, 1 ]
 */
export function clip(min: number, max: number): Clip {
  return readClip('clip', '', { __proto__: null, name: 'clip', min, max });
}

const WANTED = "'none', 'relu', 'relu6', leakyRelu(slope) or clip(min, max)";
const NAMES = ['none', 'relu', 'relu6'];
const LEAKY_RELU_FIELDS = /* @__PURE__ */ nameSet('name slope');
const CLIP_FIELDS = /* @__PURE__ */ nameSet('name min max');

/**
 * What was given, or a frozen copy.
 *
 * @throws TypeError, RangeError where it is none
 */
export function readActivation(call: string, activation: unknown): Activation {
  if (typeof activation === 'string') {
    if (!NAMES.includes(activation)) throw wrongValue(call, 'activation', WANTED, activation);
    return activation as 'none' | 'relu' | 'relu6';
  }
  if (typeof activation !== 'object' || activation === null) throw wrongKind(call, 'activation', WANTED, activation);
  const given: { name?: unknown } = readOwn(call, 'activation', activation);
  const { name } = given;
  if (name === 'leakyRelu') return readLeakyRelu(call, 'activation.', given);
  if (name === 'clip') return readClip(call, 'activation.', given);
  if (typeof name !== 'string') throw wrongKind(call, 'activation', WANTED, activation);
  throw wrongValue(call, 'activation.name', "'leakyRelu' or 'clip'", name);
}

function readLeakyRelu(call: string, prefix: string, given: object): LeakyRelu {
  checkNames(call, 'activation', given, LEAKY_RELU_FIELDS);
  const { slope } = given as { slope: unknown };
  if (typeof slope !== 'number') throw wrongKind(call, `${prefix}slope`, 'a finite number', slope);
  if (!Number.isFinite(slope)) throw wrongValue(call, `${prefix}slope`, 'a finite number', slope);
  return Object.freeze({ name: 'leakyRelu', slope });
}

function readClip(call: string, prefix: string, given: object): Clip {
  checkNames(call, 'activation', given, CLIP_FIELDS);
  const { min, max } = given as { min: unknown; max: unknown };
  if (typeof min !== 'number') throw wrongKind(call, `${prefix}min`, 'a number', min);
  if (Number.isNaN(min)) throw wrongValue(call, `${prefix}min`, 'a number', min);
  const wanted = `a number above min, ${min}`;
  if (typeof max !== 'number') throw wrongKind(call, `${prefix}max`, wanted, max);
  if (!(max > min)) throw wrongValue(call, `${prefix}max`, wanted, max);
  return Object.freeze({ name: 'clip', min, max });
}

/** An {@link Activation} in the state of a layer, where Infinity and −0 are strings, since JSON lacks them. */
export type SavedActivation =
  | 'none'
  | 'relu'
  | 'relu6'
  | { name: 'leakyRelu'; slope: JsonNumber }
  | { name: 'clip'; min: JsonNumber; max: JsonNumber };

export function encodeActivation(activation: Activation): SavedActivation {
  if (typeof activation === 'string') return activation;
  const { name, ...parameters } = activation;
  return { name, ...mapped(parameters, (_, value) => encodeNumbers([value as number])[0]) } as SavedActivation;
}

/** Reads what `encodeActivation` made; only its numbers are checked. */
export function decodeActivation(call: string, encoded: unknown): unknown {
  if (typeof encoded !== 'object' || encoded === null) return encoded;
  const { name, ...parameters } = encoded as Readonly<Record<string, unknown>>;
  return { name, ...mapped(parameters, (field, value) => decodeNumber(call, `activation.${field}`, value)) };
}

function mapped(fields: object, of: (name: string, value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, of(name, value)]));
}

/** The activation of the kernels. Those that equal relu become relu, and have its speed. */
export function kernelActivation(activation: Activation): KernelActivation {
  if (activation === 'none') return 0;
  if (activation === 'relu') return 1;
  if (activation === 'relu6') return { slope: 1, low: 0, high: 6 };
  if (activation.name === 'leakyRelu') {
    return activation.slope === 0 ? 1 : { slope: activation.slope, low: NaN, high: NaN };
  }
  const { min, max } = activation;
  return Object.is(min, 0) && max === Infinity ? 1 : { slope: 1, low: bound(min), high: bound(max) };
}

/** Kernels know no bound as NaN: it compares with nothing. */
function bound(value: number): number {
  return Number.isFinite(value) ? value : NaN;
}
