/** The record of a call at its place in memory, which kernels are given instead of arguments: assembly/call.ts. */
import type { KernelActivation, ThreeLines, View } from '../../kernels.js';
import type { Tensor } from '../../types.js';
import type { Memory } from './memory.js';

/** Where the record is; what lies before it is for threads. */
export const CALL_ADDRESS = 2048;

/** The fields of the record in their order: doubles, then words. */
const DOUBLES = ['epsilon', 'count', 'slope', 'low', 'high'] as const;
const WORDS = ['n', 'c', 's', 'activation', 'batch'] as const;
/** The arrays among the words. */
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
] as const;
export type ArrayName = (typeof ARRAYS)[number];

/** The code of an activation that has parameters. */
const THREE_LINES = 2;

const FIRST_DOUBLE = CALL_ADDRESS / 8;
const FIRST_WORD = CALL_ADDRESS / 4 + 2 * DOUBLES.length;
const FIRST_ARRAY = FIRST_WORD + WORDS.length;
const AFTER_ARRAYS = FIRST_ARRAY + ARRAYS.length;

/** What a call may use. It changes how kernels walk through tensors, and never the bits. */
export interface Resources {
  /** Threads that may work on it, the caller among them. */
  readonly threads: number;
  /** Another thread takes part for each of so many bytes that a call touches. */
  readonly threadBytes: number;
  /** What one thread may read twice and find in a cache near by the second time: WebAssembly cannot ask. */
  readonly tileBytes: number;
  /** More bytes of tensors than this are copied in pieces. */
  readonly copiedBytes: number;
}

/** What a call has beside its arrays. */
export interface Scalars {
  readonly epsilon: number;
  readonly activation: KernelActivation;
  readonly batch: boolean;
  readonly count: number;
}

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

  begin(view: View, { epsilon, activation, batch, count }: Scalars, resources: Resources): void {
    const { f64, u32 } = this.#memory;
    f64[FIRST_DOUBLE] = epsilon;
    f64[FIRST_DOUBLE + 1] = count;
    this.see(view);
    u32[FIRST_WORD + 3] = typeof activation === 'number' ? activation : THREE_LINES;
    if (typeof activation === 'object') this.#bend(activation);
    u32[FIRST_WORD + 4] = batch ? 1 : 0;
    u32[AFTER_ARRAYS] = resources.threads;
    u32[AFTER_ARRAYS + 1] = resources.threadBytes;
    u32[AFTER_ARRAYS + 2] = resources.tileBytes;
    this.accumulate(false);
  }

  #bend({ slope, low, high }: ThreeLines): void {
    const { f64 } = this.#memory;
    f64[FIRST_DOUBLE + 2] = slope;
    f64[FIRST_DOUBLE + 3] = low;
    f64[FIRST_DOUBLE + 4] = high;
  }

  see({ n, c, s }: View): void {
    const { u32 } = this.#memory;
    u32[FIRST_WORD] = n;
    u32[FIRST_WORD + 1] = c;
    u32[FIRST_WORD + 2] = s;
  }

  /** The array number `index` of ARRAYS lies at this address; 0 counts as null. */
  place(index: number, address: number): void {
    this.#memory.u32[FIRST_ARRAY + index] = address;
  }

  workIn(address: number): void {
    this.#memory.u32[AFTER_ARRAYS + 3] = address;
  }

  /** Whether sums are added to those of the call before. */
  accumulate(value: boolean): void {
    this.#memory.u32[AFTER_ARRAYS + 4] = value ? 1 : 0;
  }
}

/** What a kernel is called with: an array or null for each of ARRAYS; which of them are outputs, as bits. */
export interface Arguments extends Scalars {
  readonly kernel: string;
  readonly view: View;
  readonly arrays: readonly (Tensor | null)[];
  readonly outputs: number;
}

/** What a call in pieces needs of the one who has the memory of the modules. */
export interface Staging {
  readonly record: CallRecord;
  run(name: string, ...rest: number[]): number;
  copyIn(array: Tensor, address: number): void;
  copyOut(array: Tensor, address: number): void;
}
