/** What the networks of the trials have in common. */
import type { Dataset, Images } from '../data/dataset.js';
import { slice } from '../data/dataset.js';
import { Network, type NetworkOptions } from '../net/network.js';
import type { TrialJob } from '../runs/trials.js';

export const UNITS = 64;
const BATCH = 64;
/** Sigmoids, in a setting that suits the network without batch normalization, too. */
export const RATE = 1;
export const DEVIATION = 0.3;
/** Held-out images that accuracies are of, at most. */
const MOST_IMAGES = 1000;

/** Images of a minibatch: there may be fewer to learn from. */
export function batchOf({ train }: Dataset): number {
  return Math.min(BATCH, train.count);
}

export function testImages({ test }: Dataset): Images {
  return slice(test, 0, Math.min(MOST_IMAGES, test.count));
}

/** Three hidden layers of sigmoids, unless said otherwise. */
export function networkOf({ variant, size, seed }: TrialJob, data: Dataset, changes: Partial<NetworkOptions> = {}) {
  const { rows, columns } = data.train;
  return new Network({
    ...{ depth: size, units: UNITS, activation: 'sigmoid', dropout: 0, deviation: DEVIATION, seed },
    normalized: variant !== 'plain',
    pixels: rows * columns,
    rows: Math.max(batchOf(data), testImages(data).count),
    ...changes,
  });
}

/** The deviation of initial weights that keeps the scale of what goes through ReLUs (He and others, 2015). */
export function keepingScale(inputs: number): number {
  return Math.sqrt(2 / inputs);
}
