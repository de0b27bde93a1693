/** Tensors on which the backend in use works without copying. */

import { expected, wrongKind, wrongValue } from '../arguments/messages.js';
import { detach, isReleased, isUsable, kindOf, lenderOf, newTensor, WIDTHS } from '../arguments/typed-arrays.js';
import { checkChoice, checkSize } from '../arguments/validate.js';
import type { AllocatedKind } from '../kernels.js';
import type { AnyDtype, HalfDtype, Tensor } from '../types.js';
import { kernels } from './select.js';

const KINDS = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  float16: 'Uint16Array',
  bfloat16: 'Uint16Array',
} as const satisfies Record<AnyDtype, AllocatedKind>;
const DTYPES = /* @__PURE__ */ Object.keys(KINDS);

/** Buffers that `allocate` made. */
const allocated = /* @__PURE__ */ new WeakSet<ArrayBufferLike>();

/**
 * A typed array of zeros on which the backend in use works without copying, and so on its subarrays.
 *
 * Ordinary typed arrays work everywhere too. Its use is to be kept: a fresh tensor of 25 MB costs more than normalising
 * it, so allocate outputs once and pass them as `out`. With the WebAssembly backend the array lies in the memory of its
 * module, 64-byte aligned, where it stays until it is released: release it, and do not count on garbage collection, to
 * which an array that is a few bytes of JavaScript looks small. With the other backends it is ordinary memory, whose
 * start the JavaScript engine chooses.
 *
 * @param length number of elements
 * @param dtype 'float32' (default) or 'float64'; 'float16' or 'bfloat16' for a Uint16Array of their bits
 * @throws TypeError, RangeError where `length` is not an integer >= 0 or `dtype` is none of these; RangeError
 *   where there is not so much memory: of the system's; of the WebAssembly backend's own 4 GiB, or what a browser's
 *   `ready` reserved
 * @example
 * import { allocate, forwardTraining, release } from 'batchnorm';
 * const x = allocate(6);
 * x.set([0, 1, 2, 3, 4, 5]);
 * const y = allocate(6);
 * forwardTraining(x, [3, 2], { out: y });
 * console.log(y[2]); // → 0
 * release(x);
 * release(y);
 */
export function allocate(length: number, dtype?: 'float32'): Float32Array;
export function allocate(length: number, dtype: 'float64'): Float64Array;
export function allocate(length: number, dtype: HalfDtype): Uint16Array;
export function allocate(length: number, dtype: AnyDtype = 'float32'): Tensor | Uint16Array {
  checkSize('allocate', 'length', length);
  checkChoice('allocate', 'dtype', dtype, DTYPES);
  const kind = KINDS[dtype];
  const { memory } = kernels();
  if (memory !== null) return memory.allocate(kind, length);
  const array = newArray(kind, length);
  allocated.add(array.buffer);
  return array;
}

/** In ordinary memory. */
function newArray(kind: AllocatedKind, length: number): Tensor | Uint16Array {
  try {
    return newTensor(kind, length);
  } catch (error) {
    const { cause } = error as Error;
    const mebibytes = Math.ceil((length * WIDTHS[kind]) / 2 ** 20);
    const wanted = `no more elements of a ${kind} than the JavaScript engine has memory for`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const got = `${length} (${mebibytes} MiB: ${reason})`;
    throw new RangeError(expected('allocate', 'length', wanted, got), { cause });
  }
}

/**
 * Gives back the memory of an array that `allocate` returned, at once instead of at some garbage collection. From then
 * on every backend refuses the array, and each of its subarrays, with the same TypeError. With the WebAssembly backend
 * the next arrays lie there; the system has large memories back when no array has lived in them for a second.
 *
 * @param array what `allocate` returned, whichever backend was in use then
 * @throws TypeError where `allocate` did not make it, or it is released (or transferred to a worker) already;
 *   RangeError where it is only a part of what `allocate` returned
 * @example
 * import { allocate, release } from 'batchnorm';
 * const scratch = allocate(1024, 'float64');
 * release(scratch);
 */
export function release(array: Tensor | Uint16Array): void {
  const wanted = 'an array that allocate returned';
  const kind = kindOf(array);
  const lender = kind === undefined ? undefined : lenderOf(array);
  const ours = lender !== undefined || (kind !== undefined && allocated.has(array.buffer));
  if (!ours || isReleased(array) || !isUsable(array)) throw wrongKind('release', 'array', wanted, array);
  const isWhole = lender?.release(array) ?? array.byteLength === array.buffer.byteLength;
  if (!isWhole) throw wrongValue('release', 'array', 'the whole of what allocate returned', array);
  if (lender === undefined) detach(array);
}
