// Findings of inspect about a layer and how its averages came about: what provokes each, and what must not.
import { BatchNorm, type BatchNormOptions, type FindingKind, inspect, Moments } from 'batchnorm';
import * as assert from 'uvu/assert';
import { data, kindsOf, sample, trained } from './support/inspected.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('inspect');

test('a healthy layer: nothing, whichever way its averages are made', () => {
  for (const options of [
    {},
    { updateRate: 0.05 },
    { updateRate: 0.1, debias: true },
    { updateRate: 'cumulative' },
    { updateRate: 'pooled' },
    { varianceEstimator: 'biased' },
    { activation: 'relu' },
    { scale: false, center: false },
  ] as const) {
    assert.equal(kindsOf(trained(options), { ...data(), steps: 200 }), [], JSON.stringify(options));
  }
});

test('a layer that was restored, averaged exactly or imported is as healthy', () => {
  const layer = trained();
  assert.equal(kindsOf(BatchNorm.fromState(JSON.parse(JSON.stringify(layer))), data()), []);
  const exact = new BatchNorm(3);
  exact.setStatistics(new Moments(3).add(sample('all', 4000), [4000, 3]));
  assert.equal(kindsOf(exact, data()), []);
  layer.setStatistics(new Moments(3).add(sample('all', 500), [500, 3]));
  assert.equal(kindsOf(BatchNorm.fromState(layer.state()), data()), [], 'fewer values than batches');
  const written = new BatchNorm(3);
  written.runningMean.set(layer.runningMean);
  written.runningVariance.set(layer.runningVariance);
  assert.equal(kindsOf(written, data()), []);
});

test('non-finite', () => {
  for (const name of ['gamma', 'beta', 'runningMean', 'runningVariance'] as const) {
    for (const value of [NaN, Infinity]) {
      const layer = trained();
      layer[name]![1] = value;
      const [finding, ...others] = inspect(layer, data()).findings;
      assert.equal([finding!.kind, finding!.severity, finding!.channels], ['non-finite', 'error', [1]], name);
      assert.match(finding!.message, new RegExp(`^${name} is NaN or infinite in 1 of 3 channels \\(1\\)`));
      assert.equal(others, []);
    }
  }
});

test('non-finite: in x, and in the last batch', () => {
  const { x, shape } = data();
  x[3 * 500 + 2] = NaN;
  const [finding, ...others] = inspect(trained(), { x, shape }).findings;
  assert.equal([finding!.kind, finding!.severity, finding!.channels, others], ['non-finite', 'error', [2], []]);
  const layer = trained({ onNonFinite: 'skip' });
  layer.forward(x, shape);
  assert.equal(
    inspect(layer).findings.map(({ kind, severity }) => [kind, severity]),
    [['non-finite', 'warning']],
  );
});

test('negative-variance', () => {
  const layer = trained();
  layer.runningVariance[2] = -1;
  const [finding, ...others] = inspect(layer, data()).findings;
  assert.equal(
    [finding!.kind, finding!.channels, finding!.numbers, others],
    ['negative-variance', [2], { least: -1 }, []],
  );
});

test('never-updated: not after one batch, nor with exact statistics that look like it', () => {
  const fresh = new BatchNorm(3);
  assert.equal(kindsOf(fresh, { ...data(), steps: 100 }), ['never-updated']);
  assert.not(kindsOf(trained({}, { steps: 1 })).includes('never-updated'));
  const exact = new BatchNorm(1, { varianceEstimator: 'biased' });
  exact.setStatistics(new Moments(1).add(Float32Array.of(-1, 1), [2, 1]));
  assert.equal(kindsOf(exact), []);
  assert.equal(kindsOf(new BatchNorm(0)), []);
});

test('updated-twice and updates-missed: neither at one a step', () => {
  const layer = trained();
  assert.equal(kindsOf(layer, { steps: 200 }), []);
  const [twice] = inspect(layer, { steps: 100 }).findings;
  assert.is(twice!.kind, 'updated-twice');
  assert.match(twice!.message, /^200 batches were taken in during 100 steps: 2 a step$/);
  const [missed] = inspect(layer, { steps: 201 }).findings;
  assert.equal([missed!.kind, missed!.numbers], ['updates-missed', { batchesTracked: 200, steps: 201 }]);
});

test('count: a layer that took in more or fewer batches than most', () => {
  const [a, b] = [trained(), trained()];
  assert.equal(inspect([a, b, trained()]).findings, []);
  const { findings } = inspect({ a, b, odd: trained({}, { steps: 100 }) });
  assert.equal(
    findings.map(({ layer, kind }) => [layer, kind]),
    [['odd', 'count']],
  );
  assert.equal(inspect([a, trained({}, { steps: 100 })]).findings, [], 'two layers have no majority');
});

