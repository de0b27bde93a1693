/** A layer beside what another framework computed with the same parameters. */

import { describe, wrongKind, wrongValue } from '../arguments/messages.js';
import { nameSet, readNames } from '../arguments/options.js';
import { kindOf } from '../arguments/typed-arrays.js';
import { isHalf } from '../arguments/validate.js';
import {
  type AnyDtype,
  type AnyTensor,
  BatchNorm,
  type HalfTensor,
  type Tensor,
  toBfloat16,
  toFloat16,
} from '../index.js';
import { asFloat32 } from '../passes/half.js';
import { checkLayer } from './exporting.js';
import { type FloatType, FORMATS, isFloatType, ulpOf } from './floats.js';
import { explain } from './suspects.js';
import { checkTensor, type NamedTensor, toFloats } from './tensors.js';

/** A sample of what the other framework computes in evaluation. */
export interface Verification<T extends AnyTensor = Float32Array> {
  /** The input: an array of the layer's dtype, or a tensor of floats, such as one of a file. */
  x: T | NamedTensor;
  /** Dimensions of x, with the channels on the layer's axis. Needed if x is an array; a tensor has its own. */
  shape?: readonly number[] | undefined;
  /**
   * The output of the other framework for x in evaluation, of the same shape. Deviations are counted in ulp of its
   * type.
   */
  y: Tensor | T | NamedTensor;
  /**
   * The largest deviation that is allowed, in ulp of each element of y; a larger one is an error. Default: no bound.
   */
  maxUlp?: number | undefined;
  /** A function that is called with the deviation, before an error is thrown for it. Default none. */
  report?: ((deviation: Deviation) => void) | undefined;
}

/** The largest deviation of a layer from given outputs, and where it is. */
export interface Deviation {
  /**
   * |y of the layer − y given| in units in the last place of y given. Where y is near 0 because its terms cancel, the
   * error of a good implementation is many of these as well: see `ulpOfLargest`.
   */
  ulp: number;
  /** The largest |y of the layer − y given| in units in the last place of the largest |y given|. */
  ulpOfLargest: number;
  /** Index of the element that deviates most, by `ulp`. */
  index: number;
  /** Value of that element from the layer. */
  got: number;
  /** Value of that element as it was given. */
  expected: number;
}

const NAMES = /* @__PURE__ */ nameSet('x shape y maxUlp report');

/** Importers return a layer, so that a deviation has to go somewhere: to a bound or to a function. */
export function readVerification<T extends AnyTensor>(call: string, given: Verification<T>): Verification<T> {
  const verification = readNames(call, 'verify', given, NAMES);
  if (verification.maxUlp === undefined && verification.report === undefined) {
    throw new TypeError(
      `batchnorm: ${call}: "verify" needs maxUlp, above which the deviation is an error, or report, ` +
        'a function that is told it; verifyLayer returns it',
    );
  }
  return verification;
}

/**
 * Evaluates a layer with its running statistics, and compares the result with what another framework has computed.
 *
 *     ulp = max |y of the layer − y| / ulp(y)
 *
 * where ulp(y) is the distance between neighbouring numbers of y's type around y. NaN equals
 * NaN; NaN beside a number, and an infinity beside anything else, deviate by Infinity. The layer's mode and its
 * statistics stay as they are.
 *
 * @param layer of any mode
 * @param verification `x`, `shape` and `y`; with `maxUlp` a larger deviation is an error
 * @returns the largest deviation; 0 for no elements
 * @throws RangeError with the deviation, where it is larger than `maxUlp`, and with what fits instead (another
 *   epsilon or axis, tensors exchanged, training), where that was found; TypeError, RangeError as the layer's forward
 * @example
 * import { BatchNorm } from 'batchnorm';
 * import { verifyLayer } from 'batchnorm/interop';
 * const x = Float32Array.of(1, 2, 3, 4);
 * const { ulp } = verifyLayer(new BatchNorm(2, { epsilon: 0 }), { x, shape: [2, 2], y: Float32Array.of(1, 2, 3, 4) });
 * console.log(ulp); // → 0
 */
export function verifyLayer<T extends AnyTensor>(layer: BatchNorm<T>, verification: Verification<T>): Deviation {
  const call = 'verifyLayer';
  checkLayer(call, layer);
  return verifyFor(call, layer, verification);
}

