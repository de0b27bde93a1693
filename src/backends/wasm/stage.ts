/** Calls of kernels on arrays that may lie anywhere: those outside the memory are copied to it, and results back. */
import { environmentError } from '../../arguments/errors.js';
import { isSame, isSameView } from '../../arguments/typed-arrays.js';
import { type HalfDtype, RECORD } from '../../kernels.js';
import {
  ARRAYS,
  type Arguments,
  bitsOf,
  CALL_ADDRESS,
  CallRecord,
  isAmong,
  type Resources,
  type Staging,
  type Stored,
  TENSORS,
} from './call.js';
import { lines } from './heap.js';
import { full, type Memory, STAGGER } from './memory.js';
import { extentOf, PieceCall, widthOf } from './pieces.js';
import type { Pool } from './pool.js';

export type Exports = Record<string, (...args: number[]) => number>;

const X = /* @__PURE__ */ ARRAYS.indexOf('x');
const SUMS = /* @__PURE__ */ bitsOf('sumDy', 'sumDyDeviation');
/** They are added to, but by whole passes: both input and output. */
const RECORDS = /* @__PURE__ */ bitsOf('records');
/** Passes with exact sums, which begin their records. */
const PASSES: ReadonlySet<string> = /* @__PURE__ */ new Set(['exactForward', 'exactBackward']);
/** They come in pieces as they are. */
const CONVERSIONS: ReadonlySet<string> = /* @__PURE__ */ new Set(['widen', 'round']);
/** What calls in pieces want memory for, if nobody gave any. */
const LENT: Readonly<Record<string, number>> = {
  backward: SUMS,
  exactForward: RECORDS,
  exactBackward: SUMS | RECORDS,
};
/** Shorter arrays are copied one by one: that takes less than a call. */
const SHORT = 48;
/** More than this is not kept from one call to the next. */
const KEPT_BYTES = 2 ** 26;
/** Where memory is short, pieces of tensors may be as small as this, in bytes. */
const LEAST_LIMIT = 2 ** 20;

export class Stage implements Staging {
  readonly memory: Memory;
  readonly record: CallRecord;
  readonly #exports: Exports;
  readonly #resources: Resources;
  readonly #pool: Pool | null;
  /** Memory that is kept from call to call. */
  #block = 0;
  /** The type that is computed with, as the names of exports end; empty where there are no tensors. */
  #type = '';
  /** The address of each array, or its distance from the others that are copied. */
  readonly #places: number[] = new Array<number>(ARRAYS.length).fill(0);
  /** The copies of a call: which arrays, as bits; the bytes of all; the bytes of tensors among them. */
  #copied = 0;
  #bytes = 0;
  #tensorBytes = 0;

