// Averages, switches, and statistics as a transaction.
import { BatchNorm, type BatchNormOptions, forwardTraining, Moments, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, layerData, runLayer } from '../support/layer-cases.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

const SHAPE = [4, 3, 2];

function batch(seed: number, samples = 4): Float32Array {
  const random = randomFor(`batch ${seed}`);
  return Float32Array.from({ length: samples * 6 }, () => random.normal() * (1 + (seed % 3)) + seed);
}

/** Five batches of different sizes. */
const SIZES = [4, 1, 7, 2, 12];
const BATCHES = SIZES.map((samples, seed) => ({ x: batch(seed, samples), shape: [samples, 3, 2] }));

function trained(options: BatchNormOptions<'float32'>, batches = BATCHES): BatchNorm {
  const bn = new BatchNorm(3, options);
  for (const { x, shape } of batches) bn.forward(x, shape);
  return bn;
}

/** Mean and unbiased variance of each batch, channel 0. */
const OBSERVED = BATCHES.map(({ x, shape }) => {
  const moments = new Moments(3).add(x, shape);
  return { mean: moments.mean[0], variance: moments.sampleVariance[0] };
});

function poisoned(): Float32Array {
  const x = batch(1);
  x[2] = NaN;
  return x;
}

export default function statistics(backend: BackendUnderTest): void {
  averages(backend);
  transaction(backend);
  switches(backend);
  nonFinite(backend);
}

function averages(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'averages');

  test('pooled: mean and variance of all values together', () => {
    const all = new Moments(3);
    for (const { x, shape } of BATCHES) all.add(x, shape);
    const biased = trained({ updateRate: 'pooled', varianceEstimator: 'biased' });
    same(biased.runningMean, all.mean, 'mean');
    same(biased.runningVariance, all.variance, 'variance');
    const unbiased = trained({ updateRate: 'pooled' });
    same(unbiased.runningMean, all.mean, 'mean');
    near(unbiased.runningVariance, all.sampleVariance, 1e-14, 'unbiased variance');
    assert.equal([unbiased.batchesTracked, unbiased.valuesTracked], [5, 52]);
    // Of one batch of everything, too.
    const whole = BATCHES.flatMap(({ x }) => [...x]);
    const { mean, variance } = forwardTraining(Float32Array.from(whole), [26, 3, 2]);
    near(biased.runningMean, mean, 1e-13, 'mean of the concatenation');
    near(biased.runningVariance, variance, 1e-13, 'variance of the concatenation');
  });

  test('pooled goes on from exact statistics, and from what was saved', () => {
    const [first, ...others] = BATCHES;
    const bn = new BatchNorm(3, { updateRate: 'pooled', varianceEstimator: 'biased' });
    bn.setStatistics(new Moments(3).add(first.x, first.shape));
    const copy = BatchNorm.fromState(JSON.parse(JSON.stringify(bn.state())));
    const expected = trained({ updateRate: 'pooled', varianceEstimator: 'biased' });
    for (const layer of [bn, copy]) {
      for (const { x, shape } of others) layer.forward(x, shape);
      same(layer.runningMean, expected.runningMean, 'mean');
      same(layer.runningVariance, expected.runningVariance, 'variance');
    }
  });

  test('pooled with one value', () => {
    const bn = new BatchNorm(1, { updateRate: 'pooled', singleValue: 'allow' });
    bn.forward(Float32Array.of(5), [1, 1]);
    assert.equal([bn.runningMean[0], bn.runningVariance[0]], [5, 0]);
    bn.forward(Float32Array.of(9), [1, 1]);
    assert.equal([bn.runningMean[0], bn.runningVariance[0]], [7, 8]);
  });

  test('debiased: Adam’s average, 0 and 1 taken out', () => {
    const rate = 0.1;
    const bn = new BatchNorm(3, { updateRate: rate, debias: true });
    let [mean, variance] = [0, 0];
    BATCHES.forEach(({ x, shape }, i) => {
      bn.forward(x, shape);
      mean = (1 - rate) * mean + rate * OBSERVED[i].mean;
      variance = (1 - rate) * variance + rate * OBSERVED[i].variance;
      const weight = 1 - (1 - rate) ** (i + 1);
      near([bn.runningMean[0], bn.runningVariance[0]], [mean / weight, variance / weight], 1e-13, `after ${i + 1}`);
    });
    const once = trained({ debias: true }, BATCHES.slice(0, 1));
    near([once.runningMean[0], once.runningVariance[0]], [OBSERVED[0].mean, OBSERVED[0].variance], 1e-15, 'the first');
    assert.equal([...new BatchNorm(1, { debias: true }).runningVariance], [1]);
  });

  test('debiased with a schedule is the weighted mean of its weights; and through JSON', () => {
    const rates = [0.5, 0, 0.25, 1 / 3, 0.1];
    let bn = new BatchNorm(3, { updateRate: 0.5, debias: true });
    let [mean, weight] = [0, 0];
    BATCHES.forEach(({ x, shape }, i) => {
      bn.updateRate = rates[i];
      bn.forward(x, shape);
      bn = BatchNorm.fromState(JSON.parse(JSON.stringify(bn.state())));
      mean = (1 - rates[i]) * mean + rates[i] * OBSERVED[i].mean;
      weight = (1 - rates[i]) * weight + rates[i];
      near([bn.runningMean[0]], [mean / weight], 1e-13, `mean after ${i + 1}`);
    });
  });

  test('a rate of 0 from the start leaves 0 and 1, debiased or not', () => {
    for (const debias of [false, true]) {
      const bn = trained({ updateRate: 0, debias });
      assert.equal([...bn.runningMean, ...bn.runningVariance], [0, 0, 0, 1, 1, 1]);
    }
  });

  test('the rate may be set between calls, and is saved', () => {
    const bn = new BatchNorm(3, { updateRate: 0.5 });
    bn.forward(BATCHES[0].x, BATCHES[0].shape);
    bn.updateRate = 'cumulative';
    bn.forward(BATCHES[1].x, BATCHES[1].shape);
    near([bn.runningMean[0]], [(0.5 * OBSERVED[0].mean + OBSERVED[1].mean) / 2], 1e-14, 'mean');
    assert.is(BatchNorm.fromState(bn.state()).updateRate, 'cumulative');
    assert.is(bn.updateRate, 'cumulative');
  });
}

