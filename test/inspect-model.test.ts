// inspectModel: models of TensorFlow.js, with its layer and with ours.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { inspectModel } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { type Config, ours, suiteOn, theirs } from './support/tfjs.js';

const SAMPLES = 400;
/** Steps of batches of 40. */
const EPOCHS = 20;
const TRAINED = { steps: (EPOCHS * SAMPLES) / 40, batchSize: 40 };

/** [400, 4]; what a seed gives is what it gives. */
const data = () => tf.randomNormal([SAMPLES, 4], 2, 3, 'float32', 7);

const normalization = { ours, theirs };
type Kind = keyof typeof normalization;

/** dense → batch normalization → ReLU → dense */
function build(kind: Kind, config: Config = {}): tfl.LayersModel {
  const model = tfl.sequential({
    layers: [
      tfl.layers.dense({
        units: 6,
        inputShape: [4],
        useBias: false,
        kernelInitializer: tfl.initializers.randomNormal({ seed: 3 }),
      }),
      normalization[kind]({ name: 'bn', momentum: 0.9, ...config }),
      tfl.layers.reLU(),
      tfl.layers.dense({ units: 1, kernelInitializer: tfl.initializers.randomNormal({ seed: 4 }) }),
    ],
  });
  model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' });
  return model;
}

async function fit(model: tfl.LayersModel): Promise<tfl.LayersModel> {
  const x = data();
  await model.fit(x, tf.sum(x, 1, true), { epochs: EPOCHS, batchSize: 40, verbose: 0 });
  return model;
}

const kindsOf = (...given: Parameters<typeof inspectModel>) =>
  inspectModel(...given).findings.map(({ layer, kind }) => `${layer}: ${kind}`);

const write = (model: tfl.LayersModel, change: (weights: Float32Array[]) => void) => {
  const layer = model.getLayer('bn');
  const weights = layer.getWeights().map((weight) => Float32Array.from(weight.dataSync()));
  change(weights);
  layer.setWeights(weights.map((weight) => tf.tensor1d(weight)));
};

const test = suiteOn('cpu', 'inspectModel');

for (const kind of ['ours', 'theirs'] as const) {
  test(`${kind}: a healthy model`, async () => {
    const model = await fit(build(kind));
    assert.equal(kindsOf(model, { x: data(), ...TRAINED }), []);
    assert.equal(kindsOf(model), []);
    const [layer] = inspectModel(model, { x: data(), ...TRAINED }).layers;
    assert.equal([layer!.layer, layer!.channels, layer!.valuesPerBatch], ['bn', 6, 40]);
    assert.ok(layer!.outputGap! > 0 && layer!.outputGap! < 0.3);
  });

  test(`${kind}: never trained, trained too little, on too small batches`, async () => {
    assert.equal(kindsOf(build(kind), { x: data() }), ['bn: never-updated']);
    const model = await fit(build(kind));
    assert.equal(kindsOf(model, { steps: 20 }), ['bn: start-values']);
    assert.equal(kindsOf(model, { x: data(), ...TRAINED, batchSize: 8 }), ['bn: small-batch']);
    const swapped = await fit(build(kind, { momentum: 0.01 }));
    assert.ok(kindsOf(swapped).includes('bn: swapped-rate'));
  });

  test(`${kind}: another input, dead channels, a ReLU that is found`, async () => {
    const model = await fit(build(kind));
    const far = kindsOf(model, { x: tf.add(data(), 100), ...TRAINED });
    assert.equal(far.slice(0, 2), ['bn: shift', 'bn: output-gap']);
    write(model, ([gamma, beta]) => {
      gamma![0] = 0;
      beta![3] = -20;
    });
    const { findings } = inspectModel(model, { x: data(), ...TRAINED });
    assert.equal(
      findings.filter(({ kind }) => kind !== 'dead-relu').map(({ kind, channels }) => [kind, channels]),
      [['zero-gamma', [0]]],
    );
    assert.ok(findings.find(({ kind }) => kind === 'dead-relu')!.channels!.includes(3));
  });
}

test('without gamma and beta, another axis, no ReLU', () => {
  const config = { scale: false, center: false, axis: 1, inputShape: [3, 5, 5], name: 'bn' };
  for (const kind of ['ours', 'theirs'] as const) {
    const model = tfl.sequential({ layers: [normalization[kind](config)] });
    write(model, ([mean, variance]) => {
      mean!.set([1, 1, 1]);
      variance!.set([4, 4, 4]);
    });
    const x = tf.randomNormal([50, 3, 5, 5], 1, 2, 'float32', 2);
    assert.equal(kindsOf(model, { x }), []);
    assert.is(inspectModel(model, { x, batchSize: 8 }).layers[0].valuesPerBatch, 200);
  }
});

test('models within the model, several inputs, and a layer that is used twice', () => {
  const [a, b] = [tfl.input({ shape: [4] }), tfl.input({ shape: [4] })];
  const inner = tfl.sequential({ layers: [ours({ name: 'inner', inputShape: [4] })] });
  const twice = theirs({ name: 'twice' });
  const sum = tfl.layers.add().apply([twice.apply(inner.apply(a)), twice.apply(b)] as tfl.SymbolicTensor[]);
  const model = tfl.model({ inputs: [a, b], outputs: sum as tfl.SymbolicTensor });
  const x = [data(), tf.slice(data(), 0, SAMPLES)];
  for (const layer of [inner.layers[0], twice]) {
    layer.setWeights([tf.ones([4]), tf.zeros([4]), tf.fill([4], 2), tf.fill([4], 9)]);
  }
  const { layers } = inspectModel(model, { x });
  assert.equal(layers.map(({ layer }) => layer).sort(), ['inner', 'twice']);
  const found = Object.fromEntries(layers.map((layer) => [layer.layer, layer.meanShift!]));
  assert.ok(found['inner'] < 0.2);
  // One use sees mean 0 and variance 1, the other mean 2 and variance 9.
  assert.ok(Math.abs(found['twice'] - 1 / Math.sqrt(6)) < 0.1, `${found['twice']}`);
});

test('nothing of a model changes, and no tensor is left', async () => {
  const model = await fit(build('ours'));
  const x = data();
  const state = () => JSON.stringify(model.getWeights().map((weight) => Array.from(weight.dataSync())));
  const [before, tensors] = [state(), tf.memory().numTensors];
  inspectModel(model, { x });
  assert.is(tf.memory().numTensors, tensors);
  assert.is(state(), before);
  assert.not(Object.hasOwn(model.getLayer('bn'), 'call'));
  assert.throws(() => inspectModel(model, { x: tf.zeros([2, 3]) }));
  assert.not(Object.hasOwn(model.getLayer('bn'), 'call'), 'after an error');
});

test('errors name what is wrong', () => {
  assert.throws(() => inspectModel({} as never), /inspectModel: "model" expected a LayersModel of TensorFlow\.js/);
  assert.throws(() => inspectModel(build('ours'), { steps: 0.5 }), /inspectModel: "steps" expected an integer >= 0/);
  assert.throws(() => inspectModel(build('ours'), { batch: 3 } as never), /did you mean "batchSize"/);
});
