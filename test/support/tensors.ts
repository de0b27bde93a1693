/** Typed arrays by type, compared by bits, and with guards around them. */
import type { Tensor } from 'batchnorm';
import type { ExactTensorKernels, HalfDtype, Kernels, TensorKernels } from '#dist/kernels.js';
import { round, widen } from '#dist/reference/half.js';

export type Dtype = 'float32' | 'float64';
export const DTYPES: readonly Dtype[] = ['float32', 'float64'];

/** Tensors as kernels see them: 16 bits are in a Uint16Array. */
export type KernelTensor = Tensor | Uint16Array;
export type KernelDtype = Dtype | HalfDtype;
export const HALF_DTYPES: readonly HalfDtype[] = ['float16', 'bfloat16'];
export const KERNEL_DTYPES: readonly KernelDtype[] = [...DTYPES, ...HALF_DTYPES];

export function isHalf(dtype: KernelDtype): dtype is HalfDtype {
  return dtype === 'float16' || dtype === 'bfloat16';
}

/** The type of gamma and beta of such tensors. */
export function parameterDtype(dtype: KernelDtype): Dtype {
  return isHalf(dtype) ? 'float32' : dtype;
}

/** The kernels for tensors of this type. */
export function tableOf(kernels: Kernels, dtype: KernelDtype): TensorKernels<KernelTensor, Tensor> {
  return isHalf(dtype) ? kernels[dtype] : kernels;
}

/** The exact kernels for tensors of this type; float64 has none. */
export function exactTableOf(kernels: Kernels, dtype: KernelDtype): ExactTensorKernels<KernelTensor> | null {
  return dtype === 'float64' ? null : isHalf(dtype) ? kernels[dtype].exact : kernels.exact;
}

/** These numbers as a tensor of the type. */
export function tensorOf(dtype: KernelDtype, numbers: Tensor): KernelTensor {
  if (!isHalf(dtype)) return dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers);
  const halves = new Uint16Array(numbers.length);
  round(halves, Float32Array.from(numbers), dtype);
  return halves;
}

/** The numbers of a tensor of the type. */
export function numbersOf(dtype: KernelDtype, tensor: KernelTensor): Tensor {
  if (!(tensor instanceof Uint16Array)) return tensor;
  if (!isHalf(dtype)) throw new Error(`expected bits of a type of 16 bits, got ${dtype}`);
  const numbers = new Float32Array(tensor.length);
  widen(numbers, tensor, dtype);
  return numbers;
}

export function zeros(dtype: Dtype, length: number): Tensor;
export function zeros(dtype: KernelDtype, length: number): KernelTensor;
export function zeros(dtype: KernelDtype, length: number): KernelTensor {
  if (isHalf(dtype)) return new Uint16Array(length);
  return dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

export function dtypeOf(array: Tensor): Dtype {
  return array.BYTES_PER_ELEMENT === 4 ? 'float32' : 'float64';
}

function words(array: KernelTensor): Uint32Array {
  return new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4);
}

function bytes(array: KernelTensor): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** The first index at which the bits differ, or -1. Any NaN of floats equals any NaN; −0 is not +0. */
export function firstDifference(a: KernelTensor, b: KernelTensor): number {
  if (a.BYTES_PER_ELEMENT !== b.BYTES_PER_ELEMENT || a.length !== b.length) return Math.min(a.length, b.length);
  if (a instanceof Uint16Array) return a.findIndex((bits, k) => bits !== b[k]);
  if (bytes(a).equals(bytes(b))) return -1; // twenty times as fast as the loop, and almost always so
  const wordsOfA = words(a);
  const wordsOfB = words(b);
  const perElement = a.BYTES_PER_ELEMENT / 4;
  for (let w = 0; w < wordsOfA.length; w++) {
    if (wordsOfA[w] === wordsOfB[w]) continue;
    const k = Math.floor(w / perElement);
    if (!(Number.isNaN(a[k]) && Number.isNaN(b[k]))) return k;
  }
  return -1;
}

/** Inverts bit `bit` (0 is the lowest) of element k. */
export function flipBit(array: Tensor, k: number, bit: number): void {
  words(array)[(k * array.BYTES_PER_ELEMENT) / 4 + Math.floor(bit / 32)] ^= 1 << (bit % 32);
}

const GUARD = 16;
/** Elements of an array before and behind those that are given to a kernel, together. */
const ROOM = 3 * GUARD;
const SENTINEL = -1234.5;
const SENTINEL_BITS = 0x1234;
const sentinelOf = (array: KernelTensor) => (array instanceof Uint16Array ? SENTINEL_BITS : SENTINEL);

/** An array of the same type with room around as many elements. */
function alike<T extends KernelTensor>(array: T): T {
  return new (array.constructor as new (length: number) => T)(array.length + ROOM);
}

/**
 * Arrays inside larger ones whose other elements must stay as they are. Each starts `offset` elements further on than
 * the one before, so that a call sees arrays of different alignment.
 */
export class Guarded {
  readonly #offset: number;
  readonly #made: { whole: KernelTensor; start: number; length: number; original: KernelTensor | null }[] = [];

  constructor(offset: number) {
    this.#offset = offset;
  }

  /** An output: filled with a number that no kernel computes. */
  output(dtype: Dtype, length: number): Tensor;
  output(dtype: KernelDtype, length: number): KernelTensor;
  output(dtype: KernelDtype, length: number): KernelTensor {
    return this.#make(zeros(dtype, length + ROOM), length, null);
  }

  /** A copy that kernels must not change. */
  input<T extends KernelTensor>(original: T): T {
    const array = this.#make(alike(original), original.length, original);
    array.set(original);
    return array;
  }

  /** A copy that is an output too. */
  inPlace<T extends KernelTensor>(original: T): T {
    const array = this.#make(alike(original), original.length, null);
    array.set(original);
    return array;
  }

  /** What was written where it should not have been; null if nothing was. */
  violation(): string | null {
    for (const { whole, start, length, original } of this.#made) {
      for (let k = 0; k < whole.length; k++) {
        if (k === start) k += length;
        if (whole[k] !== sentinelOf(whole)) return `wrote at ${k - start} of an array of ${length}`;
      }
      if (original !== null) {
        const at = firstDifference(original, whole.subarray(start, start + length));
        if (at !== -1) return `changed its input at ${at}`;
      }
    }
    return null;
  }

  #make<T extends KernelTensor>(whole: T, length: number, original: T | null): T {
    const start = GUARD + ((this.#offset * (this.#made.length + 1)) % GUARD);
    whole.fill(sentinelOf(whole));
    this.#made.push({ whole, start, length, original });
    return whole.subarray(start, start + length) as T;
  }
}
