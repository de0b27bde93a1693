/**
 * Groups of channels by their definition, in float64: values that share statistics are a list of places in memory, each
 * with its channel. Gradients follow the chain rule through mean and variance. No line is shared with the library.
 */
import type { LayerCase } from './layer-cases.js';
import { sum } from './oracle.js';

type Numbers = ArrayLike<number>;

export interface GroupsProblem {
  readonly x: Numbers;
  readonly dy: Numbers;
  readonly gamma: Numbers;
  readonly beta: Numbers;
  readonly epsilon: number;
  readonly groups: number;
  /** The ghost batch of each sample. */
  readonly batches: readonly number[];
  /** The weight of each position, 0 for none. */
  readonly weights: Numbers | null;
}

interface Place {
  readonly k: number;
  readonly ch: number;
  readonly weight: number;
}

export function channelOf({ c, s }: LayerCase, k: number): number {
  return Math.floor(k / s) % c;
}

export function positionOf({ c, s }: LayerCase, k: number): number {
  return Math.floor(k / (c * s)) * s + (k % s);
}

/** Every list of places that share statistics. */
export function listsOf(sample: LayerCase, { x, groups, batches, weights }: GroupsProblem): Place[][] {
  const lists = new Map<string, Place[]>();
  for (let k = 0; k < x.length; k++) {
    const ch = channelOf(sample, k);
    const weight = weights === null ? 1 : weights[positionOf(sample, k)];
    const batch = batches[Math.floor((k * sample.samples) / x.length)];
    const key = `${Math.floor((ch * groups) / sample.c)} ${batch}`;
    if (!lists.has(key)) lists.set(key, []);
    if (weight > 0) lists.get(key)!.push({ k, ch, weight });
  }
  return [...lists.values()];
}

export function momentsOf(x: Numbers, places: readonly Place[]): { count: number; mean: number; variance: number } {
  const count = sum(places.map(({ weight }) => weight));
  const mean = sum(places.map(({ k, weight }) => weight * x[k])) / count;
  return { count, mean, variance: sum(places.map(({ k, weight }) => weight * (x[k] - mean) ** 2)) / count };
}

export function groupsTruth(sample: LayerCase, problem: GroupsProblem) {
  const { x, dy, gamma, beta, epsilon } = problem;
  const [y, dx] = [new Float64Array(x.length), new Float64Array(x.length)];
  const [dgamma, dbeta] = [new Float64Array(sample.c), new Float64Array(sample.c)];
  for (const places of listsOf(sample, problem)) {
    if (places.length === 0) continue;
    const { count, mean, variance } = momentsOf(x, places);
    const root = Math.sqrt(variance + epsilon);
    const dVariance = sum(places.map(({ k, ch }) => dy[k] * gamma[ch] * (x[k] - mean))) * (-1 / 2) * root ** -3;
    const dMean = -sum(places.map(({ k, ch }) => dy[k] * gamma[ch])) / root;
    for (const { k, ch, weight } of places) {
      y[k] = (gamma[ch] * (x[k] - mean)) / root + beta[ch];
      dx[k] = (dy[k] * gamma[ch]) / root + (weight * (dVariance * 2 * (x[k] - mean) + dMean)) / count;
      dgamma[ch] += (dy[k] * (x[k] - mean)) / root;
      dbeta[ch] += dy[k];
    }
  }
  return { y, dx, dgamma, dbeta };
}
