/** register() and unregister(). */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { BatchNormalization, register, unregister } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { normalize } from '../../support/oracle.js';
import {
  close,
  gradients,
  type HostName,
  load,
  OUR_ERROR,
  pair,
  random,
  randomize,
  save,
  suiteOn,
  THEIR_ERROR,
  theirs,
  train,
  values,
} from '../../support/tfjs.js';

export default function registration(host: HostName): void {
  const test = suiteOn(host, 'register');
  test.after.each(() => unregister());

  test('loaded models use our layer, until unregister', async () => {
    const model = tfl.sequential({ layers: [theirs({ inputShape: [5] })] });
    randomize(model.layers[0]);
    const artifacts = await save(model);
    register();
    const loaded = await load(artifacts);
    assert.instance(loaded.layers[0], BatchNormalization);
    assert.equal(loaded.getWeights().map(values), model.getWeights().map(values));
    loaded.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    await loaded.fit(random([8, 5], 1), random([8, 5], 2), { epochs: 2, verbose: 0 });

    unregister();
    assert.is((await load(artifacts)).layers[0].constructor, theirs().constructor);
    assert.instance(loaded.layers[0], BatchNormalization, 'what was loaded stays');
  });

  test('replaces the kernels of both backends, and restores the very ones', () => {
    const kernels = () => ['cpu', 'wasm'].map((name) => tf.getKernel(tf.FusedBatchNorm, name));
    const before = kernels();
    register();
    register();
    const ours = kernels();
    assert.ok(ours.every((kernel, i) => kernel !== before[i]));
    unregister();
    assert.ok(kernels().every((kernel, i) => kernel === before[i]));
    unregister();
    assert.ok(kernels().every((kernel, i) => kernel === before[i]));
  });

  test('what someone else put there since stays', async () => {
    class Other extends BatchNormalization {}
    register();
    const kernel = tf.getKernel(tf.FusedBatchNorm, host);
    const other = { ...kernel };
    tf.unregisterKernel(tf.FusedBatchNorm, host);
    tf.registerKernel(other);
    tf.serialization.registerClass(Other);
    try {
      unregister();
      assert.is(tf.getKernel(tf.FusedBatchNorm, host), other);
      const [registered] = tf.serialization.SerializationMap.getMap().classNameMap['BatchNormalization'];
      assert.is(registered, Other);
    } finally {
      tf.serialization.registerClass(theirs().constructor as typeof BatchNormalization);
    }
  });

  test('tf.batchNorm: channels last and, as it should be, channels first', () => {
    const cases: [shape: number[], parameters: number[], view: { n: number; c: number; s: number }][] = [
      [[6, 3], [3], { n: 6, c: 3, s: 1 }],
      [[4, 5, 3], [3], { n: 20, c: 3, s: 1 }],
      [[2, 4, 5, 3], [3], { n: 40, c: 3, s: 1 }],
      [[2, 4, 5, 3], [1, 1, 1, 3], { n: 40, c: 3, s: 1 }],
      [[2, 3, 4, 5], [1, 3, 1, 1], { n: 2, c: 3, s: 20 }],
      [[4, 3, 5], [1, 3, 1], { n: 4, c: 3, s: 5 }],
    ];
    register();
    for (const [shape, parameterShape, view] of cases) {
      const x = random(shape, 1);
      const [mean, beta] = [random(parameterShape, 2), random(parameterShape, 3)];
      const [variance, gamma] = [tf.square(random(parameterShape, 4)), random(parameterShape, 5)];
      const statistics = { mean: values(mean), variance: values(variance) };
      for (const [offset, scale] of [[beta, gamma], [], [beta], [undefined, gamma]] as const) {
        const y = tf.batchNorm(
          x,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          offset as tf.Tensor1D,
          scale as tf.Tensor1D,
        );
        assert.equal(y.shape, shape);
        const [gamma, beta] = [scale, offset].map((given) => (given ? values(given) : null));
        const rest = { gamma: gamma!, beta: beta!, residual: null, relu: false, epsilon: 1e-3 };
        close([values(y)], [normalize(values(x), statistics, rest, view)], [`y of [${shape}]`], OUR_ERROR);
      }
    }
  });

  test('tf.batchNorm of integers, with numbers for every element or one for all, is left to TensorFlow.js', () => {
    const cases = [
      { x: random([4, 3], 1), shape: [4, 3] },
      { x: random([4, 3], 1), shape: [1] },
      { x: tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32'), shape: [3] },
    ];
    const run = () =>
      cases.map(({ x, shape }) => {
        const [mean, variance] = [random(shape, 2), tf.square(random(shape, 3))];
        const y = tf.batchNorm(x, mean as tf.Tensor2D, variance as tf.Tensor2D);
        return [y.dtype, values(y)];
      });
    const before = run();
    register();
    assert.equal(run(), before);
  });

  test('a layer of TensorFlow.js infers by our kernel, and trains as before', () => {
    const [ours, original] = pair({}, [6, 4]);
    const [x, dy] = [random([6, 4], 1), random([6, 4], 2)];
    const before = gradients(original, x, dy);
    ours.setWeights(original.getWeights());
    register();
    assert.equal(values(original.apply(x) as tf.Tensor), values(ours.apply(x) as tf.Tensor));
    close(gradients(original, x, dy), before, ['y', 'dx', 'dgamma', 'dbeta'], THEIR_ERROR);
    const [right, repaired] = pair({ axis: 1 }, [4, 3, 5, 6]).map((norm) =>
      values(norm.apply(random([4, 3, 5, 6], 1)) as tf.Tensor),
    );
    assert.equal(repaired, right);
    assert.throws(() => train(theirs({ scale: false }), x), /undefined/, 'training is not touched');
  });
}
