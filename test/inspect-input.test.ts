// Findings of inspect that x shows: what provokes each, and what must not.
import { BatchNorm, inspect, Moments } from 'batchnorm';
import * as assert from 'uvu/assert';
import { data, kindsOf, sample, trained } from './support/inspected.js';
import { randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('inspect: x');

test('shift: another input, by how much and how surely', () => {
  const layer = trained();
  const { findings, layers } = inspect(layer, data(1000, 3, 1.5));
  const shift = findings.find(({ kind }) => kind === 'shift')!;
  assert.equal(shift.channels, [0, 1, 2]);
  assert.ok(Math.abs(shift.numbers['meanShift'] + 1.5) < 0.25);
  assert.ok(shift.numbers['meanSignificance'] > 20);
  assert.is(layers[0].meanShift, Math.abs(shift.numbers['meanShift']));
  assert.equal(
    kindsOf(layer, data(1000, 3, 0.5)).filter((kind) => kind === 'shift'),
    [],
  );
  assert.not(kindsOf(layer, data(7, 3, 9)).includes('shift'), 'too few samples');
});

test('shift: the variance alone, from a factor of 3 on', () => {
  for (const [scale, wanted] of [
    [2, true],
    [0.5, true],
    [1.5, false],
    [0.7, false],
  ] as const) {
    const means = [-4, -1, 2];
    const x = sample('data', 1000).map((value, i) => means[i % 3] + scale * (value - means[i % 3]));
    assert.is(kindsOf(trained(), { x, shape: [1000, 3] }).includes('shift'), wanted, `${scale}`);
  }
});

test('shift: values that depend on each other count by their samples', () => {
  const random = randomFor('images');
  // Ten images of 400 pixels, each of one grey: ten values in truth.
  const greys = Array.from({ length: 10 }, (_, i) => 1.1 + (i - 4.5) / 2.87);
  const x = Float32Array.from({ length: 4000 }, (_, i) => greys[Math.floor(i / 400)] + 1e-3 * random.normal());
  const layer = new BatchNorm(1);
  layer.setStatistics(new Moments(1).add(Float32Array.of(-1, 1), [2, 1]));
  for (const [shape, axis] of [
    [[10, 1, 20, 20], 1],
    [[10, 20, 20, 1], -1],
  ] as const) {
    const { runningMean, runningVariance } = layer;
    const same = BatchNorm.fromState({ ...layer.state(), axis });
    assert.equal([same.runningMean, same.runningVariance], [runningMean, runningVariance]);
    assert.not(kindsOf(same as BatchNorm, { x, shape: [...shape] }).includes('shift'));
  }
  const apart = BatchNorm.fromState({ ...layer.state(), axis: 0 });
  assert.ok(kindsOf(apart as BatchNorm, { x, shape: [1, 4000] }).includes('shift'));
});

test('output-gap: what training and evaluation give on x, measured', () => {
  const layer = trained();
  const { x, shape } = data(1000, 3, 0.75);
  const { findings, layers } = inspect(layer, { x, shape });
  assert.equal(
    findings.map(({ kind }) => kind),
    ['output-gap'],
  );
  const training = layer.forward(x, shape, { update: false });
  const evaluation = layer.eval().forward(x, shape);
  const square = training.reduce((sum, y, i) => sum + (y - evaluation[i]) ** 2, 0);
  assert.ok(Math.abs(layers[0].outputGap! - Math.sqrt(square / x.length)) < 1e-5);
  assert.equal(kindsOf(layer, data(1000, 3, 0.3)), []);
});

test('output-gap: channels with a small gamma weigh little', () => {
  const layer = trained();
  const x = sample('data', 1000).map((value, i) => (i % 3 === 0 ? value + 1.5 : value));
  assert.ok(kindsOf(layer, { x, shape: [1000, 3] }).includes('output-gap'));
  layer.gamma![0] = 0.1;
  assert.not(kindsOf(layer, { x, shape: [1000, 3] }).includes('output-gap'));
});

test('variance-estimator: statistics of the other kind, where batches are tiny', () => {
  const tiny = { steps: 3000, m: 2, channels: 16 };
  const layer = trained({ updateRate: 'cumulative', varianceEstimator: 'biased' }, tiny);
  const has = (one: BatchNorm) => kindsOf(one, data(4000, 16)).includes('variance-estimator');
  assert.not(has(layer));
  assert.ok(has(BatchNorm.fromState({ ...layer.state(), varianceEstimator: 'unbiased' })));
  const other = trained({ updateRate: 'cumulative' }, tiny);
  assert.not(has(other));
  assert.ok(has(BatchNorm.fromState({ ...other.state(), varianceEstimator: 'biased' })));
});

test('dead-relu: nothing positive in x, with either sign of gamma', () => {
  const layer = trained({ activation: 'relu' });
  layer.beta!.set([-6, 0, -6]);
  layer.gamma![2] = -1;
  const [finding] = inspect(layer, data()).findings;
  assert.equal([finding!.kind, finding!.severity, finding!.channels], ['dead-relu', 'warning', [0, 2]]);
  assert.equal(
    [...layer.eval().forward(data().x, [1000, 3])].filter((y, i) => i % 3 !== 1 && y !== 0),
    [],
  );
  assert.equal(kindsOf(layer, { ...data(), relu: false }), []);
  assert.equal(kindsOf(layer, data(29)), [], 'too few values to say so');
  layer.beta!.set([-2, 0, -2]);
  assert.equal(kindsOf(layer, data()), []);
});

test('dead-relu: not where a residual is added before it', () => {
  const layer = trained({ activation: 'relu' });
  layer.beta!.fill(-9);
  const { x, shape } = data();
  assert.equal(kindsOf(layer, { x, shape }), ['dead-relu']);
  layer.forward(x, shape, { residual: new Float32Array(x.length).fill(10), update: false });
  layer.backward(new Float32Array(x.length));
  assert.equal(kindsOf(layer, { x, shape }), []);
});

test('dead-relu: a ReLU of its own, all of it dead', () => {
  const layer = trained();
  layer.beta!.fill(-9);
  assert.equal(kindsOf(layer, data()), []);
  const [finding] = inspect(layer, { ...data(), relu: true }).findings;
  assert.equal([finding!.kind, finding!.severity], ['dead-relu', 'error']);
});

test('the standard error is that of the means of many samples', () => {
  // Under no shift at all, z is normal: its mean square over 300 draws is 1, ±4·√(2/300).
  const layer = new BatchNorm(1);
  layer.setStatistics(new Moments(1).add(Float32Array.of(-1, 1), [2, 1]));
  layer.runningMean[0] = 2;
  let squares = 0;
  for (let draw = 0; draw < 300; draw++) {
    const random = randomFor(`draw ${draw}`);
    const x = Float32Array.from({ length: 100 }, () => random.normal());
    const { numbers } = inspect(layer, { x, shape: [100, 1] }).findings.find(({ kind }) => kind === 'shift')!;
    const error = numbers['meanShift'] / numbers['meanSignificance'];
    const mean = x.reduce((sum, value) => sum + value, 0) / 100;
    const deviation = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 100);
    squares += (mean / deviation / error) ** 2 / 300;
  }
  assert.ok(Math.abs(squares - 1) < 4 * Math.sqrt(2 / 300), `${squares}`);
});

test('shift: running statistics of one small batch have a standard error of their own', () => {
  const layer = new BatchNorm(1, { updateRate: 1 });
  layer.forward(sample('one', 16, 1), [16, 1]);
  const { mean, variance } = layer.batchMoments!;
  const random = randomFor('wide');
  const draws = Float32Array.from({ length: 4000 }, () => random.normal());
  // Off by 1.15 σ, which is 4.6 of the standard errors of 16 values.
  const x = draws.map((value) => mean[0] + Math.sqrt(variance[0]) * (value + 1.15));
  const shape = [4000, 1];
  assert.not(kindsOf(layer, { x, shape }).includes('shift'));
  layer.setStatistics(layer.batchMoments!);
  const exact = BatchNorm.fromState({ ...layer.state(), batchesTracked: 0 });
  assert.ok(kindsOf(exact, { x, shape }).includes('shift'));
});