function transaction(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'transaction');

  test('a forward without update, then commit, is a forward', () => {
    for (const options of [{}, { updateRate: 'pooled' }, { ghostBatchSize: 3 }, { renorm: true }] as const) {
      const plain = trained(options);
      const bn = new BatchNorm(3, options);
      for (const { x, shape } of BATCHES) {
        const before = bn.state();
        bn.forward(x, shape, { update: false });
        assert.equal(bn.state(), before);
        assert.is(bn.commit(), true);
      }
      assert.equal(bn.state(), plain.state());
    }
  });

  test('a batch counts once, however often it is repeated and committed', () => {
    const bn = new BatchNorm(3);
    const plain = trained({}, BATCHES.slice(0, 1));
    const [{ x, shape }] = BATCHES;
    bn.forward(x, shape, { update: false });
    bn.forward(x, shape, { update: false });
    bn.backward(x);
    assert.equal([bn.commit(), bn.commit()], [true, false]);
    assert.equal(bn.state(), plain.state());
    bn.forward(x, shape);
    assert.is(bn.commit(), false);
    assert.is(bn.batchesTracked, 2);
  });

  test('discarded, replaced, or never pending: nothing to commit', () => {
    const bn = new BatchNorm(3);
    const before = bn.state();
    const [{ x, shape }] = BATCHES;
    assert.equal([bn.commit(), bn.discard()], [false, false]);
    bn.forward(x, shape, { update: false });
    assert.equal([bn.discard(), bn.commit(), bn.discard()], [true, false, false]);
    bn.forward(x, shape, { update: false });
    bn.eval().forward(x, shape);
    assert.is(bn.commit(), false);
    bn.train().forward(new Float32Array(0), [0, 3, 2], { update: false });
    assert.is(bn.commit(), false);
    assert.equal(bn.state(), before);
  });

  test('gradients are those of the forward, update or not', () => {
    const [sample] = LAYER_CASES;
    const data = layerData('transaction', sample, 'float32');
    const layers = [true, false].map((update) =>
      runLayer(new BatchNorm<Tensor>(sample.c, { axis: sample.axis }), data, sample.shape, { update }),
    );
    same(layers[0].dx, layers[1].dx, 'dx');
    same(layers[0].dgamma, layers[1].dgamma, 'dgamma');
  });

  test('the moments of several forwards, committed as one batch', () => {
    const bn = new BatchNorm(3);
    const step = new Moments(3);
    for (const { x, shape } of BATCHES) {
      bn.forward(x, shape, { update: false });
      step.merge(bn.batchMoments!);
    }
    assert.is(bn.commit(step), true);
    const whole = new BatchNorm(3);
    whole.forward(Float32Array.from(BATCHES.flatMap(({ x }) => [...x])), [26, 3, 2]);
    near(bn.runningMean, whole.runningMean, 1e-14, 'mean');
    near(bn.runningVariance, whole.runningVariance, 1e-13, 'variance');
    assert.equal([bn.batchesTracked, bn.valuesTracked, bn.commit()], [1, 52, false]);
    assert.is(bn.commit(new Moments(3)), false);
  });

  test('batchMoments: those of the last batch, a copy', () => {
    const bn = new BatchNorm(3);
    assert.is(bn.batchMoments, null);
    const [{ x, shape }] = BATCHES;
    bn.forward(x, shape);
    const { mean, variance } = forwardTraining(x, shape);
    const kept = bn.batchMoments!;
    bn.forward(BATCHES[2].x, BATCHES[2].shape);
    assert.equal([kept.mean, kept.variance, [...kept.count]], [mean, variance, [8, 8, 8]]);
    bn.eval().forward(x, shape);
    assert.is(bn.batchMoments, null);
  });
}