test('start-values: until they have faded to 5 %, and never where they are taken out', () => {
  const after = (steps: number, options = {}) => inspect(trained(options, { steps })).findings;
  const [finding] = after(28);
  assert.is(finding!.kind, 'start-values');
  assert.ok(Math.abs(finding!.numbers['startWeight'] - 0.9 ** 28) < 1e-12);
  assert.equal(after(29), []);
  assert.equal(
    after(29, { decay: 0.99 }).map(({ kind }) => kind),
    ['start-values'],
  );
  for (const options of [{ decay: 0.99, debias: true }, { updateRate: 'cumulative' }, { updateRate: 'pooled' }]) {
    assert.equal(after(29, options), []);
  }
});

test('swapped-rate: decay given as updateRate', () => {
  const swapped = inspect(trained({ updateRate: 0.99 }, { m: 128 })).findings;
  assert.equal(
    swapped.map(({ kind }) => kind),
    ['swapped-rate'],
  );
  assert.match(swapped[0].advice, /momentum 0\.99 of Keras, .* is decay: 0\.99, which is updateRate: 0\.01/);
  for (const updateRate of [0.5, 1]) assert.equal(kindsOf(trained({ updateRate }, { m: 128 })), []);
});

test('small-batch: below 16 values per channel, whatever x has', () => {
  const small = (options: BatchNormOptions<'float32'>, m: number) => kindsOf(trained(options, { m }), data());
  assert.equal(small({ updateRate: 0.05 }, 15), ['small-batch']);
  assert.equal(small({ updateRate: 0.05 }, 16), []);
  const [finding] = inspect(trained({ updateRate: 0.05, varianceEstimator: 'biased' }, { m: 4 })).findings;
  assert.match(finding!.message, /0\.5 σ \(1\/√m\), and the biased running variance is too small by a factor of 0\.75/);
  assert.equal(kindsOf(trained(), { valuesPerBatch: 8 }), ['small-batch'], 'as it was said');
});

test('small-batch: the rest of an epoch is no small batch', () => {
  for (const steps of [100, 1000]) {
    const layer = trained({}, { steps });
    layer.forward(sample('rest', 5), [5, 3]);
    assert.equal(kindsOf(layer), [], `${steps}`);
  }
  assert.equal(kindsOf(trained({ updateRate: 0.05 }, { steps: 1000, m: 15 })), ['small-batch']);
});

test('small-batch: a ghost batch counts by itself', () => {
  assert.equal(kindsOf(trained({ ghostBatchSize: 8 }), data()), ['small-batch']);
  assert.equal(kindsOf(trained({ ghostBatchSize: 16 }), data()), []);
});

test('groups of channels are held against the groups of x, and count their values together', () => {
  const options = { groups: 2, updateRate: 0.02 } as const;
  const layer = trained(options, { m: 4, channels: 8 });
  assert.equal(kindsOf(layer, data(1000, 8)), []);
  assert.equal(kindsOf(trained(options, { m: 3, channels: 8 }), data(1000, 8)), ['small-batch']);
  const plain = new BatchNorm(8).loadState({ ...layer.state(), groups: null, updateRate: 0.1 });
  assert.ok(kindsOf(plain, data(1000, 8)).includes('shift'));
});

test('noisy-average: fewer than 100 values in it', () => {
  assert.equal(kindsOf(trained({ updateRate: 1 }, { m: 99 })), ['noisy-average']);
  assert.equal(kindsOf(trained({ updateRate: 1 }, { m: 101 })), []);
});

test('zero-variance: constant in x, or below epsilon', () => {
  const layer = trained({ epsilon: 1e-3 });
  layer.runningVariance[0] = 0.9e-3;
  const [finding] = inspect(layer).findings;
  assert.equal(
    [finding!.kind, finding!.channels, finding!.numbers],
    ['zero-variance', [0], { leastVariance: 0.9e-3, epsilon: 1e-3, shrunk: Math.sqrt(0.9 / 1.9) }],
  );
  layer.runningVariance[0] = 1.1e-3;
  assert.equal(kindsOf(layer), []);
  const x = sample('data', 1000).map((value, i) => (i % 3 === 1 ? 0.5 : value));
  const [constant, ...others] = inspect(trained(), { x, shape: [1000, 3] }).findings;
  assert.equal([constant!.kind, constant!.channels, constant!.numbers['constant']], ['zero-variance', [1], 1]);
  assert.equal(
    others.filter(({ kind }) => kind === 'shift'),
    [],
  );
  assert.equal(kindsOf(trained(), { x: x.subarray(0, 3), shape: [1, 3] }), [], 'one value is no constant');
});

