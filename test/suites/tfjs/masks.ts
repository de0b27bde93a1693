/** Masks: TensorFlow.js' own layer says that it supports them, and ignores them. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { batchNormalization } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { maskedTruth } from '../../support/masked-oracle.js';
import {
  close,
  gradients,
  type HostName,
  type Layer,
  OUR_ERROR,
  ours,
  random,
  randomize,
  suiteOn,
  theirs,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const SHAPES = [
  [12, 3],
  [4, 6, 3],
  [3, 4, 5, 3],
];
const NAMES = ['y', 'dx', 'dgamma', 'dbeta'];

export default function masks(host: HostName): void {
  const test = suiteOn(host, 'masks');

  for (const shape of SHAPES) {
    test(`rank ${shape.length}: outputs, gradients and moving statistics by the formulas`, () => {
      const layer = randomized({ momentum: 0 }, shape);
      const [gamma, beta] = weights(layer) as [number[], number[]];
      const [x, dy, mask] = [random(shape, 1), random(shape, 2), randomMask(shape)];
      const truth = maskedTruth({ x: values(x), dy: values(dy), gamma, beta, epsilon: 1e-3 }, values(mask));
      const actual = gradients(layer, x, dy, { training: true, mask });
      close(actual, [truth.y, truth.dx, truth.dgamma, truth.dbeta], NAMES, OUR_ERROR);
      close(weights(layer).slice(2), [truth.mean, truth.variance], ['moving_mean', 'moving_variance'], OUR_ERROR);
    });

    test(`rank ${shape.length}: without gradient at masked positions, as if these were not there, bit for bit`, () => {
      const [x, mask] = [random(shape, 1), randomMask(shape)];
      const dy = tf.mul(random(shape, 2), tf.expandDims(tf.cast(mask, 'float32'), -1));
      const [masked, packed] = [randomized({}, shape), randomized({}, [0, 3])];
      const y = kept(train(masked, x, mask), mask);
      assert.equal(values(y), values(train(packed, kept(x, mask))));
      assert.equal(weights(masked), weights(packed));
      const [, dx, dgamma, dbeta] = gradients(masked, x, dy, { training: true, mask });
      const [, ...expected] = gradients(packed, kept(x, mask), kept(dy, mask));
      const actual = [values(kept(tf.tensor(dx!, shape), mask)), dgamma!, dbeta!];
      close(actual, expected, ['dx', 'dgamma', 'dbeta'], OUR_ERROR);
    });
  }

  test('a mask of ones is no mask, bit for bit', () => {
    const shape = [4, 6, 3];
    const mask = tf.ones([4, 6], 'bool');
    const run = (options: object) => {
      const layer = randomized({}, shape);
      return [gradients(layer, random(shape, 1), random(shape, 2), options), weights(layer)];
    };
    assert.equal(run({ training: true, mask }), run({ training: true }));
  });

  test('a mask of zeros normalises by the moving statistics and leaves them alone', () => {
    const shape = [4, 6, 3];
    const layer = randomized({}, shape);
    const before = weights(layer);
    const [x, dy, mask] = [random(shape, 1), random(shape, 2), tf.zeros([4, 6], 'bool')];
    assert.equal(gradients(layer, x, dy, { training: true, mask }), gradients(layer, x, dy, {}));
    assert.equal(weights(layer), before);
  });

  test('one position that counts is its own mean', () => {
    const layer = ours({ betaInitializer: 'ones', momentum: 0 });
    const y = train(layer, tf.tensor2d([7, 8, 9, 10], [2, 2]), tf.tensor1d([0, 1], 'bool'));
    assert.equal(values(y).slice(2), [1, 1]);
    assert.equal(weights(layer).slice(2), [
      [9, 10],
      [0, 0],
    ]);
  });

  test('unbiased moving variance: divided by the number of positions that count, less one', () => {
    const layer = batchNormalization({ varianceEstimator: 'unbiased', momentum: 0 });
    train(layer, tf.tensor2d([0, 5, 2, 100], [4, 1]), tf.tensor1d([1, 0, 1, 0], 'bool'));
    assert.equal(weights(layer).slice(2), [[1], [2]]);
  });

  test('inference is the same with and without', () => {
    const [layer, x] = [randomized({}, [12, 3]), random([12, 3], 1)];
    assert.equal(
      values(layer.apply(x, { mask: randomMask([12, 3]) }) as tf.Tensor),
      values(layer.apply(x) as tf.Tensor),
    );
  });

  test('reaches the layer in a model that masks', async () => {
    const x = tf.tensor3d([1, 2, 3, 4, 0, 0, 5, 6, 0, 0, 0, 0], [2, 3, 2]);
    const moving = await fitOnce([tfl.layers.masking({ inputShape: [3, 2] }), ours({ momentum: 0 })], x);
    close(
      moving,
      [
        [3, 4],
        [8 / 3, 8 / 3],
      ],
      ['mean', 'variance'],
      OUR_ERROR,
    );
    const original = await fitOnce([tfl.layers.masking({ inputShape: [3, 2] }), theirs({ momentum: 0 })], x);
    close([original[0]], [[1.5, 2]], ['mean of the original, which ignores it'], OUR_ERROR);
  });

  test('a mask that ended before the layer, which TensorFlow.js hands on all the same, does no harm', async () => {
    const x = tf.tensor3d([1, 2, 3, 4, 0, 0, 5, 6, 0, 0, 0, 0], [2, 3, 2]);
    const [masked, plain] = [ours({ momentum: 0 }), theirs({ momentum: 0 })];
    const before = () => [
      tfl.layers.masking({ inputShape: [3, 2] }),
      tfl.layers.simpleRNN({ units: 4, kernelInitializer: 'ones', recurrentInitializer: 'zeros' }),
    ];
    const names = ['mean', 'variance'];
    close(await fitOnce([...before(), masked], x), await fitOnce([...before(), plain], x), names, OUR_ERROR);
  });

  test('refuses masks that it cannot follow, and stays as it is', () => {
    const layer = randomized({ name: 'norm' }, [4, 6, 3]);
    const before = weights(layer);
    const wrongShape = () => train(layer, random([4, 6, 3], 1), tf.ones([4, 3], 'bool'));
    assert.throws(wrongShape, /layer "norm": "mask" expected a tensor of shape \[4,6\] .*, got shape \[4,3\]/);
    assert.equal(weights(layer), before);
    const wrongAxis = () => train(ours({ axis: 1 }), random([4, 6, 3], 1), tf.ones([4, 6], 'bool'));
    assert.throws(wrongAxis, /"mask" expected the channels on the last axis, got "axis" 1 \(rank 3\)/);
  });
}

function randomized(config: Parameters<typeof ours>[0], shape: number[]): Layer {
  const layer = ours(config);
  layer.build([null, ...shape.slice(1)]);
  randomize(layer);
  return layer;
}

/** About two positions of three count. */
function randomMask(shape: number[]): tf.Tensor {
  return tf.less(tf.randomUniform(shape.slice(0, -1), 0, 1, 'float32', 9), 0.66);
}

/** The rows that count. */
function kept(x: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const rows = values(mask).flatMap((value, row) => (value === 0 ? [] : [row]));
  return tf.gather(tf.reshape(x, [-1, x.shape.at(-1)!]), rows);
}

/** The moving statistics of the last layer after one step. */
async function fitOnce(list: Layer[], x: tf.Tensor): Promise<number[][]> {
  const model = tfl.sequential({ layers: list });
  model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError' });
  await model.trainOnBatch(x, tf.zeros([2, ...(model.outputShape as number[]).slice(1)]));
  return weights(list.at(-1)!).slice(2);
}
