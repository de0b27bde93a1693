/** Questions about typed arrays, answered across realms: nothing here trusts `instanceof`. */
import type { AnyTensor } from '../types.js';

/** The tensors' kinds, as `Object.prototype.toString` and the messages name them. */
export type TensorKind = 'Float32Array' | 'Float64Array';

/** Arrays of tensors of 16 bits. */
export type HalfKind = 'Uint16Array' | 'Float16Array';
export type ArrayKind = TensorKind | HalfKind;

const TYPED_ARRAY = /* @__PURE__ */ Object.getPrototypeOf(Uint8Array.prototype);
/**
 * Reads the internal slot, so it cannot be fooled, and subclasses and arrays of other realms count as what they are.
 */
const tagOf = /* @__PURE__ */ Object.getOwnPropertyDescriptor(TYPED_ARRAY, Symbol.toStringTag)!.get!;

/** 'Float32Array', 'Int8Array' ...; undefined for everything that is not a typed array. */
export function kindOf(value: unknown): string | undefined {
  return tagOf.call(value);
}

/** Whether two arrays of one type are the same elements of one buffer. */
export function isSameView(a: AnyTensor, b: AnyTensor): boolean {
  return a === b || (a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.length === b.length);
}

/**
 * An output and an input in the same memory, element for element. Both are of one type. The output may be written for a
 * moment; two inputs, which other threads may be reading, are compared by {@link isSameView}.
 */
export function isSame(output: AnyTensor, input: AnyTensor): boolean {
  if (output === input) return true;
  // Buffers first: they differ as a rule, and V8 takes 30 ns and more for each of these properties.
  const { buffer } = output;
  if (buffer !== input.buffer && !isShared(buffer)) return false;
  if (output.byteOffset !== input.byteOffset || output.length !== input.length) return false;
  return buffer === input.buffer || (output.length > 0 && isSharedTwice(output, input));
}

/** Whether an output has memory in common with another array. */
export function overlaps(output: ArrayBufferView, other: ArrayBufferView): boolean {
  return rangesMeet(output, other) && (output.buffer === other.buffer || isSharedTwice(output, other));
}

/** Reads an internal slot that only these have, of whatever realm; null where the environment has none of them. */
const SHARED_LENGTH =
  typeof SharedArrayBuffer === 'function'
    ? /* @__PURE__ */ Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, 'byteLength')!.get!
    : null;

/** Whether there may be other objects over this very memory, such as every `postMessage` makes. */
export function isShared(buffer: ArrayBufferLike): boolean {
  if (SHARED_LENGTH === null || buffer instanceof ArrayBuffer) return false;
  try {
    SHARED_LENGTH.call(buffer);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether two objects of SharedArrayBuffer are one memory, which nothing in JavaScript tells. So a byte that both
 * arrays have, if they are, is changed through the one, which is about to be written anyway, and looked at through the
 * other.
 */
function isSharedTwice(output: ArrayBufferView, other: ArrayBufferView): boolean {
  if (!isShared(output.buffer) || !isShared(other.buffer)) return false;
  const at = Math.max(output.byteOffset, other.byteOffset);
  const [to, from] = [new Uint8Array(output.buffer, at, 1), new Uint8Array(other.buffer, at, 1)];
  const before = Atomics.load(to, 0);
  // Twice, lest another thread that writes there by chance be taken for this one.
  const seen = [before ^ 0xff, before ^ 0x55].every((value) => {
    Atomics.store(to, 0, value);
    return Atomics.load(from, 0) === value;
  });
  Atomics.store(to, 0, before);
  return seen;
}

function rangesMeet(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return (
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

/** Zeros, in ordinary memory. How much there is nobody knows before it is asked for. */
export function newTensor<T extends ArrayBufferView>(kind: ArrayKind, length: number): T {
  try {
    return zeros(kind, length) as ArrayBufferView as T;
  } catch (cause) {
    throw noRoom(kind, length, WIDTHS[kind], cause);
  }
}

/** Bytes of an element. */
export const WIDTHS: Readonly<Record<ArrayKind, number>> = {
  Float32Array: 4,
  Float64Array: 8,
  Uint16Array: 2,
  Float16Array: 2,
};

function zeros(kind: ArrayKind, length: number): ArrayBufferView {
  if (kind === 'Float32Array') return new Float32Array(length);
  if (kind === 'Float64Array') return new Float64Array(length);
  if (kind === 'Uint16Array') return new Uint16Array(length);
  // Only who was given a Float16Array asks for another one.
  return new (Reflect.get(globalThis, kind) as new (length: number) => ArrayBufferView)(length);
}

/** The bits of numbers of 16 bits, where they lie. */
export function bitsOf(tensor: ArrayBufferView): Uint16Array {
  if (kindOf(tensor) === 'Uint16Array') return tensor as Uint16Array;
  return new Uint16Array(tensor.buffer, tensor.byteOffset, tensor.byteLength / 2);
}

function noRoom(kind: string, length: number, width: number, cause: unknown): RangeError {
  const mebibytes = Math.ceil((length * width) / 2 ** 20);
  const reason = `${mebibytes} MiB: ${cause instanceof Error ? cause.message : String(cause)}`;
  const wanted = `a ${kind} of length ${length} needs more memory than the JavaScript engine has`;
  return new RangeError(`batchnorm: ${wanted} (${reason})`, { cause });
}

const released = /* @__PURE__ */ new WeakSet<ArrayBufferLike>();

/** Who has lent memory to arrays, piece by piece, that cannot be detached when a piece is taken back. */
export interface Lender {
  /** Whether an array lies in a piece that is lent. */
  holds(array: ArrayBufferView): boolean;
  /** Takes back the piece that an array is the whole of; false where it is only a part. */
  release(array: ArrayBufferView): boolean;
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

/** Whether an array was released and is still of its old length. (A detached array has length 0.) */
export function isRevoked(array: ArrayBufferView): boolean {
  return anyLent && lenderOf(array)?.holds(array) === false;
}

/** Frees the memory now instead of at some garbage collection, and leaves every view of it with length 0. */
export function detach(array: ArrayBufferView): void {
  const { buffer } = array;
  released.add(buffer);
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}
