/** TensorFlow.js as the host of a layer: ours and its own side by side. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tfl from '@tensorflow/tfjs-layers';
import { type BatchNormalizationConfig, batchNormalization } from 'batchnorm/tfjs';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';

export type HostName = 'cpu' | 'wasm';
export type Layer = tfl.layers.Layer;
export type Config = BatchNormalizationConfig;

export const ours = (config?: Config): Layer => batchNormalization(config);
export const theirs = (config?: Config): Layer => tfl.layers.batchNormalization(config);

/** TensorFlow.js sums in float32; the difference is its error, relative to the largest value. */
export const THEIR_ERROR = 2e-6;
/**
 * What float32 allows, relative to the largest value: docs/numerics.md has the bounds, of a few units in the last
 * place.
 */
export const OUR_ERROR = 5e-7;

/**
 * A suite on a backend of TensorFlow.js; it runs by itself, after the module that asks for it. Tensors end with their
 * test.
 */
export function suiteOn(host: HostName, title: string): Test {
  const test = suite(`tfjs ${host}: ${title}`);
  test.before(() => tf.enableProdMode()); // no banner about other backends
  test.before.each(async () => {
    await tf.setBackend(host);
    tf.engine().startScope();
  });
  test.after.each(() => tf.engine().endScope());
  queueMicrotask(() => test.run());
  return test;
}

/** Our layer and the original with equal random weights. */
export function pair(config: Config, shape: number[]): [Layer, Layer] {
  const layers: [Layer, Layer] = [ours(config), theirs(config)];
  for (const each of layers) {
    each.build([null, ...shape.slice(1)]);
    randomize(each);
  }
  return layers;
}

/** Around 2 what scales (gamma, moving_variance), around 0 what shifts. */
export function randomize(layer: Layer): void {
  const values = layer.weights.map(({ originalName, shape }, i) => {
    const scales = /gamma|variance/.test(originalName);
    return tf.add(random(shape as number[], 50 + i, 0, 0.2), scales ? 2 : 0);
  });
  layer.setWeights(values);
}

export function train(layer: Layer, x: tf.Tensor, mask?: tf.Tensor): tf.Tensor {
  return layer.apply(x, { training: true, ...(mask && { mask }) }) as tf.Tensor;
}

/** y, and the gradients of Σ y·dy for x and the learnt parameters. The moving statistics have taken in x once. */
export function gradients(layer: Layer, x: tf.Tensor, dy: tf.Tensor, options: object = { training: true }): number[][] {
  const forward = (input: tf.Tensor) => layer.apply(input, options) as tf.Tensor;
  const y = values(forward(x));
  const moving = layer.nonTrainableWeights.map((weight) => [weight, tf.clone(weight.read())] as const);
  const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const loss = () => tf.sum<tf.Scalar>(tf.mul(forward(x), dy));
  const dx = tf.grad((input: tf.Tensor) => tf.sum(tf.mul(forward(input), dy)))(x);
  const grads = weights.length > 0 ? tf.variableGrads(loss, weights).grads : {};
  for (const [weight, value] of moving) weight.write(value);
  return [y, values(dx), ...weights.map(({ name }) => values(grads[name]))];
}

export function weights(layer: Layer): number[][] {
  return layer.getWeights().map(values);
}

export function values(tensor: tf.Tensor | tf.Tensor[]): number[] {
  return Array.from((tensor as tf.Tensor).dataSync());
}

export function random(shape: number[], seed: number, mean = 0.5, deviation = 1): tf.Tensor {
  return tf.randomNormal(shape, mean, deviation, 'float32', seed + 1);
}

/** Each array within `tolerance`, relative to its largest expected value. */
export function close(
  actual: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
  names: readonly string[],
  tolerance: number,
): void {
  assert.equal([actual.length, expected.length], [names.length, names.length]);
  for (const [i, name] of names.entries()) {
    const [got, wanted] = [Array.from(actual[i]), Array.from(expected[i])];
    assert.is(got.length, wanted.length, name);
    const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    const error = got.reduce((most, value, j) => Math.max(most, Math.abs(value - wanted[j])), 0) / scale;
    if (!(error <= tolerance)) {
      assert.unreachable(`${name}: relative error ${error}, expected at most ${tolerance}`);
    }
  }
}

/** The model as it would be written to disk. */
export async function save(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      saved = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return saved!;
}

export async function load(artifacts: tf.io.ModelArtifacts): Promise<tfl.LayersModel> {
  return tfl.loadLayersModel(tf.io.fromMemory(artifacts));
}