test('zero-gamma: against the largest; all of them may be meant', () => {
  const layer = trained();
  layer.gamma!.set([2, 0.003, 0.001]);
  const [finding] = inspect(layer).findings;
  assert.equal([finding!.kind, finding!.severity, finding!.channels], ['zero-gamma', 'warning', [2]]);
  layer.gamma!.fill(-0.001);
  assert.equal(kindsOf(layer), []);
  layer.gamma!.fill(0);
  assert.equal(
    inspect(layer).findings.map(({ kind, severity }) => [kind, severity]),
    [['zero-gamma', 'note']],
  );
});

test('effective batches, against the weights written out', () => {
  for (const [updateRate, steps] of [
    [0.1, 5],
    [0.1, 200],
    [0.5, 3],
  ] as const) {
    const weights = Array.from({ length: steps }, (_, i) => updateRate * (1 - updateRate) ** i);
    const sum = weights.reduce((total, weight) => total + weight);
    const squares = weights.reduce((total, weight) => total + weight ** 2, 0);
    const { effectiveBatches } = inspect(trained({ updateRate }, { steps })).layers[0];
    assert.ok(Math.abs(effectiveBatches! - sum ** 2 / squares) < 1e-9 * steps);
  }
  assert.is(inspect(trained({ updateRate: 'cumulative' })).layers[0].effectiveBatches, 200);
});

test('every finding says what it means and what to do, and the text has it', () => {
  const layer = trained({ decay: 0.99 }, { steps: 10, m: 8 });
  const { findings, text } = inspect({ bn: layer }, { inputs: { bn: data(1000, 3, 9) }, steps: 5 });
  const kinds: FindingKind[] = ['updated-twice', 'start-values', 'small-batch', 'noisy-average', 'shift', 'output-gap'];
  assert.equal(
    findings.map(({ kind }) => kind),
    kinds,
  );
  const words = text.replace(/\s+/g, ' ');
  for (const { layer: name, message, means, advice, numbers } of findings) {
    assert.is(name, 'bn');
    for (const part of [message, means, advice]) assert.ok(words.includes(part.replace(/\s+/g, ' ')), part);
    for (const number of Object.values(numbers)) assert.ok(Number.isFinite(number));
  }
  assert.ok(text.split('\n').every((line) => line.length <= 100));
  assert.match(
    inspect(trained()).text,
    /^layer: nothing is wrong \(3 channels, 200 batches tracked, 19 in the average/,
  );
});

test('nothing of a layer changes', () => {
  const layer = trained();
  const before = JSON.stringify(layer.state());
  inspect(layer, data(1000, 3, 9));
  assert.is(JSON.stringify(layer.state()), before);
});

test('errors name what is wrong', () => {
  const layer = trained();
  const fails = (call: () => unknown, pattern: RegExp) => assert.throws(call, pattern);
  fails(() => inspect(3 as never), /inspect: "layers" expected a BatchNorm, an array of them, or an object .* got 3/);
  fails(() => inspect([layer, null as never]), /"layers\.1" expected a BatchNorm, got null/);
  fails(() => inspect(layer, { x: new Float32Array(3) }), /"shape" expected an array of dimensions, got undefined/);
  fails(() => inspect(layer, { x: new Float64Array(3), shape: [1, 3] }), /"x" expected Float32Array, as the layer is/);
  fails(() => inspect(layer, { x: new Float32Array(4), shape: [1, 4] }), /"shape" expected 3 channels/);
  fails(() => inspect(layer, { inputs: [] }), /"inputs" expected nothing for one layer, but x and shape/);
  fails(() => inspect([layer], data()), /"x" expected nothing for several layers, but inputs/);
  fails(() => inspect({ a: layer }, { inputs: { b: data() } }), /"inputs" expected names of layers \(a\)/);
  fails(() => inspect({ a: layer }, { inputs: { a: { x: 1, shap: [] } as never } }), /"inputs\.a" has no "shap"/);
  fails(() => inspect(layer, { steps: -1 }), /"steps" expected an integer >= 0, got -1/);
  fails(() => inspect(layer, { relu: 1 as never }), /"relu" expected true or false, got 1/);
  fails(() => inspect(layer, { step: 1 } as never), /did you mean "steps"/);
});
