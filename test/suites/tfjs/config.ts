/**
 * Configurations as they come from files: whatever TensorFlow.js' own layer takes, ours takes, and keeps as it was
 * given.
 */
import * as tf from '@tensorflow/tfjs-core';
import { BatchNorm, type ExchangeTag, type Reducer } from 'batchnorm';
import { BatchNormalization, register, unregister } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import {
  type Config,
  close,
  type HostName,
  load,
  ours,
  random,
  suiteOn,
  THEIR_ERROR,
  theirs,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const SHAPE = [2, 2, 2, 3];

/** Odd values of each field that the original makes something of. */
const TAKEN: Record<string, readonly unknown[]> = {
  axis: [3, -1, '3', [3], ['3'], [[3]], null, undefined],
  momentum: [0, 1, 0.5, '0.9', [0.9], true, false, null, undefined],
  epsilon: [0, 1e-7, 1, true, null, undefined],
  center: [true, 1, 'yes', null, undefined],
  scale: [true, 1, 'false', null, undefined],
  betaInitializer: ['', null, undefined, 'ones', { className: 'Constant', config: { value: 2 } }],
  gammaInitializer: ['', null, 'ones', { className: 'Constant', config: { value: 2 } }],
  movingMeanInitializer: ['', null, 'ones'],
  movingVarianceInitializer: ['', null, 'ones'],
  betaConstraint: [null, undefined, 'nonNeg', { className: 'NonNeg', config: {} }],
  gammaConstraint: [null, 'nonNeg'],
  betaRegularizer: [null, undefined, 'l1l2', { className: 'L1L2', config: { l1: 0.1, l2: 0 } }],
  gammaRegularizer: [null, 'l1l2'],
  dtype: ['float32', 'float16', 'int32', null, { className: 'Policy', config: { name: 'mixed_float16' } }],
  trainable: [true, null, undefined],
  // What Keras writes and TensorFlow.js does not know.
  renorm: [false, true],
  renormClipping: [{}],
  renormMomentum: [0.99],
  fused: [true, null],
  virtualBatchSize: [null, 8],
  adjustment: [null],
  synchronized: [false, true],
  synchronize: [null],
  gradients: [null],
  nonsense: [1, { a: 2 }],
};

/**
 * Values that are refused as soon as the layer is made. The original takes them, and fails later or computes nonsense.
 */
const REFUSED: [field: string, value: unknown, said: RegExp][] = [
  ['axis', [], /"axis" expected an integer, or a list of integers, got Array of length 0/],
  ['axis', 1.5, /"axis" expected an integer, or a list of integers, got 1.5/],
  ['axis', [1, 1.5], /"axis" expected an integer, or a list of integers, got 1.5/],
  ['axis', 'last', /"axis" expected .*, got "last"/],
  ['axis', '', /"axis"/],
  ['axis', true, /"axis" expected .*, got true/],
  ['axis', [null], /"axis"/],
  ['axis', {}, /"axis"/],
  ['axis', Number.NaN, /"axis"/],
  ['momentum', 1.01, /"momentum" expected a number from 0 to 1, got 1.01/],
  ['momentum', -0.1, /"momentum" expected a number from 0 to 1, got -0.1/],
  ['momentum', '2', /"momentum"/],
  ['momentum', 'high', /"momentum" expected a number from 0 to 1, got "high"/],
  ['momentum', Number.NaN, /"momentum"/],
  ['momentum', Infinity, /"momentum"/],
  ['momentum', {}, /"momentum"/],
  ['epsilon', -1e-3, /"epsilon" expected a finite number >= 0, got -0.001/],
  ['epsilon', '-1', /"epsilon"/],
  ['epsilon', Number.NaN, /"epsilon"/],
  ['epsilon', Infinity, /"epsilon"/],
  ['epsilon', {}, /"epsilon"/],
];

/** Everything that shows of a layer. */
function behaviour(make: typeof ours, config: Config): { kept: string; numbers: number[][] } {
  const layer = make({ ...config, name: 'norm' });
  const x = random(SHAPE, 1);
  layer.apply(x);
  layer.setWeights(layer.weights.map(({ shape }, i) => tf.abs(random(shape as number[], 10 + i))));
  const before = values(layer.apply(x) as tf.Tensor);
  const trained = values(train(layer, x));
  const { name, ...kept } = layer.getConfig();
  assert.is(name, 'norm');
  return { kept: JSON.stringify(kept), numbers: [before, trained, ...weights(layer)] };
}

export default function config(host: HostName): void {
  const test = suiteOn(host, 'config');
  test.after.each(() => unregister());

  for (const [field, all] of Object.entries(TAKEN)) {
    test(`${field}: what the original takes, with the same result and the same configuration`, () => {
      for (const value of all) {
        const given = { [field]: value } as Config;
        const [actual, expected] = [ours, theirs].map((make) => behaviour(make, given));
        assert.is(actual!.kept, expected!.kept, `${field}: ${JSON.stringify(value)}`);
        const names = expected!.numbers.map((_, i) => `${field}: ${JSON.stringify(value)}, ${i}`);
        close(actual!.numbers, expected!.numbers, names, THEIR_ERROR);
      }
    });
  }

  test('no configuration at all, and null', () => {
    for (const nothing of [undefined, null]) {
      const { name, ...kept } = ours(nothing as never).getConfig();
      const { name: other, ...expected } = theirs(nothing as never).getConfig();
      assert.equal(kept, expected);
      assert.not.equal(name, other);
    }
  });

  test('what makes no sense is refused when the layer is made, with its name', () => {
    for (const [field, value, said] of REFUSED) {
      const make = () => ours({ name: 'norm', [field]: value } as Config);
      assert.throws(make, (error: Error) => {
        assert.match(error.message, /^batchnorm: layer "norm": /);
        assert.match(error.message, said);
        return error instanceof RangeError || error instanceof TypeError;
      });
    }
  });

  test('a string of digits for epsilon is a number on every backend', () => {
    const x = random(SHAPE, 1);
    const given = ['0.01', 0.01].map((epsilon) => ours({ epsilon } as Config));
    const [text, number] = given.map((layer) => values(train(layer, x)));
    assert.equal(text, number);
    assert.is(given[0].getConfig()['epsilon'], '0.01');
  });

  test('a mask, and the last of the axes as a list', () => {
    const x = random([2, 3, 4], 1);
    const mask = tf.tensor2d([1, 1, 0, 1, 0, 0], [2, 3], 'bool');
    const [list, plain] = [ours({ axis: [2] } as never), ours()].map((layer) => values(train(layer, x, mask)));
    assert.equal(list, plain);
  });

  for (const axis of [3, [3], '3', -1]) {
    test(`a converted model with "axis": ${JSON.stringify(axis)} loads, predicts, trains and is saved`, async () => {
      const x = random(SHAPE, 1);
      const results = [];
      for (const registered of [false, true]) {
        if (registered) register();
        const model = await load(converted(axis));
        assert.is(model.layers[0] instanceof BatchNormalization, registered);
        const predicted = values(model.predict(x) as tf.Tensor);
        model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
        const { history } = await model.fit(x, tf.zeros(SHAPE), { verbose: 0, shuffle: false });
        const kept = JSON.stringify(model.layers[0].getConfig());
        results.push({ numbers: [predicted, history['loss'] as number[], ...weights(model.layers[0])], kept });
      }
      const [theirs, ours] = results;
      assert.is(ours!.kept, theirs!.kept);
      assert.equal(JSON.parse(ours!.kept).axis, axis);
      const names = ours!.numbers.map((_, i) => `${i}`);
      close(ours!.numbers, theirs!.numbers, names, THEIR_ERROR);
    });
  }

  test('layers of both kinds share one numbering of a reducer', () => {
    const tags: (ExchangeTag | undefined)[] = [];
    const exchange = (sent: Float64Array, tag?: ExchangeTag) => {
      tags.push(tag);
      return [sent.slice()];
    };
    const synchronize: Reducer = { rank: 0, size: 1, exchange };
    train(ours({ synchronize }), random([4, 1], 1));
    new BatchNorm(1, { synchronize }).forward(Float32Array.of(1, 2), [2, 1]);
    train(ours({ synchronize }), random([4, 1], 1));
    assert.equal(
      tags.map((tag) => tag?.layer),
      [0, 1, 2],
    );
  });
}

/** What tensorflowjs_converter writes of a model of tf.keras, whose batch normalization keeps its axis as a list. */
function converted(axis: unknown): tf.io.ModelArtifacts {
  const zeros = { class_name: 'Zeros', config: {} };
  const ones = { class_name: 'Ones', config: {} };
  const config = {
    ...{ name: 'bn', trainable: true, batch_input_shape: [null, ...SHAPE.slice(1)], dtype: 'float32' },
    ...{ axis, momentum: 0.99, epsilon: 0.001, center: true, scale: true },
    ...{ beta_initializer: zeros, gamma_initializer: ones },
    ...{ moving_mean_initializer: zeros, moving_variance_initializer: ones },
    ...{ beta_regularizer: null, gamma_regularizer: null, beta_constraint: null, gamma_constraint: null },
  };
  const layers = [{ class_name: 'BatchNormalization', config }];
  const names = ['gamma', 'beta', 'moving_mean', 'moving_variance'];
  return {
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 's', layers },
      keras_version: '2.4.0',
      backend: 'tensorflow',
    },
    weightSpecs: names.map((name) => ({ name: `bn/${name}`, shape: [3], dtype: 'float32' as const })),
    weightData: Float32Array.of(1, 2, 3, 0, 0, 1, 1, 2, 3, 4, 5, 6).buffer,
  };
}
