// Averages of layers, as stochastic weight averaging makes them.
import { averageOf, BatchNorm, type BatchNormOptions, populationStatistics, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import { type Random, randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('average of layers');
const ARRAYS = ['gamma', 'beta', 'runningMean', 'runningVariance', 'renormMean', 'renormDeviation'] as const;

function layerOf(random: Random, options: BatchNormOptions = {}): BatchNorm<Tensor> {
  const bn = new BatchNorm<Tensor>(3, options);
  for (const name of ARRAYS) for (let ch = 0; ch < 3; ch++) if (bn[name]) bn[name][ch] = random.uniform() + 0.5;
  return bn;
}

test('parameters and statistics are the weighted means, rounded once', () => {
  const random = randomFor('means');
  for (const dtype of ['float32', 'float64'] as const) {
    for (const more of [{}, { scale: false }, { center: false }, { renorm: true }]) {
      const layers = [1, 2, 3].map(() => layerOf(random, { dtype, ...more }));
      const before = JSON.stringify(layers);
      for (const weights of [undefined, [1, 2, 5], [0, 1e300, 1e300]]) {
        const average = averageOf(layers, { weights });
        const [a, b, c] = weights === undefined ? [1, 1, 1] : weights.map((weight) => Math.min(weight, 9));
        for (const name of ARRAYS) {
          assert.is(average[name] === null, layers[0][name] === null, name);
          if (average[name] === null) continue;
          for (let ch = 0; ch < 3; ch++) {
            const [x, y, z] = layers.map((layer) => layer[name]![ch]!);
            const wanted = (a! * x! + b! * y! + c! * z!) / (a! + b! + c!);
            const unit = dtype === 'float32' && average[name] instanceof Float32Array ? 2 ** -23.9 : 2 ** -51;
            const error = Math.abs(average[name][ch] - wanted);
            if (!(error <= unit * wanted)) assert.unreachable(`${name}[${ch}] is off by ${error}`);
          }
        }
        assert.is(JSON.stringify(layers), before, 'they stay as they are');
      }
    }
  }
});

test('equal layers average to themselves, to the bit; whatever counts nothing has no say', () => {
  const random = randomFor('equal');
  const bn = layerOf(random).eval();
  assert.equal(averageOf([bn, bn.clone(), bn.clone()]).state(), bn.state());
  const broken = layerOf(random);
  for (const name of ['gamma', 'runningMean'] as const) broken[name]!.fill(NaN);
  assert.equal(averageOf([broken, bn], { weights: [0, 1] }).state(), bn.state());
  assert.ok(Number.isNaN(averageOf([broken, bn]).gamma![0]), 'and what counts is not hidden');
  bn.runningMean[1] = Infinity;
  assert.is(averageOf([bn, bn.clone()]).runningMean[1], Infinity);
});

test('one more at a time comes to the same', () => {
  const random = randomFor('one more');
  const layers = [1, 2, 3, 4].map(() => layerOf(random, { dtype: 'float64' }));
  let average = layers[0];
  for (let n = 1; n < 4; n++) average = averageOf([average, layers[n]], { weights: [n, 1] });
  const expected = averageOf(layers);
  for (let ch = 0; ch < 3; ch++) {
    const error = Math.abs(average.gamma![ch] - expected.gamma![ch]);
    if (!(error <= 1e-15)) assert.unreachable(`off by ${error}`);
  }
});

test('settings, switches and counts are those of the last; statistics are estimated anew', async () => {
  const [first, last] = [new BatchNorm(1), new BatchNorm(1, { updateRate: 0.5 })];
  last.forward(Float32Array.of(1, 3), [2, 1]);
  last.eval();
  const average = averageOf([first, last]);
  assert.equal([average.updateRate, average.training, average.batchesTracked], [0.5, false, 1]);
  average.setStatistics(await populationStatistics([{ x: Float32Array.of(5, 7), shape: [2, 1] }]));
  assert.equal([average.runningMean[0], average.runningVariance[0]], [6, 2]);
});

test('what is no average is refused', () => {
  const bn = new BatchNorm(2);
  const cases: [unknown, unknown, RegExp][] = [
    [bn, undefined, /^batchnorm: averageOf: "layers" expected an array of BatchNorm, got an object/],
    [[], undefined, /"layers" expected at least one layer, got Array of length 0$/],
    [[bn, {}], undefined, /"layers\[1\]" expected a BatchNorm, got an object/],
    [[bn, null], undefined, /"layers\[1\]" expected a BatchNorm, got null/],
    [[bn, new BatchNorm(3)], undefined, /"layers\[1\]\.channels" expected 2, as layers\[0\] has, got 3$/],
    [
      [bn, new BatchNorm(2, { epsilon: 1 })],
      undefined,
      /"layers\[1\]\.epsilon" expected 0.00001, as layers\[0\] has, got 1$/,
    ],
    [[bn, new BatchNorm(2, { dtype: 'float64' })], undefined, /"layers\[1\]\.dtype" expected "float32", as/],
    [[bn], { weights: 1 }, /"weights" expected an array of numbers, got 1$/],
    [[bn], { weights: [1, 2] }, /"weights" expected 1 numbers, one for each layer, got Array of length 2$/],
    [[bn], { weights: ['1'] }, /"weights\[0\]" expected a finite number >= 0, got "1"$/],
    [[bn, bn], { weights: [1, -1] }, /"weights\[1\]" expected a finite number >= 0, got -1$/],
    [[bn, bn], { weights: [1, NaN] }, /"weights\[1\]" expected a finite number >= 0, got NaN$/],
    [[bn, bn], { weights: [0, 0] }, /"weights" expected at least one weight above 0, got \[0, 0\]$/],
    [[bn], { weight: [1] }, /did you mean "weights"\?$/],
  ];
  for (const [layers, options, message] of cases) {
    assert.throws(() => averageOf(layers as BatchNorm[], options as object), message);
  }
});
