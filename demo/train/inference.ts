/** Inference by three kinds of statistics: moving averages, those of the whole training set, those of a test batch. */
import { Moments } from 'batchnorm';
import { type Dataset, type Images, select, slice } from '../data/dataset.js';
import { permutation, random } from '../data/random.js';
import { finite, mean } from '../kit/statistics.js';
import type { ByBatch, Inference } from '../runs/results.js';
import { HIDDEN_LAYERS, HIDDEN_UNITS } from '../runs/settings.js';
import { accuracyOf } from './measure.js';
import type { Network } from './network.js';

const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** For statistics of test batches: so many random orders of at most so many test images. */
const ORDERS = 4;
const IMAGES = 512;
/** Images that are passed through the network at a time. */
const CHUNK = 1000;

/** Ends with the network. */
export function compareStatistics(network: Network, data: Dataset, seed: number): Inference {
  const { test } = data;
  const byMoving = network.evaluate(test).classes;
  const batches = SIZES.filter((size) => size <= test.count).map((size) => byBatch(network, test, size, seed));
  let drift = 0;
  for (let layer = 0; layer < HIDDEN_LAYERS; layer++) {
    const exact = populationOf(network, data.train, layer);
    drift = Math.max(drift, distance(network.movingMean(layer), exact));
    network.setStatistics(layer, exact.mean, exact.sampleVariance);
  }
  const byPopulation = network.evaluate(test).classes;
  network.dispose();
  return {
    moving: accuracyOf(byMoving, test.labels),
    population: accuracyOf(byPopulation, test.labels),
    agreement: accuracyOf(byPopulation, Uint8Array.from(byMoving)),
    drift: finite(drift) ?? 0,
    batches,
  };
}

/**
 * Of what enters the normalization of a layer, with the layers before it in inference. In chunks, which Moments
 * adds exactly.
 */
function populationOf(network: Network, images: Images, layer: number): Moments {
  const moments = new Moments(HIDDEN_UNITS);
  for (let start = 0; start < images.count; start += CHUNK) {
    const chunk = slice(images, start, Math.min(start + CHUNK, images.count));
    moments.add(network.normalizationInputs(chunk, layer), [chunk.count, HIDDEN_UNITS]);
  }
  return moments;
}

/** The largest difference of the means, in standard deviations. Units that never vary do not count. */
function distance(means: ArrayLike<number>, { mean, variance }: Moments): number {
  const distances = Array.from(means, (value, i) => Math.abs(value - mean[i]) / Math.sqrt(variance[i]));
  return Math.max(0, ...distances.filter(Number.isFinite));
}

function byBatch(network: Network, test: Images, size: number, seed: number): ByBatch {
  const next = random(seed);
  const count = Math.floor(Math.min(IMAGES, test.count) / size);
  const accuracies = Array.from({ length: ORDERS }, () => {
    const order = permutation(test.count, next);
    const right = Array.from({ length: count }, (_, i) => {
      const batch = select(test, order.subarray(i * size, (i + 1) * size));
      return accuracyOf(network.classifyByBatch(batch), batch.labels);
    });
    return mean(right);
  });
  return { size, accuracy: mean(accuracies), least: Math.min(...accuracies), most: Math.max(...accuracies) };
}
