/** The layer among TensorFlow.js' layers: configuration, names, files, `trainable`, and what it accepts and refuses. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { BatchNormalization, batchNormalization } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import {
  type Config,
  close,
  gradients,
  type HostName,
  load,
  OUR_ERROR,
  ours,
  random,
  randomize,
  save,
  suiteOn,
  THEIR_ERROR,
  theirs,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const CONFIGS: Config[] = [
  {},
  { axis: 1, momentum: 0.5, epsilon: 1e-5, center: false, gammaInitializer: 'zeros', betaConstraint: 'nonNeg' },
  { scale: false, gammaRegularizer: 'l1l2', movingMeanInitializer: tfl.initializers.constant({ value: 3 }) },
  { trainable: false, betaRegularizer: tfl.regularizers.l2({ l2: 0.1 }), gammaConstraint: 'nonNeg' },
];

export default function layer(host: HostName): void {
  const test = suiteOn(host, 'layer');

  test('has the defaults, configuration, weights and serialised form of the original', () => {
    for (const config of CONFIGS) {
      const [actual, expected] = [ours, theirs].map((make) => {
        const norm = make({ ...config, name: 'norm', inputShape: [4, 4] });
        const model = tfl.sequential({ name: 'model', layers: [norm] });
        const shapes = norm.weights.map(({ name, shape, dtype }) => [name.replace(/_\d+$/, ''), shape, dtype]);
        return [model.toJSON(null, false), shapes, norm.trainableWeights.length, norm.countParams()];
      });
      assert.equal(actual, expected);
    }
    assert.is(BatchNormalization.className, 'BatchNormalization');
  });

  test('does not shift the automatic names of layers', () => {
    const names = [theirs().name, ours().name].map((name) => Number(/\d+$/.exec(name)![0]));
    assert.is(names[1], names[0] + 1);
  });

  test('what ours saved, the original loads, and the other way round: weights to the bit', async () => {
    for (const config of CONFIGS) {
      const x = random([8, 4, 4], 7);
      const model = (make: typeof ours) => tfl.sequential({ layers: [make({ ...config, inputShape: [4, 4] })] });
      for (const [make, cls] of [
        [ours, theirs().constructor],
        [theirs, BatchNormalization],
      ] as const) {
        const saved = model(make);
        randomize(saved.layers[0]);
        const loaded = await loadAs(cls, await save(saved));
        assert.is(loaded.layers[0].constructor, cls);
        assert.equal(loaded.getWeights().map(values), saved.getWeights().map(values));
        assert.equal((await save(loaded)).weightData, (await save(saved)).weightData);
        // For the channels on axis 1 the original is wrong.
        if (config.axis === 1) continue;
        close([values(loaded.predict(x))], [values(saved.predict(x))], ['y'], THEIR_ERROR);
      }
    }
  });

  test('varianceEstimator: biased as TensorFlow.js by default, else as the paper; it is saved', async () => {
    const x = tf.tensor2d([0, 10, 2, 30], [2, 2]);
    const variances = [undefined, 'biased', 'unbiased'] as const;
    const found = variances.map((varianceEstimator) => {
      const norm = batchNormalization({ momentum: 0.75, varianceEstimator });
      train(norm, x);
      return weights(norm).slice(2);
    });
    const biased = [0.75 + 0.25 * 1, 0.75 + 0.25 * 100];
    assert.equal(found[0], [[0.25, 5], biased]);
    assert.equal(found[1], found[0]);
    assert.equal(found[2], [[0.25, 5], biased.map((value) => 0.75 + (value - 0.75) * 2)]);

    const model = tfl.sequential({ layers: [batchNormalization({ varianceEstimator: 'unbiased', inputShape: [2] })] });
    const loaded = await loadAs(BatchNormalization, await save(model));
    assert.is(loaded.layers[0].getConfig()['varianceEstimator'], 'unbiased');
    assert.not.ok('varianceEstimator' in batchNormalization({ varianceEstimator: 'biased' }).getConfig());
    // @ts-expect-error: neither of the two.
    const wrong = () => batchNormalization({ varianceEstimator: 'sample' });
    assert.throws(wrong, /"varianceEstimator" expected 'biased' or 'unbiased', got "sample"/);
  });

  test('trainable: false normalises by the moving statistics in training, and nothing changes', async () => {
    const x = random([16, 3], 1);
    const y = random([16, 2], 2);
    const freezings: ((model: tfl.Sequential) => void)[] = [
      (model) => {
        model.layers[0].trainable = false;
      },
      // In TensorFlow.js this reaches the weights of the layers, but not the layers.
      (model) => {
        model.trainable = false;
      },
    ];
    for (const freeze of freezings) {
      const norm = ours({ inputShape: [3] });
      const model = tfl.sequential({ layers: [norm, tfl.layers.dense({ units: 2 })] });
      randomize(norm);
      const before = weights(norm);
      freeze(model);
      const options = { training: true };
      assert.equal(values(norm.apply(x, options) as tf.Tensor), values(norm.apply(x) as tf.Tensor));
      const dx = (options: object) => values(tf.grad((x: tf.Tensor) => norm.apply(x, options) as tf.Tensor)(x));
      assert.equal(dx(options), dx({}));
      if (model.trainable) {
        model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
        await model.fit(x, y, { epochs: 2, verbose: 0 });
      }
      assert.equal(weights(norm), before);
      norm.trainable = true;
      assert.not.equal(values(norm.apply(x, options) as tf.Tensor), values(norm.apply(x) as tf.Tensor));
    }
  });

  test('gradients use the parameters that the forward pass saw', () => {
    const norm = ours();
    const [x, dy] = [random([8, 2], 1), random([8, 2], 2)];
    norm.build([null, 2]);
    const before = gradients(norm, x, dy)[1];
    const late = tf.grad((input: tf.Tensor) => {
      const loss = tf.sum(tf.mul(train(norm, input), dy));
      norm.trainableWeights[0].write(tf.tensor1d([5, 5]));
      return loss;
    })(x);
    assert.equal(values(late), before);
  });

  test('one value per channel gives beta; no value leaves the moving statistics alone; integers are cast', () => {
    const norm = ours({ betaInitializer: 'ones' });
    assert.equal(values(train(norm, tf.tensor2d([7, 8], [1, 2]))), [1, 1]);
    const before = weights(norm);
    assert.equal(train(norm, tf.zeros([0, 2])).shape, [0, 2]);
    assert.equal(weights(norm), before);
    const integers = train(norm, tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'));
    assert.is(integers.dtype, 'float32');
    assert.equal(values(integers), values(train(norm, tf.tensor2d([1, 2, 3, 4], [2, 2]))));
  });

  test('refuses what it cannot take, and stays as it is', () => {
    const norm = ours({ name: 'norm' });
    const x = random([4, 2], 1);
    train(norm, x);
    const before = weights(norm);
    assert.throws(() => norm.apply([x, x]), /expects 1 inputs|expected one input/);
    assert.throws(() => train(norm, random([4, 2, 2], 1)), /expected ndim=2/);
    assert.throws(() => train(ours({ epsilon: -1 }), x), /"epsilon" expected a finite number >= 0, got -1/);
    assert.throws(() => ours({ axis: 5 }).build([null, 2]), /Axis 5 of input tensor should have a defined dimension/);
    assert.equal(weights(norm), before);
  });

  test('tells the time that it takes', () => {
    const norm = batchNormalization();
    assert.equal(norm.elapsed, { forward: 0, backward: 0, inference: 0 });
    const x = random([8, 2], 1);
    norm.apply(x);
    assert.ok(norm.elapsed.inference > 0 && norm.elapsed.forward === 0);
    gradients(norm, x, x);
    assert.ok(norm.elapsed.forward > 0 && norm.elapsed.backward > 0);
  });

  test('any rank equals rank 2 of the same rows, bit for bit', () => {
    for (const shape of [
      [6, 4, 3],
      [2, 3, 2, 2, 3],
      [2, 3, 2, 1, 2, 3],
    ]) {
      const x = random(shape, 3);
      assert.equal(values(train(ours(), x)), values(train(ours(), tf.reshape(x, [-1, 3]))));
    }
  });

  test('any channel axis equals the last axis of the transposed tensor', () => {
    const x = random([2, 3, 4, 5], 1);
    const [first, last] = [ours({ axis: 1 }), ours()];
    const expected = tf.transpose(train(last, tf.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]);
    close([values(train(first, x))], [values(expected)], ['y'], OUR_ERROR);
    close(weights(first), weights(last), ['gamma', 'beta', 'moving_mean', 'moving_variance'], OUR_ERROR);
  });
}

/** Loads while `cls` is what is registered for BatchNormalization. */
async function loadAs(cls: unknown, artifacts: tf.io.ModelArtifacts): Promise<tfl.LayersModel> {
  tf.serialization.registerClass(cls as typeof BatchNormalization);
  try {
    return await load(artifacts);
  } finally {
    tf.serialization.registerClass(theirs().constructor as typeof BatchNormalization);
  }
}
