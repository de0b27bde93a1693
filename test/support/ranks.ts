// Ranks without threads or processes.
import type { Reducer } from 'batchnorm';

/**
 * The results of all ranks of a job, which take turns in one thread: each runs again and again, with the answers to one
 * more exchange.
 *
 * @param run what a rank does, the same each time
 */
export function ranksOf<R>(size: number, run: (reducer: Reducer) => R): R[] {
  const sent: Float64Array[][] = Array.from({ length: size }, () => []);
  const stop = new Error('not yet');
  // What all ranks send in exchange k is known when it has been asked of each; so each rank runs again with one more
  // answer.
  for (let known = 0; ; known++) {
    const results = Array.from({ length: size }, (_, rank) => {
      let calls = 0;
      const exchange = (values: Float64Array) => {
        const call = calls++;
        sent[rank][call] = values.slice();
        if (call >= known) throw stop;
        return sent.map((of) => of[call]);
      };
      try {
        return { value: run({ rank, size, exchange }) };
      } catch (error) {
        if (error !== stop) throw error;
        return null;
      }
    });
    if (results.every((result) => result !== null)) return results.map(({ value }) => value);
  }
}
