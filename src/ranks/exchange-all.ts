/** Several things in one exchange: its cost is mostly that of any message at all. */

import { wrongKind } from '../arguments/messages.js';
import { RECORD } from '../kernels.js';
import { carried, momentsOfRecords, sumsOfRecords } from '../passes/exact.js';
import { type GradientSums, gradientSumsOf, isGradientSums, meanOf, sumsOf } from '../statistics/gradient-sums.js';
import { arraysOf, isMoments, type Moments, momentsOf } from '../statistics/moments.js';
import { type Join, joinCounts, joinMoments, joinStretches, joinSums } from './payload.js';
import {
  allreduce,
  checkCounts,
  checkExactSums,
  checkReducer,
  type ExchangeTag,
  exchange,
  type Reducer,
} from './reducer.js';

const NOTHING = new Float64Array(0);
const NAME = 'reducer';

/**
 * Several arrays in one exchange, instead of one for each.
 *
 * @param arrays as many on every rank, and as long
 * @param tag what the exchange is about, for messages
 * @returns for each rank its arrays, in the order given
 * @throws TypeError, RangeError where it is no {@link Reducer}, or they are no Float64Arrays; and what its `exchange`
 *   throws
 * @example
 * import { exchangeAll, ThreadReducer } from 'batchnorm';
 * const reducer = new ThreadReducer(ThreadReducer.memory(1, 8), 0); // here: a single rank
 * const gradients = [Float64Array.of(1, 2), Float64Array.of(3)];
 * const [first, ...others] = exchangeAll(reducer, gradients);
 * for (const sent of others) sent.forEach((array, i) => array.forEach((value, k) => (first[i][k] += value)));
 * console.log(first.map((array) => [...array])); // → [ [ 1, 2 ], [ 3 ] ]
 */
export function exchangeAll(reducer: Reducer, arrays: readonly Float64Array[], tag?: ExchangeTag): Float64Array[][] {
  const call = 'exchangeAll';
  checkReducer(call, NAME, reducer);
  if (!Array.isArray(arrays)) throw wrongKind(call, 'arrays', 'an array of Float64Array', arrays);
  arrays.forEach((array, i) => {
    if (!(array instanceof Float64Array)) throw wrongKind(call, `arrays[${i}]`, 'a Float64Array', array);
  });
  const ends = endsOf(arrays);
  return exchange(call, NAME, reducer, joined(arrays, ends), tag).map((sent) =>
    arrays.map(({ length }, i) => sent.slice(ends[i] - length, ends[i])),
  );
}

/**
 * The sums over all ranks of several arrays, in one exchange: gradients of all weights, losses. Added in float64 in
 * order of rank: the same bits on every rank. A reducer that divides the work among its ranks (that of `batchnorm/mpi`)
 * has each receive about twice the arrays, instead of those of all ranks.
 *
 * @param arrays as many on every rank, and as long
 * @param tag what the sums are of, for messages
 * @returns new ones; `arrays` stay as they are
 * @throws TypeError, RangeError where it is no {@link Reducer}, or they are no arrays of numbers; and what its
 *   `exchange` throws
 * @example
 * import { sumRanks, ThreadReducer } from 'batchnorm';
 * const reducer = new ThreadReducer(ThreadReducer.memory(1, 8), 0); // here: a single rank
 * const [gradient, loss] = sumRanks(reducer, [Float32Array.of(1, 2), Float64Array.of(0.5)]);
 * console.log([...gradient], [...loss]); // → [ 1, 2 ] [ 0.5 ]
 */
export function sumRanks(
  reducer: Reducer,
  arrays: readonly (Float32Array | Float64Array)[],
  tag?: ExchangeTag,
): Float64Array[] {
  const call = 'sumRanks';
  checkReducer(call, NAME, reducer);
  if (!Array.isArray(arrays)) throw wrongKind(call, 'arrays', 'an array of Float32Array or Float64Array', arrays);
  arrays.forEach((array, i) => {
    if (array instanceof Float32Array || array instanceof Float64Array) return;
    throw wrongKind(call, `arrays[${i}]`, 'a Float32Array or Float64Array', array);
  });
  const ends = endsOf(arrays);
  const [sums] = allreduce(call, NAME, reducer, { head: NOTHING, rows: [joined(arrays, ends)] }, joinSums, 1, tag);
  return arrays.map(({ length }, i) => sums.slice(ends[i] - length, ends[i]));
}

/**
 * Merges several {@link Moments} and {@link GradientSums} over all ranks, in one exchange: for functions instead of
 * layers, and for layers side by side, whose statistics can travel together. They are merged in order of rank, so that
 * every rank gets the same bits.
 *
 * @param parts what this rank has seen; the same kinds in the same order on every rank, and of as many channels
 * @param tag what the exchange is about, for messages
 * @returns new ones; `parts` stay as they are
 * @throws TypeError, RangeError where it is no {@link Reducer}, or they are neither; and what its `exchange` throws
 * @example
 * import { Moments, mergeRanks, ThreadReducer } from 'batchnorm';
 * const reducer = new ThreadReducer(ThreadReducer.memory(1, 8), 0); // here: a single rank
 * const parts = [new Moments(1).add(Float32Array.of(1, 3), [2, 1]), new Moments(2)];
 * const [left, right] = mergeRanks(reducer, parts);
 * console.log([...left.mean], [...right.count]); // → [ 2 ] [ 0, 0 ]
 */
