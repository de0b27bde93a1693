/** The layer of `batchnorm/tfjs` against TensorFlow.js' own, both live on its cpu backend. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as tfl from '@tensorflow/tfjs-layers';
import { BatchNormalization, type BatchNormalizationConfig, batchNormalization } from 'batchnorm/tfjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

type Layer = tfl.layers.Layer;
const original = (config?: BatchNormalizationConfig): Layer => tfl.layers.batchNormalization(config);

const layer = suite('tfjs layer');
layer.before(async () => {
  tf.enableProdMode(); // no banner about other backends
  await tf.setBackend('cpu');
});

const SHAPES = [
  [32, 5],
  [4, 3, 5, 7],
];
/** TensorFlow.js sums in float32; the difference is its error, relative to the largest value. */
const TOLERANCE = 2e-5;

for (const shape of SHAPES) {
  const rank = `rank ${shape.length}`;

  layer(`trains as the original: outputs, gradients, moving statistics, ${rank}`, () => {
    const config = { momentum: 0.9, epsilon: 1e-2 };
    const [ours, theirs] = pair(config, shape);
    for (let step = 0; step < 4; step++) {
      const results = [ours, theirs].map((each) =>
        gradients(each, random(shape, step), random(shape, 100 + step), true),
      );
      close(results[0]!, results[1]!, ['y', 'dx', 'dgamma', 'dbeta']);
      close(weights(ours), weights(theirs), ['gamma', 'beta', 'moving_mean', 'moving_variance']);
    }
  });

  layer(`infers as the original, with gradients, ${rank}`, () => {
    const [ours, theirs] = pair({}, shape);
    const results = [ours, theirs].map((each) => gradients(each, random(shape, 1), random(shape, 2), false));
    close(results[0]!, results[1]!, ['y', 'dx', 'dgamma', 'dbeta']);
    assert.equal(weights(ours), weights(theirs), 'inference leaves the weights alone');
  });

  layer(`keeps no tensors over training steps, ${rank}`, async () => {
    const model = tfl.sequential({ layers: [batchNormalization({ inputShape: shape.slice(1) })] });
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    const [x, y] = [random(shape, 1), random(shape, 2)];
    const used = [];
    for (let step = 0; step < 6; step++) {
      await model.trainOnBatch(x, y);
      tf.dispose(model.predict(x));
      used.push(tf.memory().numTensors, tf.memory().numDataBuffers);
    }
    // The optimiser makes its own variables in the first step.
    assert.equal(used.slice(-2), used.slice(2, 4));
    model.dispose();
    tf.dispose([x, y]);
  });
}

layer('trains a whole model to the same losses as the original', async () => {
  const [x, y] = [random([64, 6], 1), random([64, 3], 2)];
  const losses = [];
  for (const make of [batchNormalization, original]) {
    const kernel = (seed: number) => ({ kernelInitializer: tfl.initializers.randomNormal({ seed }), useBias: false });
    const model = tfl.sequential({
      layers: [
        tfl.layers.dense({ units: 8, inputShape: [6], ...kernel(1) }),
        make({}),
        tfl.layers.reLU(),
        tfl.layers.dense({ units: 3, ...kernel(2) }),
      ],
    });
    model.compile({ optimizer: tf.train.sgd(0.2), loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 8, batchSize: 16, shuffle: false, verbose: 0 });
    losses.push(history.loss as number[]);
  }
  assert.ok(losses[0]!.at(-1)! < losses[0]![0]!, 'the loss falls');
  close([losses[0]!], [losses[1]!], ['losses']);
});

layer('moving statistics follow with momentum as decay, from 0 and 1, with the population variance', () => {
  const ours = batchNormalization({ momentum: 0.75 });
  ours.apply(tf.tensor2d([0, 10, 2, 30], [2, 2]), { training: true });
  const [, , mean, variance] = weights(ours);
  assert.equal(mean, [0.25, 5]);
  assert.equal(variance, [0.75 + 0.25 * 1, 0.75 + 0.25 * 100]);
});

