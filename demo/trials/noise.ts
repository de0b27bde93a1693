/** Noise behind batch normalization: inputs of activations move more than without it, and training is as fast. */
import { inputs, minibatches } from '../data/dataset.js';
import { mean } from '../kit/statistics.js';
import type { Layer } from '../net/layer.js';
import { looksOf } from '../runs/trials.js';
import { batchOf, networkOf, RATE, testImages, UNITS } from './setting.js';
import type { Trial } from './trial.js';

/** In standard deviations of what it is added to. */
const NOISE = { mean: 2, deviation: 1 };

/**
 * `accuracy` on held-out images, and `motion`: how far the mean of what enters a unit of the last hidden layer moves
 * from one minibatch to the next, in its own standard deviations: the mean over units and steps since the last look.
 */
export const tryNoise: Trial = async (job, data, listen) => {
  const network = networkOf(job, data, job.variant === 'noisy' ? { noise: NOISE } : {});
  const batch = batchOf(data);
  const { looks, every } = looksOf(job.steps);
  const batches = minibatches(data.train, batch, job.seed);
  const [test, last] = [testImages(data), network.layers.at(-2) as Layer];
  const x = inputs(test);
  const [accuracy, motion]: [number[], number[]] = [[], []];
  let [before, moved] = [meansOf(last, batch), [] as number[]];
  for (let step = 1; step <= job.steps; step++) {
    network.step(batches.next().value, RATE);
    const now = meansOf(last, batch);
    if (step > 1) moved.push(distance(before, now));
    before = now;
    if (step % every === 0 && accuracy.length < looks) {
      accuracy.push(network.evaluate(x, test.labels).accuracy);
      motion.push(moved.length === 0 ? 0 : mean(moved)); // the first step has none before it
      moved = [];
    }
    await listen(step);
  }
  network.dispose();
  return { accuracy, motion };
};

interface Means {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Of what entered each unit in the last minibatch. */
function meansOf(layer: Layer, rows: number): Means {
  const values = layer.entering(rows);
  const [mean, square] = [new Float64Array(UNITS), new Float64Array(UNITS)];
  for (let i = 0; i < values.length; i++) {
    mean[i % UNITS] += values[i] / rows;
    square[i % UNITS] += values[i] ** 2 / rows;
  }
  return { mean, deviation: mean.map((value, unit) => Math.sqrt(Math.max(0, square[unit] - value ** 2))) };
}

function distance(before: Means, now: Means): number {
  const moves = Array.from(now.mean, (mean, unit) => Math.abs(mean - before.mean[unit]) / now.deviation[unit]);
  const finite = moves.filter(Number.isFinite);
  return finite.length === 0 ? 0 : mean(finite);
}
