/**
 * Tensors as files and other frameworks have them: by name, each with its type of element, its shape and its values.
 */
import { describe, expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { isUsable, kindOf } from '../arguments/typed-arrays.js';

/**
 * The array that holds the elements of each type. F16 and BF16, of which JavaScript has no arrays everywhere, are kept
 * as their bits, and {@link toFloats} widens them. C64 has its real and imaginary parts in turn. Floats of eight bits
 * and less are kept as bytes, those of four bits two in a byte.
 */
export interface TensorData {
  U64: BigUint64Array;
  I64: BigInt64Array;
  F64: Float64Array;
  C64: Float32Array;
  F32: Float32Array;
  U32: Uint32Array;
  I32: Int32Array;
  BF16: Uint16Array;
  F16: Uint16Array;
  U16: Uint16Array;
  I16: Int16Array;
  F8_E5M2FNUZ: Uint8Array;
  F8_E4M3FNUZ: Uint8Array;
  F8_E8M0: Uint8Array;
  F8_E4M3: Uint8Array;
  F8_E5M2: Uint8Array;
  I8: Int8Array;
  U8: Uint8Array;
  F4: Uint8Array;
  BOOL: Uint8Array;
}

/** A type of element, by the name that safetensors gives it. */
export type DType = keyof TensorData;

/**
 * One tensor: its elements lie in row-major order, the last axis fastest. A scalar has the shape `[]` and one element.
 */
export type NamedTensor<D extends DType = DType> = {
  [E in D]: { readonly dtype: E; readonly shape: readonly number[]; readonly data: TensorData[E] };
}[D];

/** Tensors by name. What this library returns has no prototype, so that a tensor may have any name, `__proto__` too. */
export type Tensors = Record<string, NamedTensor>;

interface ArrayClass {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NamedTensor['data'];
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
}

const TYPES: Readonly<Record<DType, readonly [bits: number, array: ArrayClass]>> = {
  U64: [64, BigUint64Array],
  I64: [64, BigInt64Array],
  F64: [64, Float64Array],
  C64: [64, Float32Array],
  F32: [32, Float32Array],
  U32: [32, Uint32Array],
  I32: [32, Int32Array],
  BF16: [16, Uint16Array],
  F16: [16, Uint16Array],
  U16: [16, Uint16Array],
  I16: [16, Int16Array],
  F8_E5M2FNUZ: [8, Uint8Array],
  F8_E4M3FNUZ: [8, Uint8Array],
  F8_E8M0: [8, Uint8Array],
  F8_E4M3: [8, Uint8Array],
  F8_E5M2: [8, Uint8Array],
  I8: [8, Int8Array],
  U8: [8, Uint8Array],
  F4: [4, Uint8Array],
  BOOL: [8, Uint8Array],
};

/**
 * The types of elements in the order in which safetensors writes them into a file: the largest first, so that all are
 * aligned.
 */
export const DTYPES = /* @__PURE__ */ Object.keys(TYPES) as readonly DType[];

export function isDType(name: unknown): name is DType {
  return typeof name === 'string' && Object.hasOwn(TYPES, name);
}

/** No tensors yet, in an object without a prototype: `__proto__` is a name like any other there. */
export function newTensors(): Tensors {
  return Object.create(null);
}

/**
 * How many elements a shape has; NaN where there are too many to count, or the shape is no array of whole numbers from
 * 0 on.
 */
export function elementCount(shape: unknown): number {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return Number.NaN;
  if (shape.includes(0)) return 0;
  const count = shape.reduce((product: number, size: number) => product * size, 1);
  return Number.isSafeInteger(count) ? count : Number.NaN;
}

/** How many bytes so many elements have; not a whole number where elements of four bits end within one. */
export function bytesOf(dtype: DType, count: number): number {
  return (count * TYPES[dtype][0]) / 8;
}

/** A tensor over bytes that lie as its array needs them, or over a copy of them. */
export function tensorOver(dtype: DType, shape: readonly number[], bytes: Uint8Array): NamedTensor {
  const array = TYPES[dtype][1];
  const isAligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset, byteLength } = isAligned ? bytes : bytes.slice();
  return { dtype, shape, data: new array(buffer, byteOffset, byteLength / array.BYTES_PER_ELEMENT) } as NamedTensor;
}

/** Checks what a user gives as one tensor. `call` is the public function, `name` the name of the tensor. */
export function checkTensor(call: string, name: string, tensor: unknown): asserts tensor is NamedTensor {
  if (typeof tensor !== 'object' || tensor === null) {
    throw wrongKind(call, name, 'a tensor: { dtype, shape, data }', tensor);
  }
  const { dtype, shape, data } = tensor as Partial<NamedTensor>;
  if (!isDType(dtype)) throw wrongValue(call, `${name}.dtype`, `one of ${DTYPES.join(', ')}`, dtype);
  const count = elementCount(shape);
  if (Number.isNaN(count)) {
    const got = Array.isArray(shape) ? list(shape) : describe(shape);
    throw new RangeError(expected(call, `${name}.shape`, 'an array of whole numbers from 0 on', got));
  }
  const array = TYPES[dtype][1];
  const length = bytesOf(dtype, count) / array.BYTES_PER_ELEMENT;
  const wanted = `${array.name} of length ${length} for ${dtype} of shape ${list(shape as number[])}`;
  if (kindOf(data) !== array.name || !isUsable(data as Uint8Array)) throw wrongKind(call, `${name}.data`, wanted, data);
  if ((data as Uint8Array).length !== length) throw wrongValue(call, `${name}.data`, wanted, data);
}

/**
 * The values of a tensor of floats: of F32 and F64 its own array, of F16 and BF16 a new Float32Array. Every 16-bit
 * float is a float32, so that nothing is rounded; infinities and NaN stay what they are, NaN with its sign and the bits
 * that it carries.
 *
 * @param tensor of dtype F64, F32, F16 or BF16
 * @throws TypeError for another dtype, and for what is no tensor
 *
 * @example
 * import { toFloats } from 'batchnorm/interop';
 *
 * const floats = toFloats({ dtype: 'F16', shape: [3], data: new Uint16Array([0x3c00, 0xc000, 0x0001]) });
 * console.log(floats.join(' ')); // → 1 -2 5.960464477539063e-8
 */
export function toFloats(tensor: NamedTensor): Float32Array | Float64Array {
  checkTensor('toFloats', 'tensor', tensor);
  switch (tensor.dtype) {
    case 'F64':
    case 'F32':
      return tensor.data;
    case 'F16':
      return widened(tensor.data, halfToSingle);
    case 'BF16':
      return widened(tensor.data, (bits) => (bits << 16) >>> 0);
    default:
      throw wrongKind('toFloats', 'tensor.dtype', 'F64, F32, F16 or BF16', tensor.dtype);
  }
}

/** Bits go into the array as bits: a number on the way might lose what a NaN carries. */
function widened(data: Uint16Array, toBits: (bits: number) => number): Float32Array {
  const floats = new Float32Array(data.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < data.length; i++) bits[i] = toBits(data[i]);
  return floats;
}

/** IEEE 754: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction become 1, 8 (bias 127), 23. */
function halfToSingle(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 127 - 15) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  // Below the smallest normal one there is no leading 1; float32, with its wider exponent, has one for each of these.
  const shift = Math.clz32(fraction) - 21;
  return (sign | ((127 - 14 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0;
}
