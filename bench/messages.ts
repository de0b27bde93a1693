/** Messages of a process that measures to the one that started it. */
import type { Options } from './options.js';
import type { Row } from './row.js';

export interface Assignment extends Options {
  /** Threads of this process. */
  readonly allowed: number;
  /** The first process measures also what has one thread anyway. */
  readonly isFirst: boolean;
  /** Whether bench/native could be built. */
  readonly hasLimit: boolean;
}

export type Message =
  | { readonly type: 'row'; readonly row: Row }
  /** Left out, and why. */
  | { readonly type: 'note'; readonly text: string }
  /** A contender computes something else. */
  | { readonly type: 'invalid'; readonly text: string }
  | { readonly type: 'progress'; readonly done: number; readonly total: number; readonly text: string };
