/** Typed arrays by type, compared by bits, and with guards around them. */
import type { Tensor } from 'batchnorm';

export type Dtype = 'float32' | 'float64';
export const DTYPES: readonly Dtype[] = ['float32', 'float64'];

export function zeros(dtype: Dtype, length: number): Tensor {
  return dtype === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

export function dtypeOf(array: Tensor): Dtype {
  return array.BYTES_PER_ELEMENT === 4 ? 'float32' : 'float64';
}

function words(array: Tensor): Uint32Array {
  return new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4);
}

function bytes(array: Tensor): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** The first index at which the bits differ, or -1. Any NaN equals any NaN; −0 is not +0. */
export function firstDifference(a: Tensor, b: Tensor): number {
  if (dtypeOf(a) !== dtypeOf(b) || a.length !== b.length) return Math.min(a.length, b.length);
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
const SENTINEL = -1234.5;

/**
 * Arrays inside larger ones whose other elements must stay as they are. Each starts `offset` elements further on than
 * the one before, so that a call sees arrays of different alignment.
 */
export class Guarded {
  readonly #offset: number;
  readonly #made: { whole: Tensor; start: number; length: number; original: Tensor | null }[] = [];

  constructor(offset: number) {
    this.#offset = offset;
  }

  /** An output: filled with a number that no kernel computes. */
  output(dtype: Dtype, length: number): Tensor {
    return this.#make(dtype, length, null);
  }

  /** A copy that kernels must not change. */
  input(original: Tensor): Tensor {
    const array = this.#make(dtypeOf(original), original.length, original);
    array.set(original);
    return array;
  }

  /** A copy that is an output too. */
  inPlace(original: Tensor): Tensor {
    const array = this.output(dtypeOf(original), original.length);
    array.set(original);
    return array;
  }

  /** What was written where it should not have been; null if nothing was. */
  violation(): string | null {
    for (const { whole, start, length, original } of this.#made) {
      for (let k = 0; k < whole.length; k++) {
        if (k === start) k += length;
        if (whole[k] !== SENTINEL) return `wrote at ${k - start} of an array of ${length}`;
      }
      if (original !== null) {
        const at = firstDifference(original, whole.subarray(start, start + length));
        if (at !== -1) return `changed its input at ${at}`;
      }
    }
    return null;
  }

  #make(dtype: Dtype, length: number, original: Tensor | null): Tensor {
    const start = GUARD + ((this.#offset * (this.#made.length + 1)) % GUARD);
    const whole = zeros(dtype, start + length + GUARD).fill(SENTINEL);
    this.#made.push({ whole, start, length, original });
    return whole.subarray(start, start + length);
  }
}
