/** Models with batch normalization, at random, and how they compare with those that have none. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { FoldedModel } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import type { Random } from './random.js';
import { close, type Layer, ours, random, randomize, theirs, values } from './tfjs.js';

/** Of float32 sums in another order of multiplication, relative to the largest output. */
const FOLDING_ERROR = 2e-5;

/** All weights at random, as after training: gamma may be 0 or negative. */
export function train(model: tfl.LayersModel, generator: Random): void {
  for (const layer of model.layers) {
    if (layer instanceof tfl.LayersModel) train(layer, generator);
    else if (layer.getClassName() === 'BatchNormalization') randomizeNorm(layer, generator);
    else {
      const shapes = layer.getWeights().map(({ shape }) => shape);
      layer.setWeights(shapes.map((shape) => random(shape, generator.integer(1e6), 0, 0.5)));
    }
  }
}

function randomizeNorm(layer: Layer, generator: Random): void {
  randomize(layer);
  const scaled = layer.getWeights().map((weight, i) => {
    const isGamma = layer.weights[i].originalName.includes('gamma');
    return isGamma
      ? tf.mul(weight, tf.tensor1d(factors(weight.size, generator)))
      : tf.mul(weight, generator.uniform() + 0.5);
  });
  layer.setWeights(scaled);
}

const factors = (length: number, generator: Random) =>
  Array.from({ length }, () => [0, -1, 1, 1][generator.integer(4)]);

export const pick = <T>(generator: Random, items: readonly T[]): T => items[generator.integer(items.length)];

/** Either make, with or without gamma and beta. */
export function norm(generator: Random, config: object = {}): Layer {
  const scale = generator.uniform() < 0.8;
  const center = generator.uniform() < 0.8;
  return pick(generator, [ours, theirs])({ scale, center, epsilon: pick(generator, [0, 1e-3]), ...config });
}

export function same(model: tfl.LayersModel, folded: FoldedModel, x: tf.Tensor | tf.Tensor[]): void {
  const [before, after] = [model, folded.model].map((each) => [each.predict(x)].flat().map(values)) as [
    number[][],
    number[][],
  ];
  close(
    after,
    before,
    before.map((_, i) => `output ${i}`),
    FOLDING_ERROR,
  );
  const largest = before.flat().reduce((most, value, i) => Math.max(most, Math.abs(value - after.flat()[i])), 0);
  assert.is(folded.measured, largest);
}

export function norms(model: tfl.LayersModel): string[] {
  return model.layers.filter((layer) => layer.getClassName() === 'BatchNormalization').map(({ name }) => name);
}

export function countNorms(model: tfl.LayersModel): number {
  const nested = model.layers.filter((layer) => layer instanceof tfl.LayersModel) as tfl.LayersModel[];
  return nested.reduce((sum, each) => sum + countNorms(each), norms(model).length);
}
