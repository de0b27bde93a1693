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

/** False where the buffer is detached, released or has shrunk away from under the array. */
export function isUsable(array: ArrayBufferView): boolean {
  if (isRevoked(array)) return false;
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

/** Who has lent memory to arrays, piece by piece, that cannot be detached when a piece is taken back. */
export interface Lender {
  /** Whether an array lies in a piece that is lent. */
  holds(array: ArrayBufferView): boolean;
  /** Takes back the piece that an array is the whole of; false where it is only a part. */
  release(array: Tensor): boolean;
}

const lenders = /* @__PURE__ */ new WeakMap<ArrayBufferLike, Lender>();
/** Asking costs more than all other checks of an array: only where there are such arrays. */
let anyLent = false;

/** Arrays over this buffer are the lender's. */
export function lend(buffer: ArrayBufferLike, lender: Lender): void {
  lenders.set(buffer, lender);
  anyLent = true;
}

export function lenderOf(array: ArrayBufferView): Lender | undefined {
  return lenders.get(array.buffer);
}

/** True for what `release` took back, and for its subarrays. */
export function isReleased(array: ArrayBufferView): boolean {
  return released.has(array.buffer) || isRevoked(array);
}

/** The same of arrays that have kept their length. The others show by it. */
export function isRevoked(array: ArrayBufferView): boolean {
  return anyLent && lenderOf(array)?.holds(array) === false;
}

/** Frees the memory now instead of at some garbage collection, and leaves every view of it with length 0. */
export function detach(array: Tensor): void {
  const { buffer } = array;
  released.add(buffer);
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}
