// Layers from and to Keras: by name, by number and in lists; TensorFlow.js' own layer is the oracle.
import * as tf from '@tensorflow/tfjs-core';
import { BatchNorm } from 'batchnorm';
import {
  type FromKerasOptions,
  fromKeras,
  fromPyTorch,
  type NamedTensor,
  type Tensors,
  toKeras,
  toPyTorch,
} from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { close, type Four, floats, normalized, randomFour, refusal, sameTensors } from './support/interop.js';
import { randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';
import { type Layer, random, randomize, suiteOn, theirs, train, values, weights } from './support/tfjs.js';

const test = suiteOf('interop: Keras');
const tfjs = suiteOn('cpu', 'interop: a layer of TensorFlow.js');

const four = randomFour(randomFor('keras'), 3);
const epsilon = 1e-3;

function tensorsOf(layer: Layer): NamedTensor[] {
  return layer.getWeights().map((weight) => floats(...values(weight)));
}

function list({ gamma, beta, mean, variance }: Four): NamedTensor[] {
  return [floats(...gamma), floats(...beta), floats(...mean), floats(...variance)];
}

function named(four: Four, prefix: string, suffix = ''): Tensors {
  const names = ['gamma', 'beta', 'moving_mean', 'moving_variance'];
  return Object.fromEntries(list(four).map((tensor, i) => [`${prefix}${names[i]}${suffix}`, tensor]));
}

const configs = [
  {},
  { scale: false },
  { center: false },
  { scale: false, center: false },
  { epsilon: 0.1, momentum: 0.5 },
];

for (const config of configs) {
  tfjs(`comes in and evaluates alike: ${JSON.stringify(config)}`, () => {
    const layer = theirs(config);
    layer.build([null, 5, 3]);
    randomize(layer);
    const x = random([4, 5, 3], 1);
    const ours = fromKeras(tensorsOf(layer), { config: layer.getConfig() }).eval();
    close(ours.forward(x.dataSync() as Float32Array, [4, 5, 3]), values(layer.apply(x) as tf.Tensor), 1e-5);
    assert.equal([ours.gamma === null, ours.beta === null], [config.scale === false, config.center === false]);
  });

  tfjs(`goes out and evaluates alike: ${JSON.stringify(config)}`, () => {
    const source = theirs(config);
    source.build([null, 5, 3]);
    randomize(source);
    const ours = fromKeras(tensorsOf(source), { config: source.getConfig() });
    const exported = toKeras(ours);
    const target = theirs(exported.config as object);
    target.build([null, 5, 3]);
    target.setWeights(exported.weights.map(({ data, shape }) => tf.tensor(data as Float32Array, [...shape])));
    assert.equal(weights(target), weights(source), 'without loss');
    const x = random([4, 5, 3], 2);
    assert.equal(values(target.apply(x) as tf.Tensor), values(source.apply(x) as tf.Tensor));
  });
}

tfjs('both train on, with moving statistics alike', () => {
  const layer = theirs({ momentum: 0.8 });
  layer.build([null, 5, 3]);
  randomize(layer);
  const ours = fromKeras(tensorsOf(layer), { config: layer.getConfig() });
  const x = random([4, 5, 3], 3);
  close(ours.forward(x.dataSync() as Float32Array, [4, 5, 3]), values(train(layer, x)), 2e-5);
  const [, , mean, variance] = weights(layer);
  close(ours.runningMean, mean!, 1e-5);
  close(ours.runningVariance, variance!, 1e-5);
});

test('by name, with and without what tf.keras adds', () => {
  for (const [prefix, suffix] of [
    ['', ''],
    ['model/bn/', ':0'],
    ['bn_1/', ''],
  ]) {
    const layer = fromKeras(named(four, prefix!, suffix), { prefix: prefix!, epsilon }).eval();
    const x = Float32Array.of(1, 2, 3, 4, 5, 6);
    close(
      layer.forward(x, [2, 3]),
      normalized(x, four, epsilon, (i) => i % 3),
    );
    sameTensors(toKeras(layer, { prefix: prefix! }).tensors, named(four, prefix!));
  }
});

test('by number, as in files of Keras 3', () => {
  const [gamma, , mean, variance] = list(four) as [NamedTensor, NamedTensor, NamedTensor, NamedTensor];
  const given = { 'layers/bn/vars/0': gamma, 'layers/bn/vars/1': mean, 'layers/bn/vars/2': variance };
  const prefix = 'layers/bn';
  assert.match(
    refusal(() => fromKeras(given, { prefix, epsilon }), TypeError),
    /scale: false.*center: false/,
  );
  const layer = fromKeras(given, { prefix, epsilon, center: false });
  assert.equal([layer.beta, [...layer.gamma!]], [null, four.gamma]);
  sameTensors(toKeras(layer, { prefix, naming: 'numbered' }).tensors, given);
  assert.equal([...fromKeras(given, { prefix, epsilon, scale: false }).beta!], four.gamma);
  const gap = { 'vars/0': gamma, 'vars/2': mean };
  assert.match(
    refusal(() => fromKeras(gap, { epsilon }), TypeError),
    /lacks the variable 1/,
  );
});

test('the number of weights says what they are, and has to fit what was said', () => {
  const [gamma, beta, mean, variance] = list(four) as [NamedTensor, NamedTensor, NamedTensor, NamedTensor];
  const roles = (weights: NamedTensor[], options: Partial<FromKerasOptions>) => {
    const layer = fromKeras(weights, { epsilon, ...options });
    return [layer.gamma && [...layer.gamma], layer.beta && [...layer.beta]];
  };
  assert.equal(roles([gamma, beta, mean, variance], {}), [four.gamma, four.beta]);
  assert.equal(roles([mean, variance], {}), [null, null]);
  assert.equal(roles([gamma, mean, variance], { scale: true }), [four.gamma, null]);
  assert.equal(roles([beta, mean, variance], { center: true }), [null, four.beta]);
  const refused: [NamedTensor[], Partial<FromKerasOptions>][] = [
    [[gamma, beta, mean, variance], { scale: false }],
    [[gamma, beta, mean, variance], { center: false }],
    [[mean, variance], { scale: true }],
    [[mean, variance], { center: true }],
    [[beta, mean, variance], { scale: true, center: true }],
    [[beta, mean, variance], { scale: false, center: false }],
    [[mean], {}],
    [[gamma, beta, mean, variance, mean], {}],
  ];
  for (const [weights, options] of refused) {
    assert.match(
      refusal(() => fromKeras(weights, { epsilon, ...options }), RangeError),
      /"weights" expected/,
    );
  }
});

test("defaults are Keras': channels last, decay 0.99, biased, one value is allowed", () => {
  const state = fromKeras(list(four), { epsilon }).state();
  const { axis, updateRate, varianceEstimator, singleValue } = state;
  assert.equal([axis, updateRate, varianceEstimator, singleValue], [-1, 1 - 0.99, 'biased', 'allow']);
  const config = { epsilon: 1e-3, momentum: 0.99, axis: -1, center: true, scale: true };
  assert.equal(toKeras(fromKeras(list(four), { config: {} })).config, config);
  assert.is(fromKeras(list(four), { epsilon, varianceEstimator: 'unbiased' }).state().varianceEstimator, 'unbiased');
});

test('the configuration: an axis as a list of one, every momentum there and back', () => {
  assert.is(fromKeras(list(four), { config: { axis: [3] } }).state().axis, 3);
  for (const momentum of [0.99, 0.9, 0.999, 0.1, 0.3, 0, 1, 1 / 3, Math.fround(0.9)]) {
    const { config } = toKeras(fromKeras(list(four), { config: { momentum } }));
    assert.is(1 - config.momentum, 1 - momentum, String(momentum));
  }
});

test('what this library cannot take in is refused', () => {
  const config = (more: object) => () => fromKeras(list(four), { config: more });
  assert.match(refusal(config({ axis: [1, 2] }), TypeError), /"config.axis" expected one axis, got \[1, 2\]/);
  refusal(config({ renorm: true }), TypeError);
  refusal(config({ virtual_batch_size: 8 }), TypeError);
  refusal(config({ momentum: 1.5 }), RangeError);
  assert.is(config({ renorm: false, virtual_batch_size: null, name: 'bn' })().channels, 3);
  const both = () => fromKeras(list(four), { config: {}, epsilon });
  assert.match(refusal(both, TypeError), /"epsilon" expected nothing beside config/);
  const momentum = { epsilon, momentum: 0.9 } as FromKerasOptions;
  assert.match(
    refusal(() => fromKeras(list(four), momentum), TypeError),
    /decay: 0.9/,
  );
  assert.match(
    refusal(() => fromKeras(list(four), {}), TypeError),
    /"epsilon" is needed.*config/,
  );
  const more = { ...named(four, 'bn/'), 'bn/renorm_mean': floats(1, 2, 3) };
  assert.match(
    refusal(() => fromKeras(more, { prefix: 'bn', epsilon }), TypeError),
    /"bn\/renorm_mean"/,
  );
  const twice = { ...named(four, ''), 'gamma:0': floats(1, 2, 3) };
  assert.match(
    refusal(() => fromKeras(twice, { epsilon }), TypeError),
    /nothing beside "gamma"/,
  );
  const none = () => fromKeras(named(four, 'a/b/'), { prefix: 'b', epsilon });
  assert.match(refusal(none, TypeError), /lacks "b\/moving_mean".*"a\/b"/);
});

test('the unbiased variance is converted where the size of a batch is given', () => {
  const variance = (options: object) => toKeras(new BatchNorm(1), options).tensors['moving_variance'].data[0];
  assert.equal([variance({}), variance({ valuesPerBatch: 4 })], [1, 0.75]);
});

test('rates that Keras lacks need a decay', () => {
  const layer = new BatchNorm(2, { updateRate: 'cumulative' });
  assert.match(
    refusal(() => toKeras(layer), RangeError),
    /pass decay/,
  );
  assert.is(toKeras(layer, { decay: 0.9 }).config.momentum, 0.9);
});

test('from PyTorch to Keras and back: the same y, the same bits', () => {
  const [weight, bias, running_mean, running_var] = list(four) as [NamedTensor, NamedTensor, NamedTensor, NamedTensor];
  const stateDict = { weight, bias, running_mean, running_var };
  const torch = fromPyTorch(stateDict, { epsilon, axis: -1 }).eval();
  const { config, tensors } = toKeras(torch);
  const keras = fromKeras(tensors, { config }).eval();
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);
  assert.equal(keras.forward(x, [2, 3]), torch.forward(x, [2, 3]));
  const { num_batches_tracked: _, ...again } = toPyTorch(keras);
  sameTensors(again, stateDict);
});
