/** Tensors as files and other frameworks have them: by name, each with its type of element, its shape and its values. */
import { describe, expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { kindOf } from '../arguments/typed-arrays.js';

/**
 * The array that holds the elements of each type. JavaScript has no arrays of 16-bit floats everywhere: F16 and BF16 are kept as
 * their bits, and {@link toFloats} widens them. Types of less than 16 bits that JavaScript cannot compute with are kept as bytes.
 */
export interface TensorData {
  F64: Float64Array;
  F32: Float32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I64: BigInt64Array;
  I32: Int32Array;
  I16: Int16Array;
  I8: Int8Array;
  U64: BigUint64Array;
  U32: Uint32Array;
  U16: Uint16Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
  F8_E4M3: Uint8Array;
  F8_E5M2: Uint8Array;
  F8_E8M0: Uint8Array;
}

/** A type of element, by the name that safetensors gives it. */
export type DType = keyof TensorData;

/** One tensor: its elements lie in row-major order, the last axis fastest. A scalar has the shape `[]` and one element. */
export type NamedTensor = {
  [D in DType]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: TensorData[D] };
}[DType];

/** Tensors by name. What this library returns has no prototype, so that a tensor may have any name, `__proto__` too. */
export type Tensors = Record<string, NamedTensor>;

interface ElementType {
  readonly bytes: number;
  /** The class of the array, as `Object.prototype.toString` names it. */
  readonly array: string;
  readonly make: (buffer: ArrayBufferLike, byteOffset: number, length: number) => NamedTensor['data'];
}

const of = (
  Class: { new (b: ArrayBufferLike, o: number, n: number): NamedTensor['data']; BYTES_PER_ELEMENT: number },
  array: string,
): ElementType => ({ bytes: Class.BYTES_PER_ELEMENT, array, make: (b, o, n) => new Class(b, o, n) });

/** Every type of element that is known, without a prototype: a name is looked up as it stands in a file. */
export const ELEMENT_TYPES: Readonly<Record<DType, ElementType>> = /* @__PURE__ */ Object.assign(
  /* @__PURE__ */ Object.create(null),
  {
    F64: of(Float64Array, 'Float64Array'),
    F32: of(Float32Array, 'Float32Array'),
    F16: of(Uint16Array, 'Uint16Array'),
    BF16: of(Uint16Array, 'Uint16Array'),
    I64: of(BigInt64Array, 'BigInt64Array'),
    I32: of(Int32Array, 'Int32Array'),
    I16: of(Int16Array, 'Int16Array'),
    I8: of(Int8Array, 'Int8Array'),
    U64: of(BigUint64Array, 'BigUint64Array'),
    U32: of(Uint32Array, 'Uint32Array'),
    U16: of(Uint16Array, 'Uint16Array'),
    U8: of(Uint8Array, 'Uint8Array'),
    BOOL: of(Uint8Array, 'Uint8Array'),
    F8_E4M3: of(Uint8Array, 'Uint8Array'),
    F8_E5M2: of(Uint8Array, 'Uint8Array'),
    F8_E8M0: of(Uint8Array, 'Uint8Array'),
  },
);

export function isDType(name: unknown): name is DType {
  return typeof name === 'string' && name in ELEMENT_TYPES;
}

/** No tensors yet, in an object without a prototype: `__proto__` is a name like any other there. */
export function newTensors(): Tensors {
  return Object.create(null);
}

/** Of a whole number of elements, NaN where the shape is none: not an array of whole numbers from 0 on, or too large to count. */
export function elementCount(shape: unknown): number {
  if (!Array.isArray(shape)) return Number.NaN;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return Number.NaN;
  if (shape.includes(0)) return 0;
  const count = shape.reduce((product: number, size: number) => product * size, 1);
  return Number.isSafeInteger(count) ? count : Number.NaN;
}

/** Checks what a user gives as one tensor. `call` is the public function, `name` the name of the tensor. */
export function checkTensor(call: string, name: string, tensor: unknown): asserts tensor is NamedTensor {
  if (typeof tensor !== 'object' || tensor === null) {
    throw wrongKind(call, name, 'a tensor: { dtype, shape, data }', tensor);
  }
  const { dtype, shape, data } = tensor as Partial<NamedTensor>;
  if (!isDType(dtype))
    throw wrongValue(call, `${name}.dtype`, `one of ${Object.keys(ELEMENT_TYPES).join(', ')}`, dtype);
  const count = elementCount(shape);
  if (Number.isNaN(count)) {
    const got = Array.isArray(shape) ? list(shape) : describe(shape);
    throw new RangeError(expected(call, `${name}.shape`, 'an array of whole numbers from 0 on', got));
  }
  const { array } = ELEMENT_TYPES[dtype];
  const of = `a ${array} of length ${count} for ${dtype} of shape ${list(shape as number[])}`;
  if (kindOf(data) !== array) throw wrongKind(call, `${name}.data`, of, data);
  if ((data as Uint8Array).length !== count) throw wrongValue(call, `${name}.data`, of, data);
}

/**
 * The values of a tensor of floats: of F32 and F64 its own array, of F16 and BF16 a new Float32Array. Every 16-bit float is a
 * float32, so that nothing is rounded; infinities and NaN stay what they are, NaN with its sign and the bits that it carries.
 *
 * @param tensor of dtype F64, F32, F16 or BF16
 * @throws TypeError for another dtype, and for what is no tensor
 *
 * @example
 * import { toFloats } from 'batchnorm/interop';
 *
 * const half = { dtype: 'F16', shape: [3], data: new Uint16Array([0x3c00, 0xc000, 0x0001]) };
 * console.log(toFloats(half).join(' ')); // → 1 -2 5.960464477539063e-8
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
  // Below the smallest normal one there is no leading 1, and float32, with its wider exponent, has one for every such value.
  const shift = Math.clz32(fraction) - 21;
  return (sign | ((127 - 14 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0;
}
