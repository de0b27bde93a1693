/** The interface between a layer and the workers that normalise one batch together. */

import { expected, wrongKind, wrongValue } from '../arguments/messages.js';
import { kindOf } from '../arguments/typed-arrays.js';
import { checkSize } from '../arguments/validate.js';
import { type Columns, columnsOf, isCount, type Join, writeRows } from './payload.js';

/**
 * The purpose of an exchange. Ranks that send equal tags are at the same place of the same program. A reducer may check
 * this; those of this library do.
 */
export interface ExchangeTag {
  /**
   * Number of the layer among those that were made with this reducer: 0 is the first. Make layers in the same order on
   * every rank.
   */
  readonly layer: number;
  /** Number of channels of the layer. */
  readonly channels: number;
  /** The pass of the layer that exchanges. */
  readonly pass: 'forward' | 'backward';
  /** Sequence number of this pass of the layer: 1 is the first. */
  readonly step: number;
  /** 'exact' where the numbers are exact sums, which add as integers; absent for ordered ones. */
  readonly summation?: 'exact' | undefined;
}

/**
 * One of several workers that each hold a part of a batch. Anything that can hand an array to all others and wait for
 * theirs can be one: threads that share memory ({@link ThreadReducer}), processes under MPI. Where waiting is not
 * possible (sockets, promises), {@link Moments} and {@link GradientSums} are what to send.
 */
export interface Reducer {
  /** The rank of this worker: 0 to size − 1. */
  readonly rank: number;
  /** The number of workers. */
  readonly size: number;
  /**
   * An allgather: gives `values` to all other ranks, and returns the arrays of all ranks, in order of rank, this one's
   * among them. All ranks call it equally often, with arrays of the same length. It blocks until all have called; it
   * should throw rather than wait forever.
   *
   * @param values of this rank
   * @param tag the purpose of the exchange, for messages; a reducer may ignore it
   * @returns as many arrays as there are ranks, each as long as `values`
   */
  exchange(values: Float64Array, tag?: ExchangeTag): readonly Float64Array[];
  /**
   * Optional, an allreduce: returns `join` of the columns of all ranks, the same on every rank. Ranks may divide the
   * columns among them, so that what each receives and joins does not grow with their number. Without it, every rank
   * receives the columns of all by `exchange`, and joins all of them.
   *
   * @param own the columns of this rank
   * @param join makes the rows of the whole from the columns of all ranks
   * @param tag the purpose of the exchange, for messages; a reducer may ignore it
   * @returns the rows of the whole, in the order in which `join` gives them
   */
  allreduce?(own: Columns, join: Join, tag?: ExchangeTag): readonly Float64Array[];
}

/** @throws TypeError, RangeError where it is none */
export function checkReducer(call: string, name: string, reducer: Reducer): void {
  if (typeof reducer !== 'object' || reducer === null) throw wrongKind(call, name, 'a Reducer', reducer);
  const { rank, size } = reducer;
  if (typeof reducer.exchange !== 'function') {
    throw wrongKind(call, `${name}.exchange`, 'a function', reducer.exchange);
  }
  if (!['function', 'undefined'].includes(typeof reducer.allreduce)) {
    throw wrongKind(call, `${name}.allreduce`, 'a function or undefined', reducer.allreduce);
  }
  checkSize(call, `${name}.size`, size);
  checkSize(call, `${name}.rank`, rank);
  if (rank >= size) throw wrongValue(call, `${name}.rank`, `less than its size, ${size}`, rank);
}

/**
 * What every rank sent: as many arrays as there are ranks, each as long as that of this one.
 *
 * @param name what the call calls its reducer
 */
export function exchange(
  call: string,
  name: string,
  reducer: Reducer,
  values: Float64Array,
  tag?: ExchangeTag,
): readonly Float64Array[] {
  const all = reducer.exchange(values, tag);
  const wanted = `${reducer.size} arrays of ${values.length} numbers (one a rank)`;
  if (!Array.isArray(all)) throw wrongKind(call, `${name}.exchange()`, wanted, all);
  if (all.length !== reducer.size) throw wrongValue(call, `${name}.exchange()`, wanted, all);
  all.forEach((array, rank) => {
    checkNumbers(call, `${name}.exchange()[${rank}]`, array, values.length, wanted);
  });
  return all;
}

/**
 * `join` of what all ranks have.
 *
 * @param name what the call calls its reducer
 * @param count how many rows `join` makes
 */
