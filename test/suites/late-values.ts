// Values that no weight takes in, and memory that two objects share.
import { runInNewContext } from 'node:vm';
import {
  BatchNorm,
  type BatchNormOptions,
  backward,
  forwardInference,
  forwardTraining,
  GradientSums,
  Moments,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';

const GOOD = Float32Array.of(1, 3);
const SHAPE = [2, 1];

export default function lateValues(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'running statistics, shared memory');

  for (const bad of [NaN, Infinity]) {
    for (const renorm of [false, true]) {
      test(`updateRate 0 and ${bad}, renorm ${renorm}: nothing is taken in`, () => {
        const options: BatchNormOptions = { updateRate: 0, renorm: renorm && { updateRate: 0 } };
        const [bn, fresh] = [new BatchNorm(1, options), new BatchNorm(1, options)];
        bn.forward(Float32Array.of(1, bad), SHAPE);
        for (const name of ['runningMean', 'runningVariance', 'renormMean', 'renormDeviation'] as const) {
          if (name === 'runningVariance' && renorm) assert.ok(Math.abs(bn[name][0] - 1) < 1e-15);
          else assert.equal(bn[name], fresh[name], name);
        }
      });

      test(`updateRate 1 and ${bad}, renorm ${renorm}: the next batch replaces it`, () => {
        const options: BatchNormOptions = { updateRate: 1, renorm: renorm && { updateRate: 1 } };
        const [bn, fresh] = [new BatchNorm(1, options), new BatchNorm(1, options)];
        bn.forward(Float32Array.of(1, bad), SHAPE);
        for (const layer of [bn, fresh]) layer.forward(GOOD, SHAPE);
        for (const name of ['runningMean', 'runningVariance', 'renormMean', 'renormDeviation'] as const) {
          assert.equal(bn[name], fresh[name], name);
        }
      });
    }

    for (const options of [{ updateRate: 'cumulative' }, { debias: true }, { updateRate: 'pooled' }] as const) {
      test(`${JSON.stringify(options)}: a start value of ${bad} is replaced by the first batch`, () => {
        const [bn, fresh] = [new BatchNorm(1, options), new BatchNorm(1, options)];
        bn.runningMean[0] = bad;
        bn.runningVariance[0] = bad;
        for (const layer of [bn, fresh]) layer.forward(GOOD, SHAPE);
        assert.equal(bn.runningMean, fresh.runningMean);
        assert.equal(bn.runningVariance, fresh.runningVariance);
      });
    }
  }

  test('a negative running variance is refused where it would be averaged', () => {
    const wanted = /"runningVariance\[0\]" expected a variance >= 0, got -1/;
    const bn = new BatchNorm(1);
    bn.runningVariance[0] = -1;
    assert.throws(() => bn.forward(GOOD, SHAPE), wanted);
    assert.throws(() => bn.commit(new Moments(1).add(GOOD, SHAPE)), wanted);
    assert.is(bn.batchesTracked, 0);
    bn.updateStatistics = false;
    bn.forward(GOOD, SHAPE);
  });

  /** Eight numbers of one memory, by two objects that do not know of each other. */
  const twice = (offset: number) => {
    const shared = new SharedArrayBuffer(64);
    const x = new Float32Array(shared, 0, 8);
    x.set([1, 2, 3, 4, 5, 6, 7, 9]);
    return { x, out: new Float32Array(structuredClone(shared), 4 * offset, 8) };
  };

  test('an overlap through another object of one memory is refused', () => {
    const given = { mean: [1], variance: [1] };
    const calls = {
      forwardTraining: (x: Float32Array, out: Float32Array) => forwardTraining(x, [8, 1], { out }),
      forwardInference: (x: Float32Array, out: Float32Array) => forwardInference(x, [8, 1], { ...given, out }),
      backward: (x: Float32Array, out: Float32Array) => backward(x.slice(), x, [8, 1], { ...given, out }),
      'BatchNorm.forward': (x: Float32Array, out: Float32Array) => new BatchNorm(1).forward(x, [8, 1], { out }),
    };
    for (const [name, call] of Object.entries(calls)) {
      for (const offset of [1, 7]) {
        const { x, out } = twice(offset);
        const before = x.slice();
        assert.throws(() => call(x, out), /"out" expected .*, got an overlap with "x"/, name);
        assert.equal(x.slice(), before);
      }
      const { x, out } = twice(8);
      call(x, out);
    }
  });

  test('a forward in place through another object of one memory', () => {
    const { x, out } = twice(0);
    const want = forwardTraining(x.slice(), [8, 1]).y;
    const bn = new BatchNorm(1);
    assert.equal(bn.forward(x, [8, 1], { out }).slice(), want);
    assert.throws(
      () => bn.backward(new Float32Array(8)),
      (error: Error & { code?: string }) => error.code === 'ERR_BATCHNORM_NO_INPUT',
    );
  });

  test('an overlap through objects of two realms is refused', () => {
    const Shared = runInNewContext('SharedArrayBuffer') as SharedArrayBufferConstructor;
    const shared = new Shared(64);
    const x = new Float32Array(shared, 0, 8);
    for (const [from, to] of [
      [x, new Float32Array(structuredClone(shared), 4, 8)],
      [new Float32Array(structuredClone(shared), 4, 8), x],
    ]) {
      assert.throws(() => forwardTraining(from, [8, 1], { out: to }), /"out" expected .*, got an overlap with "x"/);
    }
  });

  test('inputs in shared memory, which other threads may be reading, are not written', () => {
    const shared = (...values: number[]) => {
      const array = new Float32Array(new SharedArrayBuffer(16));
      array.set(values);
      return array;
    };
    const [shape, mean, variance] = [[4, 1], Float64Array.of(1), Float64Array.of(1)];
    const [x, other, residual, dy] = [shared(1, 2, 4, 7), shared(0, 10, 3, 5), shared(1), shared(1)];
    const { store } = Atomics;
    let stores = 0;
    Atomics.store = ((...given: Parameters<typeof store>) => {
      stores++;
      return store(...given);
    }) as typeof store;
    try {
      const bn = new BatchNorm(1, { activation: 'relu' });
      for (const each of [x, other]) bn.forward(each, shape, { residual });
      bn.backward(dy);
      forwardTraining(x, shape, { residual });
      forwardInference(x, shape, { mean, variance, residual });
      backward(dy, x, shape, { mean, variance, residual, activation: 'relu' });
      new Moments(1).add(x, shape);
      new GradientSums(1).add(dy, x, shape, { mean, variance });
    } finally {
      Atomics.store = store;
    }
    assert.is(stores, 0);
  });

  test('two memories of equal content are two', () => {
    const [a, b] = [new SharedArrayBuffer(32), new SharedArrayBuffer(32)];
    const bn = new BatchNorm(1);
    bn.forward(new Float32Array(a).fill(2, 3), [8, 1], { out: new Float32Array(b) });
    bn.backward(new Float32Array(8));
  });
}
