/** What ranks join, of every kind and length: with an awkward number of columns, nothing, infinities and NaN. */
import { BatchNorm, GradientSums, Moments, mergeRanks, type Reducer, sumRanks } from 'batchnorm';
import { randomFor } from './random.js';

const CHANNELS = [1, 2, 7, 258, 3001, 9000];

export type Joined = Record<string, Float64Array | Float32Array>;

export function joinOfRanks(reducer: Reducer): Joined {
  const found: Joined = {};
  for (const channels of CHANNELS) {
    const random = randomFor(`columns of rank ${reducer.rank}, ${channels}`);
    const draw = (length: number) => Float32Array.from({ length }, () => 1000 * random.normal());
    const samples = reducer.rank === 1 ? 0 : 2 + reducer.rank;
    const x = draw(samples * channels);
    if (reducer.rank === 0) [x[0], x[channels - 1]] = [Number.POSITIVE_INFINITY, Number.NaN];
    const [moments, sums] = [new Moments(channels), new GradientSums(channels)];
    moments.add(x, [samples, channels]);
    const statistics = { mean: new Float64Array(channels), variance: new Float64Array(channels).fill(1) };
    sums.add(x, draw(x.length), [samples, channels], statistics);
    const [whole, none, total] = mergeRanks(reducer, [moments, new GradientSums(0), sums] as const);
    const [short, long] = sumRanks(reducer, [draw(3), Float64Array.from({ length: channels }, () => random.normal())]);
    const bn = new BatchNorm(channels, { synchronize: reducer, gradients: 'summed' });
    const y = bn.forward(x, [samples, channels]);
    const dx = bn.backward(draw(x.length));
    const { mean, variance, count } = whole;
    const { sumDy, sumDyDeviation } = total;
    const counts = Float64Array.of(none.count, total.count);
    const arrays = { mean, variance, count, sumDy, sumDyDeviation, counts, short, long, y, dx, dgamma: bn.dgamma };
    for (const [name, array] of Object.entries(arrays)) found[`${name} of ${channels}`] = array!.slice();
  }
  return found;
}