  constructor(memory: Memory, exports: Exports, pool: Pool | null, resources: Resources) {
    this.memory = memory;
    this.record = new CallRecord(memory);
    this.#exports = exports;
    this.#pool = pool;
    this.#resources = pool === null ? { ...resources, threads: 1 } : resources;
    memory.onPressure.add(() => this.#giveBack());
  }

  /** `half` is the type of the tensors, where they have 16 bits. */
  call(args: Arguments, half?: HalfDtype): void {
    const { kernel, view, arrays, outputs } = args;
    const x = arrays[X];
    this.#type = x === null ? '' : x.BYTES_PER_ELEMENT === 8 ? '_f64' : '_f32';
    const { threads, threadBytes, copiedBytes } = this.#resources;
    if (threads > 1 && x !== null && x.byteLength >= threadBytes) this.#pool!.start(threads - 1);
    this.#place(arrays, outputs);
    this.record.begin(view, args, this.#resources, half);
    const workspace = lines(this.#exports[workspaceOf(kernel)](CALL_ADDRESS));
    if (this.#tensorBytes > copiedBytes || !this.#reserve(workspace + this.#bytes)) {
      if (x === null || CONVERSIONS.has(kernel)) throw full(kernel, workspace + this.#bytes, this.memory);
      this.#callInPieces(args, workspace);
    } else {
      this.#locate(arrays, workspace);
      this.#copyIn(arrays, this.#copied & (~outputs | (PASSES.has(kernel) ? 0 : RECORDS)));
      this.run(kernel);
      this.#copyOut(arrays, this.#copied & outputs);
      if (workspace + this.#bytes > KEPT_BYTES) this.#giveBack();
    }
  }

  /** Calls an export on the record as it is. */
  run(name: string, ...rest: number[]): number {
    try {
      return this.#exports[name + this.#type](CALL_ADDRESS, ...rest);
    } catch (cause) {
      this.#pool?.stop();
      const what = 'wasm: a worker died in the middle of a call, whose outputs are lost';
      throw environmentError('ERR_BATCHNORM_BACKEND', `${what}; calls run on one thread from now on`, cause);
    }
  }

  /** memory at `address` ← array */
  copyIn(array: Stored, address: number): void {
    const memory = this.#memoryAs(array);
    const at = address / array.BYTES_PER_ELEMENT;
    if (array.length >= SHORT) memory.set(array, at);
    else for (let k = 0; k < array.length; k++) memory[at + k] = array[k];
  }

  /** array ← memory at `address` */
  copyOut(array: Stored, address: number): void {
    const memory = this.#memoryAs(array);
    const at = address / array.BYTES_PER_ELEMENT;
    if (array.length >= SHORT) array.set(memory.subarray(at, at + array.length));
    else for (let k = 0; k < array.length; k++) array[k] = memory[at + k];
  }

  /** The memory as elements of the type of this array. */
  #memoryAs({ BYTES_PER_ELEMENT }: Stored): Stored {
    const { u16, f32, f64 } = this.memory;
    return BYTES_PER_ELEMENT === 2 ? u16 : BYTES_PER_ELEMENT === 4 ? f32 : f64;
  }

  /**
   * Finds out which arrays are in memory, and gives the others distances from each other. A tensor has one place even
   * where it is named twice, so that in place stays in place.
   */
  #place(arrays: readonly (Stored | null)[], outputs: number): void {
    this.#copied = this.#bytes = this.#tensorBytes = 0;
    for (let i = 0; i < ARRAYS.length; i++) {
      const array = arrays[i];
      this.#places[i] = array === null ? 0 : this.memory.addressOf(array);
      if (array === null || this.#places[i] !== 0) continue;
      this.#copied |= 1 << i;
      const same = isAmong(TENSORS, i) ? firstPlace(arrays, outputs, i) : i;
      if (same < i) {
        this.#places[i] = this.#places[same];
        continue;
      }
      this.#places[i] = this.#bytes;
      const bytes = lines(array.byteLength) + (isAmong(TENSORS, i) ? STAGGER : 0);
      this.#bytes += bytes;
      if (isAmong(TENSORS, i)) this.#tensorBytes += bytes;
    }
  }

  /** Puts the workspace and the places of arrays in the record. */
  #locate(arrays: readonly (Stored | null)[], workspace: number): void {
    this.record.workIn(this.#block);
    for (let i = 0; i < ARRAYS.length; i++) {
      if (isAmong(this.#copied, i)) this.#places[i] += this.#block + workspace;
      this.record.place(i, arrays[i] === null ? 0 : this.#places[i]);
    }
  }

  #copyIn(arrays: readonly (Stored | null)[], which: number): void {
    for (let i = 0; i < ARRAYS.length; i++) if (isAmong(which, i)) this.copyIn(arrays[i]!, this.#places[i]);
  }

  #copyOut(arrays: readonly (Stored | null)[], which: number): void {
    for (let i = 0; i < ARRAYS.length; i++) if (isAmong(which, i)) this.copyOut(arrays[i]!, this.#places[i]);
  }

  /** Makes the call on parts of its tensors; arrays of channels are copied as a whole. */
  #callInPieces(args: Arguments, workspace: number): void {
    const { view, arrays, outputs, kernel } = args;
    const { room } = this.memory.heap;
    const limit = Math.min(this.#resources.copiedBytes, Math.max(LEAST_LIMIT, room / 2));
    const width = arrays[X]!.BYTES_PER_ELEMENT;
    const tensors = arrays.filter((array, i) => array !== null && isAmong(TENSORS, i)).length;
    const extent = extentOf(view, limit / width / tensors);
    const pieceBytes = lines(extent.channels * extent.rows * extent.width * width);
    this.#copied = this.#bytes = 0;
    for (let i = 0; i < ARRAYS.length; i++) {
      const array = arrays[i];
      const lent = isAmong(LENT[kernel] ?? 0, i);
      if (array === null && !lent) continue;
      this.#copied |= 1 << i;
      const same = isAmong(TENSORS, i) ? firstPlace(arrays, outputs, i) : i;
      this.#places[i] = same < i ? this.#places[same] : this.#bytes;
      if (same === i)
        this.#bytes += isAmong(TENSORS, i) ? pieceBytes + STAGGER : lines(array?.byteLength ?? widthOf(i) * view.c);
    }
    if (!this.#reserve(workspace + this.#bytes)) throw full(kernel, workspace + this.#bytes, this.memory);
    this.record.workIn(this.#block);
    for (let i = 0; i < ARRAYS.length; i++) if (isAmong(this.#copied, i)) this.#places[i] += this.#block + workspace;
    const small = this.#copied & ~TENSORS & ~this.#absent(arrays);
    this.#copyIn(arrays, small & (~outputs | RECORDS));
    if (PASSES.has(kernel)) {
      const at = this.#places[ARRAYS.indexOf('records')] / 8;
      this.memory.f64.fill(0, at, at + RECORD.numbers * view.c);
    }
    new PieceCall(this, args, extent, this.#places).run();
    this.#copyOut(arrays, small & outputs);
    this.#giveBack();
  }

  /** The arrays of a call that are null, as bits. */
  #absent(arrays: readonly (Stored | null)[]): number {
    return arrays.reduce((bits, array, i) => (array === null ? bits | (1 << i) : bits), 0);
  }

  /** Makes the block hold so many bytes; false where there is no room. */
  #reserve(bytes: number): boolean {
    const { heap } = this.memory;
    if (heap.sizeAt(this.#block) >= bytes) return true;
    this.#giveBack();
    this.#block = this.memory.take(bytes);
    return this.#block !== 0;
  }

  #giveBack(): void {
    this.memory.heap.release(this.#block);
    this.#block = 0;
  }
}

/** The export that says how much memory a kernel works in. */
function workspaceOf(kernel: Arguments['kernel']): string {
  return kernel.startsWith('exact') ? 'exactWorkspaceBytes' : 'workspaceBytes';
}

/**
 * Which array is the first in the memory of this one. Two objects of one memory are looked for among outputs only: it
 * writes.
 */
function firstPlace(arrays: readonly (Stored | null)[], outputs: number, i: number): number {
  const array = arrays[i]!;
  return arrays.findIndex((other, k) => {
    if (other === null) return false;
    if (isAmong(outputs, i)) return isSame(array, other);
    return isAmong(outputs, k) ? isSame(other, array) : isSameView(other, array);
  });
}
