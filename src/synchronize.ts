/** What workers that normalise one batch together tell each other. */
import type { GradientSums } from './kernels.js';
import { type MomentArrays, mergeMoments, newMoments } from './moment-arrays.js';
import { exchange, type Reducer } from './reducer.js';

/**
 * The statistics of all ranks' parts, merged in order of rank. What travels is count, mean and variance, [1 + 2c], so that
 * those of a single part arrive to the bit.
 */
export function synchronizeMoments(call: string, reducer: Reducer, part: MomentArrays): MomentArrays {
  const c = part.mean.length;
  const message = new Float64Array(1 + 2 * c);
  message[0] = part.count[0] ?? 0;
  message.set(part.mean, 1);
  message.set(part.variance, 1 + c);
  const whole = newMoments(c);
  for (const sent of exchange(call, reducer, message)) {
    const count = new Float64Array(c).fill(sent[0]);
    mergeMoments(whole, { count, mean: sent.subarray(1, 1 + c), variance: sent.subarray(1 + c) });
  }
  return whole;
}

/** The gradient sums of all ranks' parts, added in order of rank. */
export function synchronizeSums(call: string, reducer: Reducer, part: GradientSums): GradientSums {
  const c = part.sumDy.length;
  const message = new Float64Array(2 * c);
  message.set(part.sumDy);
  message.set(part.sumDyDeviation, c);
  const total = new Float64Array(2 * c);
  for (const sent of exchange(call, reducer, message)) {
    for (let k = 0; k < total.length; k++) total[k] += sent[k];
  }
  return { sumDy: total.subarray(0, c), sumDyDeviation: total.subarray(c) };
}
