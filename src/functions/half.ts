/** float16 and bfloat16, from and to float32: docs/numerics.md, section 11. */
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, namesOf, readOptions } from '../arguments/options.js';
import { isUsable, kindOf } from '../arguments/typed-arrays.js';
import { checkOverlap } from '../arguments/validate.js';
import { kernels } from '../backends/select.js';
import type { HalfDtype } from '../kernels.js';
import type { Float16Tensor } from '../types.js';

/** Options of {@link toFloat16}, {@link toBfloat16}, {@link fromFloat16} and {@link fromBfloat16}. */
export interface ConversionOptions<T> {
  /** Array that is written to, as long as the values and apart from them. Default a new array. */
  out?: T | undefined;
}

const OPTIONS = /* @__PURE__ */ namesOf<ConversionOptions<unknown>>({ out: 1 });

/**
 * Rounds float32 to float16, to the nearest number, of two the even one.
 *
 * Subnormal numbers and signs of zero stay; from 65520 on a number becomes Infinity; NaN stays NaN, with its sign and
 * the upper bits of its payload. (IEEE 754, binary16.)
 *
 * @param values Float32Array
 * @param options `out`: Uint16Array, or Float16Array where the runtime has it; default a new Uint16Array
 * @returns `out`, or the bits of the numbers
 * @throws TypeError where an argument is of the wrong kind, or an option has an unknown name
 * @throws RangeError where `out` has another length, or overlaps the values
 * @example
 * import { toFloat16 } from 'batchnorm';
 * console.log([...toFloat16(Float32Array.of(1, 65504, 65520))]); // → [ 15360, 31743, 31744 ]
 */
export function toFloat16<T extends Uint16Array | Float16Tensor = Uint16Array>(
  values: Float32Array,
  options: ConversionOptions<T> = NO_OPTIONS,
): T {
  return round('toFloat16', 'float16', values, options, ['Uint16Array', 'Float16Array']) as T;
}

/**
 * Widens float16 to float32, which is exact.
 *
 * @param values Uint16Array of the bits, or Float16Array
 * @param options `out`: Float32Array; default a new one
 * @returns `out`, or the numbers
 * @throws TypeError where an argument is of the wrong kind, or an option has an unknown name
 * @throws RangeError where `out` has another length, or overlaps the values
 * @example
 * import { fromFloat16 } from 'batchnorm';
 * console.log([...fromFloat16(Uint16Array.of(15360, 31743, 31744))]); // → [ 1, 65504, Infinity ]
 */
export function fromFloat16(
  values: Uint16Array | Float16Tensor,
  options: ConversionOptions<Float32Array> = NO_OPTIONS,
): Float32Array {
  return widen('fromFloat16', 'float16', values, options, ['Uint16Array', 'Float16Array']);
}

/**
 * Rounds float32 to bfloat16, the upper half of a float32, to the nearest number, of two the even one.
 *
 * Subnormal numbers and signs of zero stay; from (2 − 2⁻⁸)·2¹²⁷ on a number becomes Infinity; NaN stays NaN, with its
 * sign and the upper bits of its payload.
 *
 * @param values Float32Array
 * @param options `out`: Uint16Array; default a new one
 * @returns `out`, or the bits of the numbers
 * @throws TypeError where an argument is of the wrong kind, or an option has an unknown name
 * @throws RangeError where `out` has another length, or overlaps the values
 * @example
 * import { fromBfloat16, toBfloat16 } from 'batchnorm';
 * console.log([...fromBfloat16(toBfloat16(Float32Array.of(1, 1.001, 1.01)))]); // → [ 1, 1, 1.0078125 ]
 */
export function toBfloat16(values: Float32Array, options: ConversionOptions<Uint16Array> = NO_OPTIONS): Uint16Array {
  return round('toBfloat16', 'bfloat16', values, options, ['Uint16Array']) as Uint16Array;
}

/**
 * Widens bfloat16 to float32, which is exact.
 *
 * @param values Uint16Array of the bits
 * @param options `out`: Float32Array; default a new one
 * @returns `out`, or the numbers
 * @throws TypeError where an argument is of the wrong kind, or an option has an unknown name
 * @throws RangeError where `out` has another length, or overlaps the values
 * @example
 * import { fromBfloat16 } from 'batchnorm';
 * console.log([...fromBfloat16(Uint16Array.of(0x3f80, 0xc040))]); // → [ 1, -3 ]
 */
export function fromBfloat16(values: Uint16Array, options: ConversionOptions<Float32Array> = NO_OPTIONS): Float32Array {
  return widen('fromBfloat16', 'bfloat16', values, options, ['Uint16Array']);
}

type HalfArray = Uint16Array | Float16Tensor;

function round(
  call: string,
  dtype: HalfDtype,
  values: Float32Array,
  options: ConversionOptions<HalfArray>,
  kinds: readonly string[],
): HalfArray {
  const { out } = readOptions(call, options, OPTIONS);
  const length = checkValues(call, values, ['Float32Array']);
  checkOut(call, out, kinds, values, length);
  const to = out ?? new Uint16Array(length);
  if (length > 0) kernels()[dtype].round(bitsOf(to), values);
  return to;
}

function widen(
  call: string,
  dtype: HalfDtype,
  values: HalfArray,
  options: ConversionOptions<Float32Array>,
  kinds: readonly string[],
): Float32Array {
  const { out } = readOptions(call, options, OPTIONS);
  const length = checkValues(call, values, kinds);
  checkOut(call, out, ['Float32Array'], values, length);
  const to = out ?? new Float32Array(length);
  if (length > 0) kernels()[dtype].widen(to, bitsOf(values));
  return to;
}

const isOneOf = (kinds: readonly string[], value: unknown) =>
  kinds.includes(kindOf(value) ?? '') && isUsable(value as ArrayBufferView);

function checkValues(call: string, values: Float32Array | HalfArray, kinds: readonly string[]): number {
  if (!isOneOf(kinds, values)) throw wrongKind(call, 'values', kinds.join(' or '), values);
  return (values as Uint16Array).length;
}

function checkOut(
  call: string,
  out: Float32Array | HalfArray | undefined,
  kinds: readonly string[],
  values: Float32Array | HalfArray,
  length: number,
): void {
  if (out === undefined) return;
  const wanted = `${kinds.join(' or ')} of length ${length} (values)`;
  if (!isOneOf(kinds, out)) throw wrongKind(call, 'out', wanted, out);
  if ((out as Uint16Array).length !== length) throw wrongValue(call, 'out', wanted, out);
  checkOverlap(call, { out }, { values }, {});
}

/** Kernels know the bits only: a Float16Array is looked at as such. */
function bitsOf(array: HalfArray): Uint16Array {
  if (kindOf(array) === 'Uint16Array') return array as Uint16Array;
  const { buffer, byteOffset, byteLength } = array;
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}