export function allreduce(
  call: string,
  name: string,
  reducer: Reducer,
  own: Columns,
  join: Join,
  count: number,
  tag?: ExchangeTag,
): readonly Float64Array[] {
  if (reducer.allreduce === undefined)
    return allreduceByExchange(own, join, (values) => exchange(call, name, reducer, values, tag));
  const columns = own.rows[0].length;
  const answer = `${name}.allreduce()`;
  const all = reducer.allreduce(own, checkedJoin(call, answer, reducer.size, own, join), tag);
  const wanted = `rows of ${columns} numbers`;
  if (!Array.isArray(all)) throw wrongKind(call, answer, `${count} ${wanted}`, all);
  all.forEach((row, i) => {
    checkNumbers(call, `${answer}[${i}]`, row, columns, wanted);
  });
  if (all.length !== count) throw wrongValue(call, answer, `${count} ${wanted}`, all);
  return all;
}

/** For reducers of others, which divide columns in their own way. */
function checkedJoin(call: string, name: string, size: number, own: Columns, join: Join): Join {
  const rowsWanted = `${own.rows.length} rows`;
  return (ranks, start) => {
    if (!Array.isArray(ranks)) throw wrongKind(call, `${name}: join(ranks)`, `columns of ${size} ranks`, ranks);
    if (ranks.length !== size) throw wrongValue(call, `${name}: join(ranks)`, `columns of ${size} ranks`, ranks);
    const length = ranks[0]?.rows?.[0]?.length;
    ranks.forEach((columns: Partial<Columns> | undefined, rank) => {
      const { head, rows } = columns ?? {};
      const where = `${name}: join(ranks)[${rank}]`;
      checkNumbers(call, `${where}.head`, head, own.head.length, `${own.head.length} numbers`);
      if (!Array.isArray(rows)) throw wrongKind(call, `${where}.rows`, rowsWanted, rows);
      if (rows.length !== own.rows.length) throw wrongValue(call, `${where}.rows`, rowsWanted, rows);
      rows.forEach((row: unknown, i) => {
        checkNumbers(call, `${where}.rows[${i}]`, row, length, `${length} numbers, as in all rows`);
      });
    });
    const last = own.rows[0].length - length;
    if (!(Number.isInteger(start) && start >= 0 && start <= last)) {
      throw wrongValue(call, `${name}: join(ranks, start)`, `an integer from 0 to ${last}`, start);
    }
    return join(ranks, start);
  };
}

function checkNumbers(call: string, name: string, array: unknown, length: number, wanted: string): void {
  if (kindOf(array) !== 'Float64Array') throw wrongKind(call, name, `a Float64Array: ${wanted}`, array);
  if ((array as Float64Array).length !== length) throw wrongValue(call, name, wanted, array);
}

/**
 * Counts as `join` made them of those of all ranks: on every rank alike, since all have joined the same.
 *
 * @throws RangeError where a rank sent one that is none
 */
export function checkCounts(call: string, name: string, counts: Float64Array): void {
  const wrong = counts.find((count) => !isCount(count));
  if (wrong === undefined) return;
  const from = Number.isInteger(wrong) && wrong < 0 ? `rank ${-1 - wrong}` : 'some rank';
  const wanted = 'from every rank a count of values that is finite and >= 0';
  throw new RangeError(expected(call, `${name}.exchange()`, wanted, `another from ${from}`));
}

/**
 * Counts and exact sums as they were added of those of all ranks: whole numbers, and no count below 0 first.
 *
 * @throws RangeError where they cannot be
 */
export function checkExactSums(call: string, name: string, sums: Float64Array): void {
  const isWhole = sums[0] >= 0 && sums.every(Number.isSafeInteger);
  if (isWhole) return;
  throw new RangeError(expected(call, `${name}.exchange()`, 'whole numbers from every rank', 'other numbers'));
}

/** How many layers each reducer has, of whichever kind: their tags are told apart by it. */
const layers = new WeakMap<Reducer, number>();

/** Which of the reducer's layers the next one is. */
export function nextLayer(reducer: Reducer): number {
  const layer = layers.get(reducer) ?? 0;
  layers.set(reducer, layer + 1);
  return layer;
}

/** Everyone joins everything. */
export function allreduceByExchange(
  { head, rows }: Columns,
  join: Join,
  exchange: (values: Float64Array) => readonly Float64Array[],
): readonly Float64Array[] {
  const columns = rows[0].length;
  const values = new Float64Array(head.length + rows.length * columns);
  values.set(head);
  writeRows(values.subarray(head.length), rows, columns);
  return join(
    exchange(values).map((sent) => columnsOf(sent, head.length, rows.length)),
    0,
  );
}
