/** Summary of all lines: each case against the memory limit of the same process, and against other libraries. */

import { geometricMean } from '#demo/kit/statistics.js';
import { isFloor } from './limit.js';
import { isLimit, isOurs, isPeer, type Row } from './row.js';
import { isWhole } from './shapes.js';

/** The limit of a case. */
export interface Floor {
  readonly ms: number;
  /** The kernel, or the two whose times are added: 'copy', 'copynt + triad'. */
  readonly kernel: string;
}

/** A contender in its case. */
export interface Entry {
  readonly row: Row;
  /** Time of the limit over its own: 1 is as fast as memory allows. */
  readonly ofLimit: number | null;
  /** Time of the best peer over its own: how many times as fast as that it is. Ours only. */
  readonly ofBestPeer: number | null;
}

/** A shape in a layout, an operation, a number of threads, a type of elements. */
export interface Case extends Pick<Row, 'shape' | 'layout' | 'op' | 'allowed' | 'dtype'> {
  readonly floor: Floor | null;
  /** The fastest peer for this shape, layout and operation with at most as many threads. */
  readonly bestPeer: Row | null;
  /** Whoever was timed, and the best peer, which may have been timed in a process of fewer threads. */
  readonly entries: readonly Entry[];
}

/** Where every contender was wrong, a case has nothing but its limit, and is left out. */
export function summarize(rows: readonly Row[]): Case[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = [row.allowed, row.op, row.shape, row.layout, row.dtype].join();
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const timed = [...groups.values()].filter((group) => !group.every(isLimit));
  return timed.map((group) => summarizeCase(group, rows));
}

function summarizeCase(group: readonly Row[], all: readonly Row[]): Case {
  const { shape, layout, op, allowed, dtype } = group[0];
  const floor = findFloor(group);
  const ofCase = (row: Row) => row.shape === shape && row.layout === layout && row.op === op;
  const comparable = (row: Row) => ofCase(row) && row.dtype === dtype;
  const bestPeer = fastest(all.filter((row) => isPeer(row) && comparable(row) && row.allowed <= allowed));
  const timed = group.filter((row) => !isLimit(row));
  const entries = (bestPeer === null ? timed : [...new Set([...timed, bestPeer])]).map((row) => ({
    row,
    ofLimit: floor === null ? null : floor.ms / row.ms_median,
    ofBestPeer: bestPeer === null || !isOurs(row) ? null : bestPeer.ms_median / row.ms_median,
  }));
  return { shape, layout, op, allowed, dtype, floor, bestPeer, entries };
}

/** The better of the copies for what is forward, of the triads for a backward, and their sum for both. */
function findFloor(group: readonly Row[]): Floor | null {
  const kinds = ['copy', 'triad'].map((kind) =>
    fastest(group.filter((row) => isLimit(row) && isFloor(row.variant) && row.variant.startsWith(kind))),
  );
  const parts = kinds.filter((row) => row !== null);
  if (parts.length === 0) return null;
  return {
    ms: parts.reduce((sum, row) => sum + row.ms_median, 0),
    kernel: parts.map((row) => row.variant).join(' + '),
  };
}

function fastest(rows: readonly Row[]): Row | null {
  return rows.reduce<Row | null>((best, row) => (best === null || row.ms_median < best.ms_median ? row : best), null);
}

/** One of ours over all cases that were measured with so many threads. */
export interface Overall {
  readonly series: string;
  readonly allowed: number;
  /** Geometric means; null where there is nothing to compare with. */
  readonly ofLimit: number | null;
  readonly ofBestPeer: number | null;
  /** Time of exact sums ÷ time of ordered ones, whole forward, backward and step. */
  readonly ofOrdered: number | null;
  /** Time of float32 ÷ time of 16 bits, whole forward, backward and step. */
  readonly overFloat32: number | null;
}

export function overall(cases: readonly Case[]): Overall[] {
  const entries = cases.flatMap((one) => one.entries.map((entry) => ({ ...entry, allowed: one.allowed })));
  const ours = entries.filter(({ row }) => isOurs(row));
  const keys = new Map(ours.map(({ row, allowed }) => [`${row.peer} ${row.variant} ${allowed}`, { row, allowed }]));
  return [...keys.values()].map(({ row, allowed }) => {
    const own = ours.filter((e) => e.allowed === allowed && e.row.peer === row.peer && e.row.variant === row.variant);
    const mean = (values: (number | null)[]) => {
      const known = values.filter((value) => value !== null);
      return known.length === 0 ? null : geometricMean(known);
    };
    return {
      series: `${row.peer} ${row.variant}`,
      allowed,
      ofLimit: mean(own.map((entry) => entry.ofLimit)),
      ofBestPeer: mean(own.map((entry) => entry.ofBestPeer)),
      ofOrdered: mean(own.map(({ row: { op, of_ordered } }) => (isWhole(op) ? (of_ordered ?? null) : null))),
      overFloat32: mean(own.map(({ row: { op, over_float32 } }) => (isWhole(op) ? (over_float32 ?? null) : null))),
    };
  });
}