function switches(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'switches');
  const [{ x, shape }] = BATCHES;
  const dy = batch(9);

  test('normalizeWith: the batch in evaluation, the running statistics in training', () => {
    const bn = trained({});
    const byBatch = new BatchNorm(3).forward(x, shape);
    const byRunning = BatchNorm.fromState(bn.state()).eval().forward(x, shape);
    const before = bn.state();
    bn.eval().normalizeWith = 'batch';
    same(bn.forward(x, shape), byBatch, 'y by the batch');
    bn.normalizeWith = 'mode';
    assert.equal(bn.state(), before.training ? { ...before, training: false } : before);
    bn.train().normalizeWith = 'running';
    same(bn.forward(x, shape), byRunning, 'y by the running statistics');
    assert.is(bn.batchesTracked, 6);
    const updated = BatchNorm.fromState(before);
    updated.forward(x, shape);
    same(bn.runningMean, updated.runningMean, 'updated by the batch');
  });

  test('normalizeWith: gradients follow', () => {
    const bn = trained({});
    const expected = BatchNorm.fromState(bn.state()).eval();
    expected.forward(x, shape);
    bn.normalizeWith = 'running';
    bn.forward(x, shape);
    same(bn.backward(dy), expected.backward(dy), 'dx');
    same(bn.dgamma, expected.dgamma, 'dgamma');
  });

  test('updateStatistics: training leaves the running statistics', () => {
    const bn = trained({});
    bn.updateStatistics = false;
    const before = bn.state();
    same(bn.forward(x, shape), new BatchNorm(3).forward(x, shape), 'y');
    assert.equal([bn.commit(), bn.commit(new Moments(3).add(x, shape))], [false, false]);
    assert.equal(bn.state(), before);
  });

  test('learn: no dgamma and dbeta, the same dx', () => {
    for (const options of [{}, { renorm: true }] as const) {
      for (const mode of [true, false]) {
        const [bn, other] = [trained(options), trained(options)];
        bn.training = mode;
        other.training = mode;
        bn.learn = false;
        for (const layer of [bn, other]) layer.forward(x, shape);
        same(bn.backward(dy), other.backward(dy), 'dx');
        assert.equal([bn.dgamma, bn.dbeta], [null, null]);
        bn.learn = true;
        bn.backward(dy);
        assert.equal([bn.dgamma, bn.dbeta], [other.dgamma, other.dbeta]);
      }
    }
  });

  test('freeze is evaluation that survives train()', () => {
    const bn = trained({}).freeze();
    const before = bn.state();
    const expected = BatchNorm.fromState({ ...before, training: false });
    same(bn.train().forward(x, shape), expected.forward(x, shape), 'y');
    same(bn.backward(dy), expected.backward(dy), 'dx');
    assert.is(bn.dgamma, null);
    assert.equal(bn.state(), before);
    assert.equal(BatchNorm.fromState(before).state(), before);
    assert.equal(bn.unfreeze().state(), trained({}).state());
  });
}

