/** What a layer needs of the workers that normalise one batch together. */
import { wrongKind, wrongValue } from './messages.js';
import { checkSize } from './validate.js';

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
   */
  exchange(values: Float64Array): readonly Float64Array[];
}

/** @throws TypeError, RangeError where it is none */
export function checkReducer(call: string, name: string, reducer: Reducer): void {
  if (typeof reducer !== 'object' || reducer === null) throw wrongKind(call, name, 'a Reducer', reducer);
  const { rank, size } = reducer;
  if (typeof reducer.exchange !== 'function') {
    throw wrongKind(call, `${name}.exchange`, 'a function', reducer.exchange);
  }
  checkSize(call, `${name}.size`, size);
  checkSize(call, `${name}.rank`, rank);
  if (rank >= size) throw wrongValue(call, `${name}.rank`, `less than its size, ${size}`, rank);
}

/** What every rank sent: as many arrays as there are ranks, each as long as that of this one. */
export function exchange(call: string, reducer: Reducer, values: Float64Array): readonly Float64Array[] {
  const all = reducer.exchange(values);
  const wanted = `${reducer.size} arrays of ${values.length} numbers (one a rank)`;
  if (!Array.isArray(all) || all.length !== reducer.size) throw wrongValue(call, 'synchronize.exchange()', wanted, all);
  all.forEach((array, rank) => {
    if (array?.length !== values.length) throw wrongValue(call, `synchronize.exchange()[${rank}]`, wanted, array);
  });
  return all;
}
