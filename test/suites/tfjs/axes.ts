/** Several channel axes, as tf.keras 2 has them: parameters for each place on them, and the bits of one axis. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { batchNormalization, foldModel, inspectModel, register, unregister } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import {
  gradients,
  type HostName,
  load,
  ours,
  random,
  save,
  suiteOn,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const SHAPE = [2, 3, 4, 5];
/** The axes, the shape of the weights, and the input with one channel axis. */
const CASES: readonly [number[], number[], number[], number][] = [
  [[1, 2], [1, 3, 4, 1], [2, 12, 5], 1],
  [[-1, 2], [1, 1, 4, 5], [2, 3, 20], 2],
  [[1, 2, 3], [1, 3, 4, 5], [2, 60], 1],
];

export default function axes(host: HostName): void {
  const test = suiteOn(host, 'several axes');

  for (const [axis, shape, flat, at] of CASES) {
    test(`[${axis}]: shapes of tf.keras, values and gradients of one axis`, () => {
      for (const config of [{}, { summation: 'exact' as const }, { center: false }, { scale: false }]) {
        const several = batchNormalization({ axis, inputShape: SHAPE.slice(1), ...config });
        const one = ours({ axis: at, inputShape: flat.slice(1), ...config });
        const [x, dy] = [random(SHAPE, 1), random(SHAPE, 2)];
        several.build([null, ...SHAPE.slice(1)]);
        one.build([null, ...flat.slice(1)]);
        for (const weight of several.weights) assert.equal(weight.shape, shape);
        several.setWeights(several.weights.map((_, i) => tf.add(random(shape, 10 + i, 0, 0.2), 2)));
        one.setWeights(several.getWeights().map((weight) => tf.reshape(weight, [-1])));
        const wanted = gradients(one, tf.reshape(x, flat), tf.reshape(dy, flat));
        assert.equal(gradients(several, x, dy), wanted);
        assert.equal(weights(several), weights(one));
        assert.equal(values(several.apply(x) as tf.Tensor), values(one.apply(tf.reshape(x, flat)) as tf.Tensor));
        assert.equal(train(several, x).shape, SHAPE);
      }
    });
  }

  test('in a model: training, files, fold and inspect', async () => {
    const layer = batchNormalization({ axis: [1, 2], name: 'norm', inputShape: [3, 4, 5] });
    const model = tfl.sequential({ layers: [layer, tfl.layers.conv2d({ filters: 2, kernelSize: 1, name: 'conv' })] });
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const x = random([8, 3, 4, 5], 3);
    if (host === 'cpu') await model.fit(x, tf.zeros([8, 3, 4, 2]), { epochs: 1, verbose: 0 });
    else train(layer, x);
    assert.equal(layer.getConfig()['axis'], [1, 2]);
    register();
    const loaded = await load(await save(model));
    unregister();
    assert.equal(values(loaded.predict(x)), values(model.predict(x)));
    const { kept } = foldModel(model);
    assert.equal(
      kept.map((each) => each.layer),
      ['norm'],
    );
    assert.is(inspectModel(model, { x }).layers[0]!.channels, 12);
  });

  test('what is no such axis says so when the layer is built', () => {
    const build = (axis: number[], shape: (number | null)[] = [null, 3, 4, 5]) => {
      const layer = batchNormalization({ axis, name: 'norm' });
      return () => layer.build(shape);
    };
    assert.throws(build([1, 3]), /layer "norm": "axis" expected neighbouring axes, such as \[1, 2\], got \[1, 3\]/);
    assert.throws(build([3, 4]), /layer "norm": "axis" expected integers from -4 to 3 \(rank 4\), got \[3, 4\]/);
    assert.throws(
      build([1, 2], [null, null, 4]),
      /layer "norm": "inputShape\[1\]" expected a size, for the channels, got/,
    );
    const masked = batchNormalization({ axis: [1, 2], name: 'norm' });
    const mask = tf.ones([2, 3, 4]);
    assert.throws(
      () => train(masked, random(SHAPE, 1), mask),
      /"mask" expected the channels on the last axis, got "axis" 1,2/,
    );
  });
}