layer('has the defaults, configuration and serialised form of the original', () => {
  const configs: BatchNormalizationConfig[] = [
    {},
    { axis: 1, momentum: 0.5, epsilon: 1e-5, center: false, gammaInitializer: 'zeros', betaConstraint: 'nonNeg' },
    { scale: false, gammaRegularizer: 'l1l2', movingMeanInitializer: tfl.initializers.constant({ value: 3 }) },
  ];
  for (const config of configs) {
    const [ours, theirs] = [batchNormalization, original].map((make) => {
      const model = tfl.sequential({ name: 'model', layers: [make({ ...config, name: 'bn', inputShape: [4, 4] })] });
      return model.toJSON(null, false);
    });
    assert.equal(ours, theirs);
  }
  assert.is(BatchNormalization.className, 'BatchNormalization');
});

layer('does not shift the automatic names of layers', () => {
  const names = [original().name, batchNormalization().name].map((name) => Number(/\d+$/.exec(name)![0]));
  assert.is(names[1], names[0]! + 1);
});

layer('models go both ways through save and load', async () => {
  const model = (make: typeof original) => tfl.sequential({ layers: [make({ inputShape: [5] })] });
  const x = random([8, 5], 7);
  const [ours, theirs] = [model(batchNormalization), model(original)];
  randomize(ours.layers[0]!);
  const asOriginal = await tfl.loadLayersModel(tf.io.fromMemory(await artifacts(ours)));
  assert.not.instance(asOriginal.layers[0], BatchNormalization);
  close([values(asOriginal.predict(x))], [values(ours.predict(x))], ['y after loading into the original']);

  randomize(theirs.layers[0]!);
  tf.serialization.registerClass(BatchNormalization);
  try {
    const asOurs = await tfl.loadLayersModel(tf.io.fromMemory(await artifacts(theirs)));
    assert.instance(asOurs.layers[0], BatchNormalization);
    close([values(asOurs.predict(x))], [values(theirs.predict(x))], ['y after loading into ours']);
  } finally {
    tf.serialization.registerClass(original().constructor as typeof BatchNormalization);
  }
});

layer('any channel axis equals the last axis of the transposed tensor', () => {
  const x = random([2, 3, 4, 5], 1);
  const [first, last] = [batchNormalization({ axis: 1 }), batchNormalization()];
  const expected = last.apply(tf.transpose(x, [0, 2, 3, 1]), { training: true }) as tf.Tensor;
  const y = first.apply(x, { training: true }) as tf.Tensor;
  close([values(y)], [values(tf.transpose(expected, [0, 3, 1, 2]))], ['y']);
  close(weights(first), weights(last), ['gamma', 'beta', 'moving_mean', 'moving_variance']);
});

layer('any rank equals rank 2 of the same rows', () => {
  for (const shape of [
    [6, 4, 3],
    [2, 3, 2, 2, 3],
  ]) {
    const x = random(shape, 3);
    const y = batchNormalization().apply(x, { training: true }) as tf.Tensor;
    const expected = batchNormalization().apply(tf.reshape(x, [-1, 3]), { training: true }) as tf.Tensor;
    assert.equal(y.shape, shape);
    assert.equal(values(y), values(expected));
  }
});

layer('trains without scale and without center, which the original cannot', () => {
  for (const config of [{ scale: false }, { center: false }, { scale: false, center: false }]) {
    const [bare, full] = [batchNormalization(config), batchNormalization()];
    const [x, dy] = [random([16, 3], 1), random([16, 3], 2)];
    const [y, dx] = gradients(bare, x, dy, true);
    const [fullY, fullDx] = gradients(full, x, dy, true);
    close([y!, dx!], [fullY!, fullDx!], ['y', 'dx']);
    assert.is(bare.trainableWeights.length, Number(config.scale !== false) + Number(config.center !== false));
  }
});

