/** What a layer needs of the workers that normalise one batch together. */
import { type Columns, columnsOf, type Join, writeRows } from './columns.js';
import { wrongKind, wrongValue } from './messages.js';
import { checkSize } from './validate.js';

/**
 * What an exchange is about. Ranks that send the same tag are at the same place of the same program, which a reducer may
 * check; that of `batchnorm/mpi` does.
 */
export interface ExchangeTag {
  /** Which of the layers that were made with this reducer: 0 is the first. Make them in the same order on every rank. */
  readonly layer: number;
  /** Its channels. */
  readonly channels: number;
  /** What it is doing. */
  readonly pass: 'forward' | 'backward';
  /** How many times it has done so: 1 is the first. */
  readonly step: number;
}

/**
 * One of several workers that each hold a part of a batch. Anything that can hand an array to all others and wait for
 * theirs can be one: threads that share memory ({@link ThreadReducer}), processes under MPI. Where waiting is not possible
 * (sockets, promises), {@link Moments} and {@link GradientSums} are what to send.
 */
export interface Reducer {
  /** Which of them this is: 0 to size − 1. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /**
   * Gives `values` to the others, and returns those of all, in order of rank; that of this rank among them. All ranks call
   * it equally often, with arrays of the same length. Blocks until all have called; should throw rather than wait forever.
   *
   * @param tag what layers say of their exchanges, for messages; yours to ignore
   */
  exchange(values: Float64Array, tag?: ExchangeTag): readonly Float64Array[];
  /**
   * Optional: `join` of what all ranks have, the same on every rank. Without it, all of it is exchanged, and every rank joins all
   * of it; here ranks may divide the columns among them, so that what each receives and joins does not grow with their number.
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

/** What every rank sent: as many arrays as there are ranks, each as long as that of this one. */
export function exchange(
  call: string,
  reducer: Reducer,
  values: Float64Array,
  tag?: ExchangeTag,
): readonly Float64Array[] {
  const all = reducer.exchange(values, tag);
  const wanted = `${reducer.size} arrays of ${values.length} numbers (one a rank)`;
  if (!Array.isArray(all) || all.length !== reducer.size) throw wrongValue(call, 'synchronize.exchange()', wanted, all);
  all.forEach((array, rank) => {
    if (array?.length !== values.length) throw wrongValue(call, `synchronize.exchange()[${rank}]`, wanted, array);
  });
  return all;
}

/** `join` of what all ranks have. */
export function allreduce(
  call: string,
  reducer: Reducer,
  own: Columns,
  join: Join,
  tag?: ExchangeTag,
): readonly Float64Array[] {
  if (reducer.allreduce === undefined)
    return allreduceByExchange(own, join, (values) => exchange(call, reducer, values, tag));
  const columns = own.rows[0].length;
  const all = reducer.allreduce(own, join, tag);
  const wanted = `rows of ${columns} numbers`;
  if (!Array.isArray(all)) throw wrongValue(call, 'synchronize.allreduce()', wanted, all);
  all.forEach((row, i) => {
    if (row?.length !== columns) throw wrongValue(call, `synchronize.allreduce()[${i}]`, wanted, row);
  });
  return all;
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
