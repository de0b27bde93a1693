/** The largest learning rate that a network bears, by its depth, and the scale of what enters its activations. */
import { minibatches } from '../data/dataset.js';
import { RATES } from '../runs/trials.js';
import { batchOf, keepingScale, networkOf, UNITS } from './setting.js';
import type { Trial } from './trial.js';

/**
 * For each of RATES the mean loss over the last third of the steps, `losses`, which is no number where it diverged; and
 * for each layer the root of the mean square of what enters its ReLUs after them at the smallest rate, `scale`.
 */
export const tryDepth: Trial = async (job, data, listen) => {
  const losses: number[] = [];
  let scale: number[] = [];
  for (const [i, rate] of RATES.entries()) {
    const network = networkOf(job, data, { activation: 'relu', deviation: keepingScale(UNITS) });
    const batches = minibatches(data.train, batchOf(data), job.seed);
    const last: number[] = [];
    for (let step = 1; step <= job.steps; step++) {
      const loss = network.step(batches.next().value, rate);
      if (3 * step > 2 * job.steps) last.push(loss);
      await listen(Math.floor((i * job.steps + step) / RATES.length));
      if (!Number.isFinite(loss)) break;
    }
    const isWhole = last.length > 0 && last.every(Number.isFinite) && 3 * last.length >= job.steps;
    losses.push(isWhole ? last.reduce((sum, loss) => sum + loss, 0) / last.length : Number.NaN);
    if (i === 0) scale = network.layers.slice(0, -1).map((layer) => rootMeanSquare(layer.entering(batchOf(data))));
    network.dispose();
  }
  return { losses, scale };
};

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