export function mergeRanks<P extends readonly (Moments | GradientSums)[]>(
  reducer: Reducer,
  parts: P,
  tag?: ExchangeTag,
): { -readonly [K in keyof P]: P[K] extends Moments ? Moments : GradientSums } {
  const call = 'mergeRanks';
  checkReducer(call, NAME, reducer);
  if (!Array.isArray(parts)) throw wrongKind(call, 'parts', 'an array of Moments and GradientSums', parts);
  const own = parts.map((part: unknown, i) => rowsOf(call, `parts[${i}]`, part));
  const ends = endsOf(own.map(([row]) => row));
  const rows = [0, 1, 2].map((row) =>
    joined(
      own.map((of) => of[row]),
      ends,
    ),
  );
  const stretches = own.flatMap(([row], i) => joinsOf(parts[i], row.length));
  const isExact = parts.some(({ summation }) => summation === 'exact');
  const named: ExchangeTag | undefined = tag && isExact ? { ...tag, summation: 'exact' } : tag;
  const whole = allreduce(call, NAME, reducer, { head: NOTHING, rows }, joinStretches(stretches), 3, named);
  const merged = parts.map((part: Moments | GradientSums, i) => {
    const columns = whole.map((row) => row.subarray(ends[i] - own[i][0].length, ends[i]));
    return part.summation === 'exact' ? mergedExactly(call, part, columns) : mergedInOrder(call, part, columns);
  });
  return merged as { -readonly [K in keyof P]: P[K] extends Moments ? Moments : GradientSums };
}

/** How the columns of one part are joined. */
function joinsOf(part: Moments | GradientSums, columns: number): { readonly columns: number; readonly join: Join }[] {
  if (part.summation === 'exact') return [{ columns, join: joinSums }];
  if (isMoments(part)) return [{ columns, join: joinMoments }];
  return [
    { columns: 1, join: joinCounts },
    { columns: columns - 1, join: joinSums },
  ];
}

/** Three rows: of moments count, mean, variance; of sums the count, in a column before them, and the two sums. */
function rowsOf(call: string, name: string, part: unknown): Float64Array[] {
  if (!isMoments(part) && !isGradientSums(part)) throw wrongKind(call, name, 'Moments or GradientSums', part);
  const arrays = isMoments(part) ? arraysOf(part) : sumsOf(part);
  if ('records' in arrays) return exactRowsOf(part.count, arrays.records as Float64Array);
  if ('variance' in arrays) return [arrays.count, arrays.mean, arrays.variance];
  const { sumDy, sumDyDeviation } = arrays;
  const rows = [part.count as number, 0, 0].map((first) => new Float64Array(1 + sumDy.length).fill(first, 0, 1));
  rows[0].set(sumDy, 1);
  rows[1].set(sumDyDeviation, 1);
  return rows;
}

/** Counts and records, one behind the other, in three rows of the same length. */
function exactRowsOf(count: number | Float64Array, records: Float64Array): Float64Array[] {
  const counts = typeof count === 'number' ? [count] : count;
  const length = Math.ceil((counts.length + records.length) / 3);
  const all = new Float64Array(3 * length);
  all.set(counts);
  all.set(records, counts.length);
  return [0, 1, 2].map((row) => all.subarray(row * length, (row + 1) * length));
}

function mergedExactly(
  call: string,
  part: Moments | GradientSums,
  rows: readonly Float64Array[],
): Moments | GradientSums {
  const all = joined(rows, endsOf(rows));
  checkExactSums(call, NAME, all);
  const counts = isMoments(part) ? part.channels : 1;
  const records = carried(all.slice(counts, counts + part.channels * RECORD.numbers));
  if (isMoments(part)) return momentsOf(momentsOfRecords(all.slice(0, counts), records));
  const mean = meanOf(part) ?? new Float64Array(part.channels).fill(NaN);
  return gradientSumsOf(all[0], sumsOfRecords(records, mean), meanOf(part));
}

function mergedInOrder(
  call: string,
  part: Moments | GradientSums,
  [first, second, third]: readonly Float64Array[],
): Moments | GradientSums {
  checkCounts(call, NAME, isMoments(part) ? first : first.subarray(0, 1));
  if (isMoments(part)) return momentsOf({ count: first, mean: second, variance: third });
  return gradientSumsOf(first[0], { sumDy: first.subarray(1), sumDyDeviation: second.subarray(1) }, meanOf(part));
}

/** Where each array ends, when they lie one after the other. */
function endsOf(arrays: readonly ArrayLike<number>[]): number[] {
  const ends: number[] = [];
  for (const { length } of arrays) ends.push((ends.at(-1) ?? 0) + length);
  return ends;
}

function joined(arrays: readonly ArrayLike<number>[], ends: readonly number[]): Float64Array {
  const all = new Float64Array(ends.at(-1) ?? 0);
  arrays.forEach((array, i) => {
    all.set(array, ends[i] - array.length);
  });
  return all;
}
