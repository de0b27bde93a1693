/** A contender: a library, or one of its ways to run. */
import type { Summation } from 'batchnorm';
import type { Outputs, Problem } from './problem.js';
import type { ElementType, Operation } from './shapes.js';

export interface Contender {
  /** `batchnorm-native`, `tfjs-wasm`, … */
  readonly peer: string;
  /** The instruction set, or how results are had. */
  readonly variant: string;
  /** Threads that it really has. */
  readonly threads: number;
  /** Whether more threads may change its time; what has one thread is timed once, whatever --threads says. */
  readonly scales: boolean;
  readonly ours: boolean;
  /** Of the tensors; float32 of all peers. */
  readonly dtype: ElementType;
  /** Ours only. */
  readonly summation?: Summation | undefined;
  readonly version: string;
  /** Makes ready for a case; null where it does not have the operation or the layout. */
  open(problem: Problem, operation: Operation): Promise<Opened | null>;
}

export interface Opened {
  /** One call: what is timed. With `isAsync` it ends when its promise is fulfilled. */
  readonly call: () => unknown;
  readonly isAsync: boolean;
  /** Called before a round of calls, not timed. */
  prepare?(): Promise<void>;
  /** Results of the last call. */
  outputs(): Promise<Outputs>;
  close(): Promise<void>;
}

export function labelOf({ peer, variant }: { readonly peer: string; readonly variant: string }): string {
  return `${peer} ${variant}`;
}
