/** Several things in one exchange: its cost is mostly that of any message at all. */
import { GradientSums, gradientSumsOf, isGradientSums, sumsOf } from './gradient-sums.js';
import { wrongKind } from './messages.js';
import { arraysOf, isMoments, Moments, momentsOf } from './moments.js';
import { checkReducer, type ExchangeTag, exchange, type Reducer } from './reducer.js';

/**
 * Several arrays in one exchange, instead of one for each.
 *
 * @param arrays as many on every rank, and as long
 * @param tag what the exchange is about, for messages
 * @returns for each rank its arrays, in the order given
 * @throws TypeError, RangeError where it is no {@link Reducer}, or they are no Float64Arrays; and what its `exchange` throws
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
  checkReducer(call, 'reducer', reducer);
  if (!Array.isArray(arrays)) throw wrongKind(call, 'arrays', 'an array of Float64Array', arrays);
  arrays.forEach((array, i) => {
    if (!(array instanceof Float64Array)) throw wrongKind(call, `arrays[${i}]`, 'a Float64Array', array);
  });
  return exchangeJoined(call, reducer, arrays, tag);
}

function exchangeJoined(
  call: string,
  reducer: Reducer,
  arrays: readonly Float64Array[],
  tag: ExchangeTag | undefined,
): Float64Array[][] {
  const ends: number[] = [];
  for (const { length } of arrays) ends.push((ends.at(-1) ?? 0) + length);
  const message = new Float64Array(ends.at(-1) ?? 0);
  arrays.forEach((array, i) => {
    message.set(array, ends[i] - array.length);
  });
  return exchange(call, reducer, message, tag).map((sent) =>
    arrays.map(({ length }, i) => sent.slice(ends[i] - length, ends[i])),
  );
}

/**
 * What all ranks have seen together, of several {@link Moments} and {@link GradientSums} in one exchange: for functions instead of
 * layers, and for layers side by side, whose statistics can travel together. Merged in order of rank: the same bits on every rank.
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
  checkReducer(call, 'reducer', reducer);
  if (!Array.isArray(parts)) throw wrongKind(call, 'parts', 'an array of Moments and GradientSums', parts);
  const messages = parts.map((part: unknown, i) => messageOf(call, `parts[${i}]`, part));
  const sent = exchangeJoined(call, reducer, messages, tag);
  const merged = parts.map((part: Moments | GradientSums, i) => {
    const messages = sent.map((ofRank) => ofRank[i]);
    return isMoments(part) ? mergedMoments(part.channels, messages) : mergedSums(part.channels, messages);
  });
  return merged as { -readonly [K in keyof P]: P[K] extends Moments ? Moments : GradientSums };
}

function messageOf(call: string, name: string, part: unknown): Float64Array {
  if (isMoments(part)) {
    const { count, mean, variance } = arraysOf(part);
    return joined([count, mean, variance]);
  }
  if (!isGradientSums(part)) throw wrongKind(call, name, 'Moments or GradientSums', part);
  const { sumDy, sumDyDeviation } = sumsOf(part);
  return joined([Float64Array.of(part.count), sumDy, sumDyDeviation]);
}

function joined(arrays: readonly Float64Array[]): Float64Array {
  return Float64Array.from(arrays.flatMap((array) => [...array]));
}

function mergedMoments(c: number, messages: readonly Float64Array[]): Moments {
  const whole = new Moments(c);
  for (const sent of messages) {
    whole.merge(momentsOf({ count: sent.slice(0, c), mean: sent.slice(c, 2 * c), variance: sent.slice(2 * c) }));
  }
  return whole;
}

function mergedSums(c: number, messages: readonly Float64Array[]): GradientSums {
  const whole = new GradientSums(c);
  for (const sent of messages) {
    whole.merge(gradientSumsOf(sent[0], { sumDy: sent.slice(1, 1 + c), sumDyDeviation: sent.slice(1 + c) }));
  }
  return whole;
}
