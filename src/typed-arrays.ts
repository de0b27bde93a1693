/** What the facade needs to know of typed arrays, true across realms: nothing here trusts `instanceof`. */
import type { Tensor } from './types.js';

/** The tensors' kinds, as `Object.prototype.toString` and the messages name them. */
export type TensorKind = 'Float32Array' | 'Float64Array';

const TYPED_ARRAY = /* @__PURE__ */ Object.getPrototypeOf(Uint8Array.prototype);
/** Reads the internal slot, so it cannot be fooled, and subclasses and arrays of other realms count as what they are. */
const tagOf = /* @__PURE__ */ Object.getOwnPropertyDescriptor(TYPED_ARRAY, Symbol.toStringTag)!.get!;

/** 'Float32Array', 'Int8Array' ...; undefined for everything that is not a typed array. */
export function kindOf(value: unknown): string | undefined {
  return tagOf.call(value);
}

/** The same memory, element for element. Both are of one type. */
export function isSame(a: Tensor, b: Tensor): boolean {
  return a === b || (a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length);
}

export function overlaps(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return (
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength &&
    a.byteLength > 0 &&
    b.byteLength > 0
  );
}

/** False where the buffer is detached or has shrunk away from under the array. Such arrays have length 0. */
export function isUsable(array: ArrayBufferView): boolean {
  try {
    TYPED_ARRAY.keys.call(array);
    return true;
  } catch {
    return false;
  }
}

/** Zeros, in ordinary memory. */
export function newTensor<T extends Tensor>(kind: TensorKind, length: number): T {
  return (kind === 'Float32Array' ? new Float32Array(length) : new Float64Array(length)) as T;
}

const released = /* @__PURE__ */ new WeakSet<ArrayBufferLike>();

/** True for what `release` took back, and for its subarrays. */
export function isReleased(array: ArrayBufferView): boolean {
  return released.has(array.buffer);
}

/** Frees the memory now instead of at some garbage collection, and leaves every view of it with length 0. */
export function detach(array: Tensor): void {
  const { buffer } = array;
  released.add(buffer);
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}
