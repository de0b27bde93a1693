/** The record of a call at its place in memory, which kernels are given instead of arguments: assembly/call.ts. */
import { BFLOAT16, CALL, FLOAT16, THREE_LINES } from '../../generated/wasm-facts.js';
import type { HalfDtype, KernelActivation, ThreeLines, View } from '../../kernels.js';
import type { Tensor } from '../../types.js';
import type { Memory } from './memory.js';

/** Where the record is; what lies before it is for threads. */
export const CALL_ADDRESS = 2048;

type Field = keyof typeof CALL;

/** The arrays of a call, which are numbered in this order. */
export const ARRAYS = [
  'output',
  'dresidual',
  'dgamma',
  'dbeta',
  'dy',
  'x',
  'residual',
  'mean',
  'variance',
  'gamma',
  'beta',
  'sumDy',
  'sumDyDeviation',
  'records',
  'counts',
] as const satisfies readonly Field[];
export type ArrayName = (typeof ARRAYS)[number];

/** The indices of fields in the memory as 64-bit or 32-bit numbers. */
const double = (field: Field) => (CALL_ADDRESS + CALL[field]) / 8;
const word = (field: Field) => (CALL_ADDRESS + CALL[field]) / 4;

const EPSILON = /* @__PURE__ */ double('epsilon');
const COUNT = /* @__PURE__ */ double('count');
const SLOPE = /* @__PURE__ */ double('slope');
const LOW = /* @__PURE__ */ double('low');
const HIGH = /* @__PURE__ */ double('high');
const N = /* @__PURE__ */ word('n');
const C = /* @__PURE__ */ word('c');
const S = /* @__PURE__ */ word('s');
const ACTIVATION = /* @__PURE__ */ word('activation');
const BATCH = /* @__PURE__ */ word('batch');
const THREADS = /* @__PURE__ */ word('threads');
const THREAD_BYTES = /* @__PURE__ */ word('threadBytes');
const TILE_BYTES = /* @__PURE__ */ word('tileBytes');
const WORKSPACE = /* @__PURE__ */ word('workspace');
const ACCUMULATE = /* @__PURE__ */ word('accumulate');
const HALF = /* @__PURE__ */ word('half');
const PLACES = /* @__PURE__ */ ARRAYS.map(word);

/** The resources that a call may use. They change how kernels walk through tensors, and never the bits. */
export interface Resources {
  /** Threads that may work on it, the caller among them. */
  readonly threads: number;
  /** Another thread takes part for each of so many bytes that a call touches. */
  readonly threadBytes: number;
  /** Bytes that one thread may read twice and find in a near cache the second time: WebAssembly cannot ask. */
  readonly tileBytes: number;
  /** More bytes of tensors than this are copied in pieces. */
  readonly copiedBytes: number;
}

/** The numbers of a call, beside its arrays. */
export interface Scalars {
  readonly epsilon: number;
  readonly activation: KernelActivation;
  readonly batch: boolean;
  readonly count: number;
}

const HALVES: Readonly<Record<HalfDtype, number>> = { float16: FLOAT16, bfloat16: BFLOAT16 };

/** The bits of some of the arrays, by their number in ARRAYS. */
export function bitsOf(...names: ArrayName[]): number {
  return names.reduce((bits, name) => bits | (1 << ARRAYS.indexOf(name)), 0);
}

/** Arrays with a value for each element; the others have one for each channel. */
export const TENSORS = /* @__PURE__ */ bitsOf('output', 'dresidual', 'dy', 'x', 'residual');

export function isAmong(bits: number, index: number): boolean {
  return ((bits >> index) & 1) === 1;
}

export class CallRecord {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** `half` is the type of the tensors, where they have 16 bits. */
  begin(
    view: View,
    { epsilon, activation, batch, count }: Scalars,
    resources: Resources,
    half: HalfDtype | undefined,
  ): void {
    const { f64, u32 } = this.#memory;
    f64[EPSILON] = epsilon;
    f64[COUNT] = count;
    this.see(view);
    u32[ACTIVATION] = typeof activation === 'number' ? activation : THREE_LINES;
    if (typeof activation === 'object') this.#bend(activation);
    u32[BATCH] = batch ? 1 : 0;
    u32[THREADS] = resources.threads;
    u32[THREAD_BYTES] = resources.threadBytes;
    u32[TILE_BYTES] = resources.tileBytes;
    u32[HALF] = half === undefined ? 0 : HALVES[half];
    this.accumulate(false);
  }

  #bend({ slope, low, high }: ThreeLines): void {
    const { f64 } = this.#memory;
    f64[SLOPE] = slope;
    f64[LOW] = low;
    f64[HIGH] = high;
  }

  see({ n, c, s }: View): void {
    const { u32 } = this.#memory;
    u32[N] = n;
    u32[C] = c;
    u32[S] = s;
  }

  /** The array number `index` of ARRAYS lies at this address; 0 counts as null. */
  place(index: number, address: number): void {
    this.#memory.u32[PLACES[index]] = address;
  }

  workIn(address: number): void {
    this.#memory.u32[WORKSPACE] = address;
  }

  /** Whether sums are added to those of the call before. */
  accumulate(value: boolean): void {
    this.#memory.u32[ACCUMULATE] = value ? 1 : 0;
  }
}

/** What lies in memory: tensors of 16 bits are given as their bits. */
export type Stored = Tensor | Uint16Array;

/** The arrays of a call: one or null for each of ARRAYS; and which of them are outputs, as bits. */
export interface Arguments extends Scalars {
  readonly kernel: string;
  readonly view: View;
  readonly arrays: readonly (Stored | null)[];
  readonly outputs: number;
}

/** The services that a call in pieces asks of the owner of the modules' memory. */
export interface Staging {
  readonly record: CallRecord;
  run(name: string, ...rest: number[]): number;
  copyIn(array: Stored, address: number): void;
  copyOut(array: Stored, address: number): void;
}
