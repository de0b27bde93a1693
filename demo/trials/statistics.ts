/** Batch size and the statistics of inference: those of the test batch, running ones, exact ones, and a mixture. */
import { type NormalizeWith, populationStatistics } from 'batchnorm';
import { type Dataset, type Images, inputs, minibatches, select, slice } from '../data/dataset.js';
import { permutation, random } from '../data/random.js';
import { ConvolutionalNetwork } from '../net/convolutional.js';
import type { Layer } from '../net/layer.js';
import { SAMPLE_WEIGHT, TRIAL_LAYERS, type TrialJob } from '../runs/trials.js';
import { keepingScale, networkOf, testImages, UNITS } from './setting.js';
import type { Trial } from './trial.js';

/** For minibatches of REFERENCE images and more; smaller ones take smaller steps, in proportion. */
const RATE = 0.3;
const REFERENCE = 16;
/** Images that exact statistics are of, at most. */
const MOST_IMAGES = 2000;

/** A network, dense or convolutional. */
interface Subject {
  step(images: Images, rate: number): void;
  /** In evaluation. */
  accuracy(images: Images): number;
  /** Layers with batch normalization, in order, and the values that each has of one image in a channel. */
  readonly layers: readonly { readonly layer: Layer; readonly positions: number }[];
  dispose(): void;
}

/** Accuracy on held-out images with each kind of statistics; `mixed` of the convolutional network alone. */
export const tryStatistics: Trial = async (job, data, listen) => {
  const { train } = data;
  const some = slice(train, 0, Math.min(MOST_IMAGES, train.count));
  const test = testImages(data);
  const network = subjectOf(job, data, Math.max(some.count, test.count, job.size));
  const size = Math.min(job.size, train.count);
  const batches = minibatches(train, size, job.seed);
  const rate = RATE * Math.min(1, size / REFERENCE);
  for (let step = 1; step <= job.steps; step++) {
    network.step(batches.next().value, rate);
    await listen(step);
  }
  const batch = accuracyByBatch(network, test, Math.min(size, test.count), job.seed);
  const running = accuracyWith(network, test, 'running');
  // A dense layer has one value of a sample in each channel, which has no variance.
  const isDense = job.variant === 'dense';
  const mixed = isDense ? Number.NaN : accuracyWith(network, test, { sample: SAMPLE_WEIGHT });
  await setExactStatistics(network, some);
  const population = accuracyWith(network, test, 'running');
  network.dispose();
  return { batch: [batch], running: [running], population: [population], mixed: [mixed] };
};

function subjectOf(job: TrialJob, data: Dataset, rows: number): Subject {
  if (job.variant === 'convolutional') return new ConvolutionalNetwork(data.train, rows, job.seed);
  const deviation = keepingScale(UNITS);
  const network = networkOf({ ...job, size: TRIAL_LAYERS }, data, { activation: 'relu', deviation, rows });
  return {
    step: (images, rate) => network.step(images, rate),
    accuracy: (images) => network.evaluate(inputs(images), images.labels).accuracy,
    layers: network.layers.slice(0, -1).map((layer) => ({ layer, positions: 1 })),
    dispose: () => network.dispose(),
  };
}

function accuracyWith(network: Subject, images: Images, statistics: NormalizeWith): number {
  for (const { layer } of network.layers) if (layer.normalization) layer.normalization.normalizeWith = statistics;
  return network.accuracy(images);
}

/** In batches of the size that it was trained with, in a random order. */
function accuracyByBatch(network: Subject, test: Images, size: number, seed: number): number {
  const order = permutation(test.count, random(seed));
  const shares: number[] = [];
  for (let start = 0; start + size <= test.count; start += size) {
    shares.push(accuracyWith(network, select(test, order.subarray(start, start + size)), 'batch'));
  }
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

/** Layer by layer from the input on: each sees what the layers before it give with their exact statistics. */
async function setExactStatistics(network: Subject, images: Images): Promise<void> {
  for (const { layer, positions } of network.layers) {
    accuracyWith(network, images, 'running');
    const rows = images.count * positions;
    const x = layer.linear(rows);
    layer.normalization?.setStatistics(await populationStatistics([{ x, shape: [rows, x.length / rows] }]));
  }
}