function nonFinite(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'not finite');

  test('propagate: NaN goes into its channel', () => {
    const bn = trained({});
    bn.forward(poisoned(), SHAPE);
    assert.equal(Array.from(bn.runningMean, Number.isNaN), [false, true, false]);
    assert.equal(bn.nonFiniteChannels, [1]);
  });

  test('skip: normalised, and kept out of the running statistics', () => {
    for (const options of [{}, { renorm: true }, { ghostBatchSize: 2 }] as const) {
      const bn = trained({ ...options, onNonFinite: 'skip' });
      const before = bn.state();
      const y = bn.forward(poisoned(), SHAPE);
      assert.ok(y.some(Number.isNaN) && y.some(Number.isFinite));
      assert.equal(bn.state(), before);
      assert.equal([bn.nonFiniteChannels, bn.commit()], [[1], false]);
      bn.forward(poisoned(), SHAPE, { update: false });
      assert.equal([bn.commit(), bn.commit(bn.batchMoments!)], [false, false]);
      bn.forward(BATCHES[0].x, BATCHES[0].shape);
      assert.equal([bn.nonFiniteChannels, bn.batchesTracked], [[], 6]);
    }
  });

  test('throw: everything as it was, the forward before included', () => {
    const [{ x, shape }] = BATCHES;
    for (const options of [{}, { ghostBatchSize: 2, grouping: 'interleaved' }] as const) {
      const bn = trained({ ...options, onNonFinite: 'throw' });
      bn.forward(x, shape, { update: false });
      const expected = bn.backward(x);
      const before = bn.state();
      const out = new Float32Array(24).fill(7);
      assert.throws(
        () => bn.forward(poisoned(), SHAPE, { out }),
        (error: Error & { code?: string }) =>
          error.code === 'ERR_BATCHNORM_NON_FINITE' && error.message.includes('in channel 1;'),
      );
      assert.ok(out.every((value) => value === 7));
      assert.equal(bn.state(), before);
      same(bn.backward(x), expected, 'dx of the forward before');
      assert.is(bn.commit(), true);
    }
  });

  test('throw: Infinity too, and evaluation lets anything pass', () => {
    const x = batch(1);
    x[0] = Infinity;
    const bn = trained({ onNonFinite: 'throw' });
    assert.throws(() => bn.forward(x, SHAPE), /channel 0;/);
    assert.is(bn.eval().forward(x, SHAPE)[0], Infinity);
  });

  test('throw, where nothing is wrong, is the plain layer, to the bit', () => {
    for (const sample of LAYER_CASES) {
      const data = layerData('throw', sample, 'float32');
      const [plain, bn] = [{}, { onNonFinite: 'throw' } as const].map((options) =>
        runLayer(
          new BatchNorm<Tensor>(sample.c, { axis: sample.axis, activation: 'relu', ...options }),
          data,
          sample.shape,
          {
            residual: data.residual,
          },
        ),
      );
      for (const name of ['y', 'dx', 'dgamma', 'dbeta', 'dresidual'] as const) same(bn[name], plain[name], name);
    }
  });
}
