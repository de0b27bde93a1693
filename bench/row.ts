/** One line of output: one contender, one case. The fields that other benchmarks of the field print too come first. */

import type { Summation } from 'batchnorm';
import { median, significant } from '#demo/kit/statistics.js';
import { type Contender, labelOf } from './contender.js';
import type { Problem } from './problem.js';
import { type ElementType, type Layout, type Operation, type ShapeName, TENSORS } from './shapes.js';

export interface Row {
  /** `batchnorm-native`, `tfjs-wasm`, `ort-node`, …; `limit` is what the memory allows. */
  readonly peer: string;
  readonly shape: ShapeName;
  readonly layout: Layout;
  readonly op: Operation;
  /** Threads that it really had. */
  readonly threads: number;
  /** The instruction set, the way results are had, or the kernel of the limit. */
  readonly variant: string;
  readonly ms_median: number;
  readonly ms_min: number;
  /** `bytes` over the median. */
  readonly gbps: number;
  /** Bytes that must be moved, each tensor once. */
  readonly bytes: number;
  /** Calls that were timed. */
  readonly reps: number;
  readonly version: string;
  /** Threads that it was allowed: those of the process, and of the limit that was measured in it. */
  readonly allowed: number;
  /** How ours sums. */
  readonly summation?: Summation | undefined;
  /** Time ÷ that of the ordered sums, else the same, which took turns with it. */
  readonly of_ordered?: number | undefined;
  /** Type of the elements, where these have 16 bits. */
  readonly dtype?: ElementType | undefined;
  /** Time of float32, else the same, which took turns with it ÷ its own: how many times as fast it is. */
  readonly over_float32?: number | undefined;
}

export type Who = Pick<Contender, 'peer' | 'variant' | 'threads' | 'version' | 'summation'>;

export interface Timing {
  /** Seconds of a call. */
  readonly samples: readonly number[];
  readonly calls: number;
}

export function makeRow(who: Who, problem: Problem, op: Operation, allowed: number, { samples, calls }: Timing): Row {
  const { peer, variant, threads, version, summation } = who;
  const { shape, layout, dtype, x, halves } = problem;
  const seconds = median(samples);
  const bytes = (halves?.x ?? x).byteLength * TENSORS[op];
  return {
    peer,
    shape,
    layout,
    op,
    threads,
    variant,
    ms_median: significant(seconds * 1e3, 5),
    ms_min: significant(Math.min(...samples) * 1e3, 5),
    gbps: significant(bytes / seconds / 1e9, 4),
    bytes,
    reps: calls,
    version,
    allowed,
    summation,
    dtype: dtype === 'float32' ? undefined : dtype,
  };
}

/** The lines of one case, those of exact sums with what they cost. */
export function comparedSums(rows: readonly Row[]): Row[] {
  return rows.map((row) => {
    if (row.summation !== 'exact') return row;
    const variant = row.variant.replace(/ exact$/, '');
    const ordered = rows.find((other) => other.peer === row.peer && other.variant === variant);
    return ordered === undefined ? row : { ...row, of_ordered: significant(row.ms_median / ordered.ms_median, 4) };
  });
}

/** The lines of one case, those of 16 bits with what they gain. */
export function comparedTypes(rows: readonly Row[]): Row[] {
  return rows.map((row) => {
    const { dtype } = row;
    if (dtype === undefined || isLimit(row)) return row;
    const variant = row.variant.replace(` ${dtype}`, '');
    const wide = rows.find((other) => other.peer === row.peer && other.variant === variant);
    return wide === undefined ? row : { ...row, over_float32: significant(wide.ms_median / row.ms_median, 4) };
  });
}

export const LIMIT = 'limit';

export function isOurs({ peer }: Row): boolean {
  return peer.startsWith('batchnorm-');
}

export function isLimit({ peer }: Row): boolean {
  return peer === LIMIT;
}

export function isPeer(row: Row): boolean {
  return !isOurs(row) && !isLimit(row);
}

/** Which line of a chart it is. */
export function seriesOf(row: Row): string {
  return labelOf(row);
}
