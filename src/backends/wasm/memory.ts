/**
 * The one memory of this thread, in which every instance of the modules works, and the tensors that live in it. All of
 * it is reserved at once, since growing would detach every tensor; the system provides pages as they are touched.
 */
import { environmentError } from '../../arguments/errors.js';
import { expected } from '../../arguments/messages.js';
import { type Lender, lend } from '../../arguments/typed-arrays.js';
import type { AllocatedKind } from '../../kernels.js';
import type { Tensor } from '../../types.js';
import { Heap } from './heap.js';

const TYPES = { Float32Array, Float64Array, Uint16Array };
const PAGE = 65536;
const MEBI = 2 ** 20;
/** Where the heap begins; before it are the record of a call, and what threads agree by. */
const HEAP_START = 4096;
/** All that 32-bit addresses reach but for one page: V8 can't clone or post what lies in a shared memory of 65,536. */
const MOST_PAGES = 65535;
/** The sizes that are tried, largest first, unless one is given: this reserves address space only. */
const RESERVATIONS = [4096 * MEBI, 1024 * MEBI, 256 * MEBI, 64 * MEBI];
/** A page that cannot share memory cannot count on the system's laziness either. */
const UNSHARED_RESERVATIONS = [256 * MEBI, 64 * MEBI];
/**
 * Left free behind a tensor: whole pages behind one another would meet in the same places of the first cache, where a
 * load is taken for one that must wait for a store (channels last then took up to 1.8 times as long).
 */
export const STAGGER = 1984;
/** A memory of which more than this was ever touched is given up when it stays without tensors: it cannot shrink. */
const KEPT_BYTES = 256 * MEBI;
/** For so long, in ms. At once would be too soon: a loop would touch memory after memory before any is collected. */
const IDLE = 1000;
/** How often the collector is asked: one collection may find the memory still in a register, or old. */
const COLLECTIONS = 5;

/** Takes back the memory of tensors that nobody can reach any more, if they were not released. */
const forgotten = /* @__PURE__ */ new FinalizationRegistry<{ memory: Memory; address: number }>(({ memory, address }) =>
  memory.free(address),
);

export class Memory implements Lender {
  readonly wasm: WebAssembly.Memory;
  readonly shared: boolean;
  readonly bytes: number;
  readonly heap: Heap;
  readonly u16: Uint16Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  /** Their lengths in bytes, by address. */
  readonly #tensors = new Map<number, number>();
  /** Tensors that are not released, by the buffer of each, where the memory is shared. */
  readonly #addresses = new WeakMap<ArrayBufferLike, number>();
  /** Called before the memory is found to be full: they give back what is only kept for speed. */
  readonly onPressure = new Set<() => void>();
  /** Called when it is given up. */
  readonly onDrop = new Set<() => void>();

  constructor(wasm: WebAssembly.Memory, shared: boolean) {
    const { buffer } = wasm;
    this.wasm = wasm;
    this.shared = shared;
    this.bytes = buffer.byteLength;
    // The last page stays empty: a loop over an array that ends at 4 GiB would see its end wrap round to 0.
    this.heap = new Heap(HEAP_START, this.bytes - PAGE);
    this.u16 = new Uint16Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u32 = new Uint32Array(buffer);
    if (!shared) lend(buffer, this);
  }

  /** The address of so many bytes; 0 where there is no room. */
  take(bytes: number): number {
    const address = this.heap.allocate(bytes);
    if (address !== 0) return address;
    for (const giveBack of this.onPressure) giveBack();
    return this.heap.allocate(bytes);
  }

  /** A tensor of zeros. */
  allocate(kind: AllocatedKind, length: number): Tensor | Uint16Array {
    const Type = TYPES[kind];
    const bytes = length * Type.BYTES_PER_ELEMENT;
    if (bytes > this.bytes) throw tooLong(kind, length, Type.BYTES_PER_ELEMENT, this);
    const { untouched } = this.heap;
    const buffer = this.shared ? this.#bufferOfItsOwn() : this.f32.buffer;
    const address = this.take(bytes + STAGGER);
    if (address === 0) throw full('allocate', bytes, this);
    const array = new Type(buffer as ArrayBuffer, address, length);
    if (address < untouched) array.fill(0);
    this.#tensors.set(address, bytes);
    if (this.shared) this.#addresses.set(buffer, address);
    else keepByParts(array);
    const token = this.shared ? buffer : array;
    forgotten.register(token, { memory: this, address }, token);
    return array;
  }

