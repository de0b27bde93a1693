/** Tensors on which the backend in use works without copying. */
import { wrongKind, wrongValue } from './messages.js';
import { detach, isReleased, isUsable, kindOf, newTensor } from './typed-arrays.js';
import type { Tensor } from './types.js';
import { checkChoice, checkSize } from './validate.js';

const DTYPES = ['float32', 'float64'] as const;

/** Buffers that `allocate` made. */
const allocated = /* @__PURE__ */ new WeakSet<ArrayBufferLike>();

/**
 * A typed array of zeros on which the backend in use works without copying, and so on its subarrays.
 *
 * Ordinary typed arrays work everywhere too. Its use is to be kept: a fresh tensor of 25 MB costs more than normalising
 * it, so allocate outputs once and pass them as `out`. Where it starts in memory is up to the JavaScript engine, which
 * neither tells nor lets one choose; kernels handle any start.
 *
 * @param length number of elements
 * @param dtype 'float32' (default) or 'float64'
 * @throws TypeError, RangeError where `length` is not an integer >= 0 or `dtype` is neither of the two; RangeError where
 *   there is not so much memory
 * @example
 * import { allocate, forwardTraining, release } from 'batchnorm';
 * const x = allocate(6);
 * x.set([0, 1, 2, 3, 4, 5]);
 * const y = allocate(6);
 * forwardTraining(x, [3, 2], { out: y });
 * console.log(y[2]); // → 0
 * release(x);
 * console.log(x.length); // → 0
 */
export function allocate(length: number, dtype?: 'float32'): Float32Array;
export function allocate(length: number, dtype: 'float64'): Float64Array;
export function allocate(length: number, dtype: 'float32' | 'float64' = 'float32'): Tensor {
  checkSize('allocate', 'length', length);
  checkChoice('allocate', 'dtype', dtype, DTYPES);
  const array = newTensor<Tensor>(dtype === 'float32' ? 'Float32Array' : 'Float64Array', length);
  allocated.add(array.buffer);
  return array;
}

/**
 * Gives back the memory of an array that `allocate` returned, at once instead of at some garbage collection. From then on
 * every backend refuses the array, and each of its subarrays, with the same TypeError.
 *
 * @param array what `allocate` returned, whichever backend was in use then
 * @throws TypeError where `allocate` did not make it, or it is released (or transferred to a worker) already;
 *   RangeError where it is only a part of what `allocate` returned
 * @example
 * import { allocate, release } from 'batchnorm';
 * const scratch = allocate(1024, 'float64');
 * release(scratch);
 */
export function release(array: Tensor): void {
  const wanted = 'an array that allocate returned';
  const kind = kindOf(array);
  const ours = kind !== undefined && allocated.has(array.buffer);
  if (!ours || isReleased(array) || !isUsable(array)) throw wrongKind('release', 'array', wanted, array);
  if (array.byteLength !== array.buffer.byteLength) {
    throw wrongValue('release', 'array', 'the whole of what allocate returned', array);
  }
  detach(array);
}
