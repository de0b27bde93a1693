/** What TensorFlow.js' own layer does right: the same, live, step by step. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as assert from 'uvu/assert';
import {
  type Config,
  close,
  gradients,
  type HostName,
  type Layer,
  ours,
  pair,
  random,
  suiteOn,
  THEIR_ERROR,
  theirs,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const SHAPES = [
  [32, 5],
  [6, 7, 5],
  [4, 3, 5, 7],
];
const WEIGHTS = ['gamma', 'beta', 'moving_mean', 'moving_variance'];
const GRADIENTS = ['y', 'dx', 'dgamma', 'dbeta'];

/** Steps of a fit, and how far rounding may have driven two of them apart: chaos multiplies it. */
const STEPS = 50;
const DRIFT = 1e-5;

const CONFIGS: Record<string, Config> = {
  'by default': {},
  'with everything set': {
    momentum: 0.9,
    epsilon: 1e-2,
    gammaInitializer: tfl.initializers.randomUniform({ minval: 0.5, maxval: 2, seed: 3 }),
    betaInitializer: 'ones',
    movingMeanInitializer: 'ones',
    movingVarianceInitializer: tfl.initializers.constant({ value: 3 }),
    gammaRegularizer: tfl.regularizers.l2({ l2: 0.05 }),
    betaRegularizer: 'l1l2',
    gammaConstraint: 'nonNeg',
    betaConstraint: tfl.constraints.maxNorm({ maxValue: 1 }),
  },
};

export default function conformance(host: HostName): void {
  const test = suiteOn(host, 'conformance');

  for (const shape of SHAPES) {
    test(`trains as the original: outputs, gradients, moving statistics, rank ${shape.length}`, () => {
      const layers = pair({ momentum: 0.9, epsilon: 1e-2 }, shape);
      for (let step = 0; step < 4; step++) {
        const [actual, expected] = layers.map((each) =>
          gradients(each, random(shape, step), random(shape, 100 + step)),
        );
        close(actual!, expected!, GRADIENTS, THEIR_ERROR);
        close(weights(layers[0]), weights(layers[1]), WEIGHTS, THEIR_ERROR);
      }
    });

    test(`infers as the original, with gradients, rank ${shape.length}`, () => {
      const layers = pair({}, shape);
      const before = weights(layers[0]);
      const [actual, expected] = layers.map((each) => gradients(each, random(shape, 1), random(shape, 2), {}));
      close(actual!, expected!, GRADIENTS, THEIR_ERROR);
      assert.equal(weights(layers[0]), before, 'inference leaves the weights alone');
    });
  }

  test('moving statistics follow as in the original, bit for bit', () => {
    const layers = [ours({ momentum: 0.9 }), theirs({ momentum: 0.9 })];
    for (let step = 0; step < 10; step++) {
      const x = tf.tensor2d(
        [0, 10, 2, 30].map((value) => value * step),
        [2, 2],
      ); // whose mean and variance are exact
      const [actual, expected] = layers.map((layer) => {
        train(layer, x);
        return weights(layer);
      });
      assert.equal(actual, expected);
    }
  });

  for (const [title, config] of Object.entries(CONFIGS)) {
    test(`fits as the original over ${STEPS} steps, ${title}`, async () => {
      const [actual, expected] = [await fit(ours, config), await fit(theirs, config)];
      assert.is(expected.losses.length, STEPS);
      assert.ok(expected.losses.at(-1)! < 0.9 * expected.losses[0], 'the loss falls');
      close([actual.losses], [expected.losses], ['losses'], DRIFT);
      close(actual.weights, expected.weights, expected.names, DRIFT);
      close([actual.prediction], [expected.prediction], ['prediction'], DRIFT);
    });
  }

  // TensorFlow.js' wasm backend has no gradient for the filters of a convolution.
  if (host === 'cpu') {
    test(`fits a convolutional network as the original over ${STEPS} steps`, async () => {
      const [actual, expected] = [await fit(ours, {}, convolutional), await fit(theirs, {}, convolutional)];
      close([actual.losses], [expected.losses], ['losses'], DRIFT);
      close(actual.weights, expected.weights, expected.names, DRIFT);
    });
  }
}

type Make = (config?: Config) => Layer;
type Build = (make: Make, config: Config) => tfl.Sequential;

const INPUTS = 12;
const kernel = (seed: number) => ({
  kernelInitializer: tfl.initializers.randomNormal({ mean: 0, stddev: 0.3, seed }),
  useBias: false,
});

const dense: Build = (make, config) =>
  tfl.sequential({
    layers: [
      tfl.layers.dense({ units: 8, inputShape: [INPUTS], ...kernel(1) }),
      make(config),
      tfl.layers.reLU(),
      tfl.layers.dense({ units: 8, ...kernel(2) }),
      make(config),
      tfl.layers.dense({ units: 3, ...kernel(3) }),
    ],
  });

const convolutional: Build = (make, config) =>
  tfl.sequential({
    layers: [
      tfl.layers.reshape({ targetShape: [3, 4, 1], inputShape: [INPUTS] }),
      tfl.layers.conv2d({ filters: 4, kernelSize: 2, ...kernel(1) }),
      make(config),
      tfl.layers.reLU(),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 3, ...kernel(2) }),
    ],
  });

/** Every loss, and what has become of the weights. */
async function fit(make: Make, config: Config, build: Build = dense) {
  const model = build(make, config);
  model.compile({ optimizer: tf.train.sgd(0.02), loss: 'meanSquaredError' });
  const [x, y] = [random([80, INPUTS], 1), random([80, 3], 2)];
  const losses: number[] = [];
  const onBatchEnd = (_batch: number, logs?: { loss?: number }) => void losses.push(logs!.loss!);
  await model.fit(x, y, { epochs: STEPS / 5, batchSize: 16, shuffle: false, verbose: 0, callbacks: { onBatchEnd } });
  const result = {
    losses,
    weights: model.getWeights().map(values),
    names: model.weights.map(({ originalName }) => originalName),
    prediction: values(model.predict(x)),
  };
  model.dispose();
  return result;
}
