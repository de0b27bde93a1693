/** Exact sums of a batch in pieces, as text: the same from Node.js and from a page, which has no process. */
import { BatchNorm, GradientSums, Moments } from 'batchnorm';

const SHAPE_OF_SAMPLE = [3, 4];
const SAMPLE = 12;

export function exactText(x: readonly number[], dy: readonly number[], pieces: number): string {
  const samples = x.length / SAMPLE;
  const channels = SHAPE_OF_SAMPLE[0];
  const options = { summation: 'exact' } as const;
  const shapeOf = (part: Float32Array) => [part.length / SAMPLE, ...SHAPE_OF_SAMPLE];
  const cut = (all: readonly number[]) =>
    Array.from({ length: pieces }, (_, piece) => {
      const ends = [piece, piece + 1].map((k) => Math.floor((k * samples) / pieces) * SAMPLE);
      return Float32Array.from(all.slice(...ends));
    });
  const [xs, dys] = [cut(x), cut(dy)];
  const moments = new Moments(channels, options);
  for (const part of xs) moments.add(part, shapeOf(part));
  const { mean, variance } = moments;
  const sums = new GradientSums(channels, options);
  for (const [i, part] of xs.entries()) sums.add(dys[i], part, shapeOf(part), { mean, variance });
  const bn = new BatchNorm(channels, options);
  bn.setStatistics(moments);
  return JSON.stringify([moments, sums, bn.state(), [...mean], [...sums.sumDyDeviation]]);
}
