/** The loss along the direction of a step, and how far the gradient turns on the way. */
import { type Images, minibatches } from '../data/dataset.js';
import type { Network } from '../net/network.js';
import { looksOf } from '../runs/trials.js';
import { batchOf, networkOf, RATE } from './setting.js';
import type { Trial } from './trial.js';

/** Parts of a step that is RATE times the gradient long. */
const PARTS = [0.5, 1, 2, 4];

/**
 * At each look: the `least` and the `most` loss of the minibatch where its step would lead, for steps of half to four
 * times the length, and `turn`: the largest change of the gradient there, in lengths of the gradient at the start.
 */
export const tryLandscape: Trial = async (job, data, listen) => {
  const network = networkOf(job, data);
  const { looks, every } = looksOf(job.steps);
  const batches = minibatches(data.train, batchOf(data), job.seed);
  const [least, most, turn]: [number[], number[], number[]] = [[], [], []];
  for (let step = 1; step <= job.steps; step++) {
    const images = batches.next().value;
    if (step % every === 0 && least.length < looks) {
      const found = lookAlong(network, images);
      least.push(Math.min(...found.losses));
      most.push(Math.max(...found.losses));
      turn.push(found.turn);
    }
    network.step(images, RATE);
    await listen(step);
  }
  network.dispose();
  return { least, most, turn };
};

/** Leaves the network where it was. */
function lookAlong(network: Network, images: Images): { readonly losses: number[]; readonly turn: number } {
  network.differentiate(images);
  const start = network.layers.flatMap((layer) => layer.parameters());
  const kept = start.map(({ value }) => value.slice());
  const slope = start.map(({ gradient }) => gradient.slice());
  let turn = 0;
  const losses = PARTS.map((part) => {
    start.forEach(({ value }, k) => {
      for (let i = 0; i < value.length; i++) value[i] = kept[k][i] - part * RATE * slope[k][i];
    });
    const loss = network.differentiate(images);
    const there = network.layers.flatMap((layer) => layer.parameters());
    turn = Math.max(turn, lengthOf(there.map(({ gradient }, k) => gradient.map((g, i) => g - slope[k][i]))));
    return loss;
  });
  start.forEach(({ value }, k) => {
    value.set(kept[k]);
  });
  return { losses, turn: turn / lengthOf(slope) };
}

function lengthOf(vectors: readonly Float32Array[]): number {
  return Math.sqrt(vectors.reduce((sum, vector) => sum + vector.reduce((own, value) => own + value * value, 0), 0));
}