layer('gradients use the parameters that the forward pass saw', () => {
  const ours = batchNormalization();
  const [x, dy] = [random([8, 2], 1), random([8, 2], 2)];
  ours.build([null, 2]);
  const before = gradients(ours, x, dy, true)[1]!;
  const late = tf.grad((input: tf.Tensor) => {
    const loss = tf.sum(tf.mul(ours.apply(input, { training: true }) as tf.Tensor, dy));
    ours.trainableWeights[0]!.write(tf.tensor1d([5, 5]));
    return loss;
  })(x);
  assert.equal(values(late), before);
});

layer('one value per channel gives beta; no value leaves the moving statistics alone; integers are cast', () => {
  const ours = batchNormalization({ betaInitializer: 'ones' });
  assert.equal(values(ours.apply(tf.tensor2d([7, 8], [1, 2]), { training: true }) as tf.Tensor), [1, 1]);
  const before = weights(ours);
  const empty = ours.apply(tf.zeros([0, 2]), { training: true }) as tf.Tensor;
  assert.equal(empty.shape, [0, 2]);
  assert.equal(weights(ours), before);
  const integers = ours.apply(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), { training: true }) as tf.Tensor;
  assert.is(integers.dtype, 'float32');
});

layer('tells the time that it takes', () => {
  const ours = batchNormalization();
  assert.equal(ours.elapsed, { forward: 0, backward: 0, inference: 0 });
  const x = random([8, 2], 1);
  ours.apply(x);
  assert.ok(ours.elapsed.inference > 0 && ours.elapsed.forward === 0);
  gradients(ours, x, x, true);
  assert.ok(ours.elapsed.forward > 0 && ours.elapsed.backward > 0);
});

layer('require() gives the same layer as import', () => {
  const required = createRequire(import.meta.url)('batchnorm/tfjs');
  assert.is(required.BatchNormalization, BatchNormalization);
});

layer.run();

/** Our layer and the original with equal random weights. */
function pair(config: BatchNormalizationConfig, shape: number[]): [Layer, Layer] {
  const [ours, theirs] = [batchNormalization(config), original(config)];
  for (const each of [ours, theirs]) {
    each.build([null, ...shape.slice(1)]);
    randomize(each);
  }
  return [ours, theirs];
}

/** gamma and moving_variance around 2, beta and moving_mean around 0. */
function randomize(layer: Layer): void {
  layer.setWeights(layer.getWeights().map((weight, i) => tf.add(random(weight.shape, 50 + i), [2, 0, 0, 2][i]!)));
}

/** y, and the gradients of Σ y·dy for x and the learnt parameters. */
function gradients(layer: Layer, x: tf.Tensor, dy: tf.Tensor, training: boolean): number[][] {
  const forward = (input: tf.Tensor) => layer.apply(input, { training }) as tf.Tensor;
  const loss = (input: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(forward(input), dy));
  const moving = layer.nonTrainableWeights.map((weight) => [weight, tf.clone(weight.read())] as const);
  const restore = () => moving.forEach(([weight, value]) => void weight.write(value));
  const y = values(forward(x));
  restore();
  const dx = values(tf.grad(loss)(x));
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  if (variables.length === 0) return [y, dx];
  restore();
  const { grads } = tf.variableGrads(() => loss(x), variables);
  return [y, dx, ...variables.map(({ name }) => values(grads[name]!))];
}

function weights(layer: Layer): number[][] {
  return layer.getWeights().map(values);
}

function values(tensor: tf.Tensor | tf.Tensor[]): number[] {
  return Array.from((tensor as tf.Tensor).dataSync());
}

function random(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0.5, 1, 'float32', seed + 1);
}

function close(actual: number[][], expected: number[][], names: string[]): void {
  assert.is(actual.length, names.length);
  for (const [i, name] of names.entries()) {
    assert.is(actual[i]!.length, expected[i]!.length, name);
    const scale = Math.max(1e-30, ...expected[i]!.map(Math.abs));
    const error = Math.max(...actual[i]!.map((value, j) => Math.abs(value - expected[i]![j]!))) / scale;
    if (!(error <= TOLERANCE)) assert.unreachable(`${name}: relative error ${error}, expected at most ${TOLERANCE}`);
  }
}

async function artifacts(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      saved = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return saved!;
}