  /** Takes back a tensor that `allocate` returned; false where the array is only a part of one. */
  release(array: ArrayBufferView): boolean {
    const { buffer, byteOffset: address, byteLength } = array;
    if (this.#tensors.get(address) !== byteLength) return false;
    forgotten.unregister(this.shared ? buffer : array);
    this.#addresses.delete(buffer);
    this.free(address);
    return true;
  }

  /** Whether an array lies in a tensor that is not released. */
  holds({ buffer, byteOffset }: ArrayBufferView): boolean {
    if (this.shared) return this.#addresses.has(buffer);
    if (this.#tensors.has(byteOffset)) return true;
    for (const [address, bytes] of this.#tensors) {
      if (address <= byteOffset && byteOffset < address + bytes) return true;
    }
    return false;
  }

  free(address: number): void {
    this.#tensors.delete(address);
    this.heap.release(address);
    if (!this.hasTensors) giveUpWhenIdle(this);
  }

  /** The address of an array that lies in this memory; 0 of one that does not. */
  addressOf(array: ArrayBufferView): number {
    const { buffer } = array;
    return (this.shared ? this.#addresses.has(buffer) : buffer === this.f32.buffer) ? array.byteOffset : 0;
  }

  get hasTensors(): boolean {
    return this.#tensors.size > 0;
  }

  /**
   * A new object for the same shared bytes, which is what growing by nothing leaves. Every tensor has one, which its
   * subarrays share: that tells released arrays from those that come to lie in the same place after them.
   */
  #bufferOfItsOwn(): ArrayBufferLike {
    try {
      this.wasm.grow(0);
    } catch (cause) {
      throw new RangeError('batchnorm: allocate: the engine has no memory left for another array', { cause });
    }
    const { buffer } = this.wasm;
    lend(buffer, this);
    return buffer;
  }
}

/** All tensors of an unshared memory have one buffer, so that what keeps a tensor must be its subarrays themselves. */
function keepByParts(array: Tensor | Uint16Array): void {
  Object.defineProperty(array, 'subarray', {
    value(this: Tensor | Uint16Array, ...range: [number?, number?]): Tensor | Uint16Array {
      const part = Object.getPrototypeOf(this).subarray.apply(this, range) as Tensor | Uint16Array;
      keepByParts(part);
      wholes.set(part, this);
      return part;
    },
  });
}
const wholes = new WeakMap<Tensor | Uint16Array, Tensor | Uint16Array>();

let current: Memory | undefined;
let wanted: number | undefined;
/** Whether there was a memory before: what fails from then on fails in the middle of a call. */
let isAgain = false;

/** The memory of this thread; made when it is first wanted, and anew when it was given up. */
export function memoryInUse(): Memory {
  current ??= reserve(isSharingPossible());
  return current;
}

/** How much is reserved, where that is not done yet. */
export function setReservation(bytes: number): void {
  wanted = bytes;
}

/** Memory that workers can see too: wherever there is one kind of memory for all, and in pages that are isolated. */
export function isSharingPossible(): boolean {
  const isolated: unknown = Reflect.get(globalThis, 'crossOriginIsolated');
  return typeof SharedArrayBuffer === 'function' && isolated !== false;
}

function reserve(shared: boolean): Memory {
  const sizes = wanted === undefined ? (shared ? RESERVATIONS : UNSHARED_RESERVATIONS) : [wanted];
  let cause: unknown;
  for (const bytes of sizes) {
    const pages = Math.min(MOST_PAGES, Math.max(2, Math.ceil(bytes / PAGE)));
    try {
      const memory = new Memory(new WebAssembly.Memory({ initial: pages, maximum: pages, shared }), shared);
      isAgain = true;
      return memory;
    } catch (error) {
      cause = error;
    }
  }
  const least = gibibytes(sizes[sizes.length - 1]);
  const what = `wasm: ${least} of WebAssembly memory cannot be reserved here`;
  if (!isAgain) throw new Error(`${what}.`, { cause });
  throw environmentError('ERR_BATCHNORM_BACKEND', `${what} now; free memory, or use another backend`, cause);
}

/** Whether a timer looks after the memory in use already. */
let watched = false;

/**
 * Gives up an oversized memory when no tensor has lived in it for a while; until then the next tensors use it again.
 */
function giveUpWhenIdle(memory: Memory): void {
  if (watched || memory !== current || memory.heap.untouched - HEAP_START <= KEPT_BYTES) return;
  watched = true;
  const { handedOut } = memory.heap;
  const timer = setTimeout(() => {
    watched = false;
    if (memory.hasTensors) return;
    if (memory.heap.handedOut === handedOut) giveUp(memory);
    else giveUpWhenIdle(memory);
  }, IDLE);
  timer.unref?.(); // must not keep the process alive
}

function giveUp(memory: Memory): void {
  current = undefined;
  for (const drop of memory.onDrop) drop();
  const fate: Fate = { collected: false };
  fates.register(memory, fate);
  collect(fate, memory.heap.untouched, COLLECTIONS);
}

interface Fate {
  collected: boolean;
}

/** A WeakRef would keep the memory alive until the end of each job that looks at it, over the very collection. */
const fates = /* @__PURE__ */ new FinalizationRegistry<Fate>((fate) => {
  fate.collected = true;
});

/**
 * The garbage collector does not see that a memory is large. Of a buffer of that size, which nobody touches, it does.
 */
function collect(fate: Fate, bytes: number, attempts: number): void {
  if (attempts === 0 || fate.collected) return;
  try {
    new ArrayBuffer(bytes);
  } catch {
    // Then it has been told, too.
  }
  setTimeout(() => collect(fate, bytes, attempts - 1), IDLE).unref?.();
}

/** A length that no release would make room for. */
function tooLong(kind: AllocatedKind, length: number, width: number, { bytes }: Memory): RangeError {
  const most = Math.floor(bytes / width);
  const wanted = `at most ${most} elements of a ${kind}, the ${gibibytes(bytes)} of WebAssembly memory`;
  return new RangeError(expected('allocate', 'length', wanted, `${length} (${gibibytes(length * width)})`));
}

/** The error of a full memory: what was wanted, what is there, and the way out. */
export function full(call: string, bytes: number, { heap, bytes: all, shared }: Memory): RangeError {
  const way =
    shared && all === MOST_PAGES * PAGE
      ? 'use ordinary arrays'
      : 'reserve more by ready({ memory }), use ordinary arrays';
  return new RangeError(
    `batchnorm: ${call}: no room for ${gibibytes(bytes)} in WebAssembly memory, where ${gibibytes(heap.room)} of ` +
      `${gibibytes(all)} are free in one piece; release tensors that are no longer needed, ${way}, or the native ` +
      'backend',
  );
}

function gibibytes(bytes: number): string {
  if (bytes < 2 ** 20) return `${bytes} bytes`;
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
