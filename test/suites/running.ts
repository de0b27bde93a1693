// What the running statistics hold before an update: kept whole at a rate of 0, gone at a weight of 1, refused where
// negative.
import { BatchNorm, type BatchNormOptions, Moments } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { same } from '../support/close.js';
import { suiteFor } from '../support/suite.js';

const SHAPE = [3, 1];
const GOOD = Float32Array.of(1, 3, 8);
const BAD = [Float32Array.of(1, NaN, 3), Float32Array.of(1, Infinity, 3)];

/** Start values that are no numbers to average with. */
const UNUSABLE = [NaN, Infinity];

/** What takes the first batch as it is. */
const REPLACING: readonly BatchNormOptions<'float32'>[] = [
  { updateRate: 1 },
  { decay: 0 },
  { updateRate: 'cumulative' },
  { updateRate: 'pooled' },
  { debias: true },
  { debias: true, updateRate: 1 },
];

const RENORM: readonly BatchNormOptions['renorm'][] = [false, true];

function statisticsOf(bn: BatchNorm): Float64Array {
  const arrays = [bn.runningMean, bn.runningVariance, bn.renormMean, bn.renormDeviation];
  return Float64Array.from(arrays.flatMap((array) => [...(array ?? [])]));
}

export default function running(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'running statistics');

  test('a first batch of weight 1 replaces start values that are not finite', () => {
    for (const renorm of RENORM) {
      for (const options of REPLACING) {
        const expected = new BatchNorm(1, { ...options, renorm });
        expected.forward(GOOD, SHAPE);
        for (const start of UNUSABLE) {
          const bn = new BatchNorm(1, { ...options, renorm });
          bn.runningMean[0] = -start;
          bn.runningVariance[0] = start;
          bn.forward(GOOD, SHAPE);
          same(statisticsOf(bn), statisticsOf(expected), `${JSON.stringify(options)}, renorm ${renorm}, from ${start}`);
        }
      }
    }
  });

  test('a rate of 1 forgets a batch that was not finite with the next one', () => {
    const renorm = { updateRate: 1 };
    for (const options of [{ updateRate: 1 }, { updateRate: 1, debias: true }, { updateRate: 1, renorm }]) {
      const expected = new BatchNorm(1, options);
      expected.forward(GOOD, SHAPE);
      for (const bad of BAD) {
        const bn = new BatchNorm(1, options);
        bn.forward(bad, SHAPE);
        bn.forward(GOOD, SHAPE);
        same(statisticsOf(bn), statisticsOf(expected), JSON.stringify(options));
      }
    }
  });

  test('a rate of 0 leaves every bit, whatever the batch and whatever they hold', () => {
    const renorm = { updateRate: 0 };
    for (const options of [
      { updateRate: 0 },
      { decay: 1 },
      { updateRate: 0, debias: true },
      { updateRate: 0, renorm },
    ]) {
      for (const x of [GOOD, ...BAD]) {
        for (const held of [0.1, 1 / 3, 1e-7, ...UNUSABLE]) {
          const bn = new BatchNorm(1, options);
          bn.runningMean[0] = -held;
          bn.runningVariance[0] = held;
          const before = statisticsOf(bn);
          for (let step = 0; step < 3; step++) bn.forward(x, SHAPE);
          same(statisticsOf(bn), before, `${JSON.stringify(options)}: ${held} after ${x}`);
          assert.is(bn.batchesTracked, 3);
        }
      }
    }
  });

  test('the averages of renorm have a rate of their own', () => {
    const bn = new BatchNorm(1, { renorm: { updateRate: 0 } });
    bn.forward(BAD[0], SHAPE);
    assert.equal([...bn.renormMean!, ...bn.renormDeviation!], [0, 1]);
    assert.ok(Number.isNaN(bn.runningMean[0]));
    const last = new BatchNorm(1, { updateRate: 0, renorm: { updateRate: 1 } });
    last.renormMean![0] = last.renormDeviation![0] = NaN;
    last.forward(GOOD, SHAPE);
    assert.equal([last.renormMean![0], last.runningMean[0]], [4, 0]);
    assert.ok(last.renormDeviation![0] > 2);
  });

  test('between 0 and 1 NaN is data: it stays', () => {
    const bn = new BatchNorm(1, { updateRate: 0.5 });
    bn.forward(BAD[0], SHAPE);
    bn.forward(GOOD, SHAPE);
    assert.ok(Number.isNaN(bn.runningMean[0]) && Number.isNaN(bn.runningVariance[0]));
  });

  test('a negative running variance is refused wherever it would be read, and nothing is lost', () => {
    for (const options of [{}, ...REPLACING, { updateRate: 0 }, { renorm: true }, { ghostBatchSize: 3 }]) {
      const bn = new BatchNorm(1, options);
      bn.forward(GOOD, SHAPE, { update: false });
      for (const name of ['runningVariance', 'renormDeviation'] as const) {
        const array = bn[name];
        if (array === null) continue;
        const [kept] = array;
        array[0] = -1;
        const before = bn.state();
        const refused = (call: string) => (error: unknown) => {
          const kind = name === 'runningVariance' ? 'variance' : 'deviation';
          const message = `batchnorm: BatchNorm.${call}: "${name}[0]" expected a ${kind} >= 0, got -1`;
          return error instanceof RangeError && error.message === message;
        };
        assert.throws(() => bn.forward(GOOD, SHAPE), refused('forward'));
        assert.throws(() => bn.forward(GOOD, SHAPE, { update: false }), refused('forward'));
        assert.throws(() => bn.commit(), refused('commit'));
        assert.throws(() => bn.commit(new Moments(1).add(GOOD, SHAPE)), refused('commit'));
        assert.equal(bn.state(), before);
        array[0] = kept;
      }
      assert.is(bn.commit(), true);
    }
  });

  test('a negative one that a forward does not read is none of its business', () => {
    const bn = new BatchNorm(1);
    bn.updateStatistics = false;
    bn.runningVariance[0] = -1;
    bn.forward(GOOD, SHAPE);
    bn.setStatistics(new Moments(1).add(GOOD, SHAPE));
    assert.ok(bn.runningVariance[0] > 0);
  });

  test('a state with a negative deviation is refused', () => {
    const state = { ...new BatchNorm(1, { renorm: true }).state(), renormDeviation: [-1] };
    assert.throws(
      () => BatchNorm.fromState(state),
      /fromState: "renormDeviation\[0\]" expected a deviation >= 0, got -1/,
    );
  });

  test('a reset leaves statistics and counts as in a new layer, and everything else', () => {
    const variants: readonly BatchNormOptions<'float32'>[] = [...REPLACING, { updateRate: 0.3, renorm: true }];
    for (const options of variants) {
      const [bn, fresh] = [new BatchNorm(1, options), new BatchNorm(1, options)];
      for (const each of [bn, fresh]) {
        each.gamma![0] = 3;
        each.beta![0] = -1;
      }
      const { runningMean, runningVariance } = bn;
      for (const x of [...BAD, GOOD]) {
        bn.forget();
        bn.forward(x, SHAPE);
      }
      const before = bn.backward(GOOD);
      assert.is(bn.resetStatistics(), bn);
      assert.equal(bn.state(), fresh.state(), JSON.stringify(options));
      assert.equal([bn.runningMean === runningMean, bn.runningVariance === runningVariance], [true, true]);
      same(bn.backward(GOOD), before, 'backward of the forward before');
      for (const each of [bn, fresh]) {
        each.forget();
        each.forward(GOOD, SHAPE);
      }
      assert.equal(bn.state(), fresh.state(), `${JSON.stringify(options)}, after a batch`);
    }
  });

  test('a reset lets go of what waits for commit, and keeps a rate and switches that were set', () => {
    const bn = new BatchNorm(1).freeze().unfreeze();
    bn.updateRate = 0.5;
    bn.learn = false;
    bn.forward(GOOD, SHAPE, { update: false });
    bn.resetStatistics();
    assert.equal([bn.commit(), bn.batchesTracked, bn.updateRate, bn.learn, bn.training], [false, 0, 0.5, false, true]);
    bn.forward(GOOD, SHAPE);
    const state = bn.state();
    structuredClone(bn.runningVariance, { transfer: [bn.runningVariance.buffer as ArrayBuffer] });
    assert.throws(() => bn.resetStatistics(), /^batchnorm: BatchNorm.resetStatistics: "runningVariance" expected/);
    assert.equal([bn.batchesTracked, bn.runningMean[0]], [1, Number(state.runningMean[0])]);
  });
}