/** Like {@link verifyLayer}, with the name of the public function for errors. */
export function verifyFor<T extends AnyTensor>(
  call: string,
  layer: BatchNorm<T>,
  verification: Verification<T>,
): Deviation {
  const { x, shape, y, maxUlp, report } = readNames(call, 'verify', verification, NAMES);
  const { dtype } = layer.state();
  const [input, output] = [readSample(call, 'verify.x', x, dtype), readSample(call, 'verify.y', y, dtype)];
  checkBound(call, maxUlp);
  if (report !== undefined && typeof report !== 'function') {
    throw wrongKind(call, 'verify.report', 'a function', report);
  }
  const values = tensorOf(dtype, input.values) as T;
  const dimensions = shape ?? input.shape;
  if (dimensions === undefined) throw wrongKind(call, 'verify.shape', 'the dimensions of x', shape);
  const numbers = (y: T) => (isHalf(dtype) ? asFloat32(dtype, y) : (y as Tensor));
  const evaluated = numbers(evaluate(layer, values, dimensions));
  if (evaluated.length !== output.values.length) {
    throw wrongValue(call, 'verify.y', `as many elements as x, ${values.length}`, output.values);
  }
  const deviation = compare(evaluated, output);
  report?.(deviation);
  if (maxUlp === undefined || deviation.ulp <= maxUlp) return deviation;
  const cause = explain(layer, values, dimensions, (other) => compare(numbers(other), output).ulp <= maxUlp);
  throw deviates(call, deviation, maxUlp, cause);
}

/** Numbers, and what is known of the type that they were. */
interface Sample {
  readonly values: Tensor;
  readonly dtype: FloatType;
  readonly shape?: readonly number[];
}

/** Numbers as a tensor of a layer, to which they are rounded. */
function tensorOf(dtype: AnyDtype, values: Tensor): AnyTensor {
  if (dtype === 'float64') return Float64Array.from(values);
  const wide = Float32Array.from(values);
  return dtype === 'float32' ? wide : dtype === 'float16' ? toFloat16(wide) : toBfloat16(wide);
}

/** @param dtype of the layer: what an array of 16 bits holds */
function readSample(call: string, name: string, given: AnyTensor | NamedTensor, dtype: AnyDtype): Sample {
  const kind = kindOf(given);
  if (isHalf(dtype) && (kind === 'Uint16Array' || (kind === 'Float16Array' && dtype === 'float16'))) {
    return { values: asFloat32(dtype, given as HalfTensor), dtype: dtype === 'float16' ? 'F16' : 'BF16' };
  }
  if (kind === 'Float32Array') return { values: given as Float32Array, dtype: 'F32' };
  if (kind === 'Float64Array') return { values: given as Float64Array, dtype: 'F64' };
  const tensor = given as NamedTensor;
  if (kind !== undefined || typeof given !== 'object' || given === null || !isFloatType(tensor.dtype)) {
    throw wrongKind(call, name, 'a Float32Array, a Float64Array or a tensor of F32, F64, F16 or BF16', given);
  }
  checkTensor(call, name, tensor);
  return { values: toFloats(tensor), dtype: tensor.dtype, shape: tensor.shape };
}

function checkBound(call: string, maxUlp: number | undefined): void {
  if (maxUlp === undefined) return;
  if (typeof maxUlp !== 'number') throw wrongKind(call, 'verify.maxUlp', 'a number >= 0', maxUlp);
  if (!(maxUlp >= 0)) throw wrongValue(call, 'verify.maxUlp', 'a number >= 0', maxUlp);
}

/** By a copy, so that what the layer keeps for its backward stays. */
function evaluate<T extends AnyTensor>(layer: BatchNorm<T>, x: T, shape: readonly number[]): T {
  return BatchNorm.fromState<T>(layer.state()).eval().forward(x, shape);
}

function compare(got: Tensor, { values: expected, dtype }: Sample): Deviation {
  const format = FORMATS[dtype];
  const worst = { ulp: 0, ulpOfLargest: 0, index: 0, got: got[0] ?? 0, expected: expected[0] ?? 0 };
  let largest = 0;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Object.is(got[i], expected[i]) || got[i] === expected[i] ? 0 : Math.abs(got[i] - expected[i]);
    // NaN beside a number, and the difference of two infinities.
    const deviation = Number.isNaN(difference) ? Infinity : difference;
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]));
    error = Math.max(error, deviation);
    const ulp = deviation / ulpOf(expected[i], format);
    if (ulp > worst.ulp) Object.assign(worst, { ulp, index: i, got: got[i], expected: expected[i] });
  }
  return { ...worst, ulpOfLargest: error / ulpOf(largest, format) };
}

function deviates(
  call: string,
  { ulp, index, got, expected }: Deviation,
  maxUlp: number,
  cause: string | null,
): RangeError {
  const values = `${describe(got)} instead of ${describe(expected)}`;
  const found = `${Number(ulp.toPrecision(4))} ulp at element ${index} (${values})`;
  const others =
    'compare epsilon, the axis of the channels, the order of the tensors, and the mode in which y was computed';
  return new RangeError(
    `batchnorm: ${call}: "verify.y" expected at most ${maxUlp} ulp from what the layer evaluates, got ${found}; ` +
      (cause === null ? others : `it fits with ${cause}`),
  );
}
