// The layer: running statistics, modes, what forward keeps, state.
import { BatchNorm, type BatchNormOptions, type BatchNormState, backward, forwardTraining, Moments } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';

/**
 * One channel: batches with mean 2 and population variance 1 (unbiased 2), and with mean 6 and variance 4 (unbiased 8).
 */
const FIRST = Float32Array.of(1, 3);
const SECOND = Float32Array.of(4, 8);

function data(length: number, seed = 1): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (i + seed) * 1.7) * 3 + seed);
}

function running(
  options: BatchNormOptions,
  batches: readonly Float32Array[] = [FIRST, SECOND],
): [number, number, number] {
  const bn = new BatchNorm(1, options);
  for (const batch of batches) bn.forward(batch, [batch.length, 1]);
  return [bn.runningMean[0], bn.runningVariance[0], bn.batchesTracked];
}

function code(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'nothing thrown';
}

const NO_INPUT = 'ERR_BATCHNORM_NO_INPUT';
const x = data(24);
const dy = data(24, 2);
const SHAPE = [4, 3, 2];

export default function layer(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'layer');

  test('a new layer', () => {
    const bn = new BatchNorm(2);
    assert.equal(
      [[...bn.gamma!], [...bn.beta!]],
      [
        [1, 1],
        [0, 0],
      ],
    );
    assert.equal(
      [[...bn.runningMean], [...bn.runningVariance]],
      [
        [0, 0],
        [1, 1],
      ],
    );
    assert.equal([bn.channels, bn.batchesTracked, bn.training, bn.dgamma, bn.dresidual], [2, 0, true, null, null]);
    const bare = new BatchNorm<Float64Array>(2, { scale: false, center: false, dtype: 'float64' });
    assert.equal([bare.gamma, bare.beta], [null, null]);
    assert.ok(new BatchNorm<Float64Array>(2, { dtype: 'float64' }).gamma instanceof Float64Array);
  });

  test('running statistics by hand', () => {
    assert.equal(running({}), [0.9 * (0.1 * 2) + 0.1 * 6, 0.9 * (0.9 + 0.1 * 2) + 0.1 * 8, 2]);
    assert.equal(running({ varianceEstimator: 'biased' }).slice(1), [0.9 * (0.9 + 0.1) + 0.1 * 4, 2]);
    assert.equal(running({ updateRate: 1 }), [6, 8, 2]);
    assert.equal(running({ updateRate: 0 }), [0, 1, 2]);
    assert.equal(running({ updateRate: 0.25 }), [0.75 * 0.5 + 1.5, 0.75 * (0.75 + 0.5) + 2, 2]);
  });

  test('decay is 1 - updateRate', () => {
    assert.equal(running({ decay: 0.75 }), running({ updateRate: 0.25 }));
    assert.equal(running({ decay: 0 }), [6, 8, 2]);
  });

  test('cumulative: the plain mean over all batches', () => {
    assert.equal(running({ updateRate: 'cumulative' }), [4, 5, 2]);
    const [mean, variance] = running({ updateRate: 'cumulative' }, [FIRST, SECOND, FIRST, SECOND]);
    assert.ok(Math.abs(mean - 4) < 1e-14 && Math.abs(variance - 5) < 1e-14);
  });

  test('m = 0 updates nothing, m = 1 (allowed) takes the biased variance', () => {
    assert.equal(running({ updateRate: 0.5 }, [new Float32Array(0)]), [0, 1, 0]);
    const empty = new BatchNorm(1);
    assert.is(empty.forward(new Float32Array(0), [0, 1]).length, 0);
    assert.equal([...empty.backward(new Float32Array(0)), ...empty.dgamma!, ...empty.dbeta!], [0, 0]);
    assert.equal(running({ updateRate: 0.5, singleValue: 'allow' }, [Float32Array.of(4)]), [2, 0.5, 1]);
  });

  test('evaluation uses the running statistics and leaves them', () => {
    const bn = new BatchNorm(1, { epsilon: 0 }).eval();
    bn.runningMean[0] = 1;
    bn.runningVariance[0] = 4;
    assert.equal([...bn.forward(FIRST, [2, 1])], [0, 1]);
    assert.equal([bn.runningMean[0], bn.runningVariance[0], bn.batchesTracked], [1, 4, 0]);
    assert.equal([...bn.forward(Float32Array.of(5), [1, 1])], [2]);
    assert.equal([...bn.train().forward(FIRST, [2, 1])], [-1, 1]);
    assert.is(bn.training, true);
  });

  test('a layer is the functions', () => {
    const residual = data(24, 5);
    const bn = new BatchNorm(3, { activation: 'relu' });
    bn.gamma!.set([0.5, 2, -1]);
    bn.beta!.set([1, -1, 0.25]);
    const gamma = bn.gamma!.slice();
    const beta = bn.beta!.slice();
    const { y, mean, variance } = forwardTraining(x, SHAPE, { gamma, beta, residual, activation: 'relu' });
    assert.equal(bn.forward(x, SHAPE, { residual }), y);
    const options = { mean, variance, gamma, beta, residual, activation: 'relu' } as const;
    const gradients = backward(dy, x, SHAPE, options);
    const dx = bn.backward(dy);
    assert.equal({ dx, dgamma: bn.dgamma, dbeta: bn.dbeta, dresidual: bn.dresidual }, gradients);
  });

  test('evaluation goes back with given statistics', () => {
    const bn = new BatchNorm(3).eval();
    bn.runningMean.set([1, 2, 3]);
    bn.runningVariance.set([4, 5, 6]);
    bn.forward(x, SHAPE);
    const given = { mean: [1, 2, 3], variance: [4, 5, 6], statistics: 'given' } as const;
    assert.equal(bn.backward(dy), backward(dy, x, SHAPE, given).dx);
  });

  test('backward is that of the forward, whatever has been written since', () => {
    for (const training of [true, false]) {
      const fresh = () => {
        const bn = new BatchNorm(3, { activation: 'relu' });
        bn.training = training;
        bn.forward(x, SHAPE);
        return bn;
      };
      const expected = fresh().backward(dy);
      const bn = fresh();
      bn.gamma!.fill(9);
      bn.beta!.fill(9);
      bn.runningMean.fill(9);
      bn.runningVariance.fill(9);
      bn.training = !training;
      assert.equal(bn.backward(dy), expected);
      // And the next forward sees what was written.
      assert.not.equal(bn.forward(x, SHAPE), new BatchNorm(3, { activation: 'relu' }).forward(x, SHAPE));
    }
  });

  test('the arrays of gradients stay the same; what backward returned stays what it was', () => {
    const bn = new BatchNorm(3);
    bn.forward(x, SHAPE);
    const first = bn.backward(dy);
    const { dgamma, dbeta } = bn;
    const before = first.slice();
    bn.forward(dy, SHAPE);
    bn.backward(x);
    assert.ok(bn.dgamma === dgamma && bn.dbeta === dbeta);
    assert.equal(first, before);
  });

  test('without scale and center there are no such gradients', () => {
    const bn = new BatchNorm(3, { scale: false, center: false });
    bn.forward(x, SHAPE);
    const { mean, variance } = forwardTraining(x, SHAPE);
    assert.equal(bn.backward(dy), backward(dy, x, SHAPE, { mean, variance }).dx);
    assert.equal([bn.dgamma, bn.dbeta], [null, null]);
  });

  test('dresidual without an activation: dy, or a copy where dx takes its place', () => {
    const bn = new BatchNorm(3);
    bn.forward(x, SHAPE, { residual: data(24, 4) });
    bn.backward(dy);
    assert.is(bn.dresidual, dy);
    const over = dy.slice();
    bn.backward(over, { out: over });
    assert.equal(bn.dresidual, dy);
    const outResidual = new Float32Array(24);
    bn.backward(dy, { outResidual });
    assert.ok(bn.dresidual === outResidual);
    assert.equal(outResidual, dy);
    bn.forward(x, SHAPE);
    bn.backward(dy);
    assert.is(bn.dresidual, null);
  });

  test('nothing to go back from: a code that says so', () => {
    const bn = new BatchNorm(3, { activation: 'relu' });
    assert.is(
      code(() => bn.backward(dy)),
      NO_INPUT,
    );
    bn.forward(x, SHAPE);
    bn.forget();
    assert.is(
      code(() => bn.backward(dy)),
      NO_INPUT,
    );
    const own = x.slice();
    bn.forward(own, SHAPE, { out: own });
    assert.is(
      code(() => bn.backward(dy)),
      NO_INPUT,
    );
    const residual = x.slice();
    bn.forward(x, SHAPE, { residual, out: residual });
    assert.is(
      code(() => bn.backward(dy)),
      NO_INPUT,
    );
    const moved = x.slice();
    bn.forward(moved, SHAPE);
    structuredClone(moved.buffer, { transfer: [moved.buffer] });
    assert.is(
      code(() => bn.backward(dy)),
      NO_INPUT,
    );
    bn.forward(x, SHAPE);
    assert.is(bn.backward(dy).length, 24);
  });

  test('over a residual whose values nobody needs, backward works', () => {
    const bn = new BatchNorm(3);
    const expected = new BatchNorm(3);
    expected.forward(x, SHAPE);
    const residual = data(24, 4);
    bn.forward(x, SHAPE, { residual, out: residual });
    assert.equal(bn.backward(dy), expected.backward(dy));
  });

  test('its arrays are written in place, never replaced', () => {
    const bn = new BatchNorm(3) as unknown as Record<string, unknown>;
    for (const name of ['channels', 'gamma', 'beta', 'runningMean', 'runningVariance', 'batchesTracked', 'dgamma']) {
      assert.throws(
        () => {
          bn[name] = new Float32Array(3);
        },
        (error: Error) => error instanceof TypeError,
      );
    }
  });

  test('gradients that went to a worker are allocated anew', () => {
    const bn = new BatchNorm(3);
    bn.forward(x, SHAPE);
    bn.backward(dy);
    const before = bn.dgamma!.slice();
    structuredClone(bn.dgamma!, { transfer: [bn.dgamma!.buffer as ArrayBuffer] });
    bn.backward(dy);
    assert.equal(bn.dgamma, before);
  });

  test('a failed forward leaves the earlier one', () => {
    const bn = new BatchNorm(3);
    bn.forward(x, SHAPE);
    const expected = bn.backward(dy);
    const before = bn.state();
    assert.throws(
      () => bn.forward(x, [4, 3, 3]),
      (error: Error) => error instanceof RangeError,
    );
    assert.equal(bn.state(), before);
    assert.equal(bn.backward(dy), expected);
  });

  test('exact statistics instead of running ones', () => {
    const moments = new Moments(1).add(FIRST, [2, 1]).add(SECOND, [2, 1]);
    const bn = new BatchNorm(1);
    bn.setStatistics(moments);
    assert.equal([bn.runningMean[0], bn.runningVariance[0]], [4, moments.sampleVariance[0]]);
    const biased = new BatchNorm(1, { varianceEstimator: 'biased' });
    biased.setStatistics(moments);
    assert.is(biased.runningVariance[0], 6.5);
    bn.setStatistics(new Moments(1).add(Float32Array.of(3), [1, 1]));
    assert.equal([bn.runningMean[0], bn.runningVariance[0]], [3, 0]);
  });

  test('state: through JSON, bit for bit', () => {
    const options: BatchNormOptions[] = [
      {},
      { decay: 0.99, epsilon: 1e-3, axis: -1, varianceEstimator: 'biased', singleValue: 'allow', activation: 'relu' },
      { updateRate: 'cumulative', scale: false, center: false, axis: 2 },
    ];
    for (const each of options) {
      const bn = new BatchNorm(2, each);
      bn.forward(data(8), each.axis === 2 ? [2, 2, 2] : [4, 2]);
      bn.runningMean.set([-0, Infinity]);
      bn.runningVariance[1] = NaN;
      bn.gamma?.set([0.1, -0]);
      const state: BatchNormState = JSON.parse(JSON.stringify(bn.eval().state()));
      const copy = BatchNorm.fromState(state);
      assert.equal(JSON.stringify(copy.state()), JSON.stringify(bn.state()));
      assert.ok(Object.is(copy.runningMean[0], -0) && Number.isNaN(copy.runningVariance[1]));
      assert.equal([copy.training, copy.batchesTracked, copy.gamma], [false, 1, bn.gamma]);
    }
    const double = new BatchNorm<Float64Array>(1, { dtype: 'float64' });
    double.gamma![0] = 1 / 3;
    const copy = BatchNorm.fromState<Float64Array>(JSON.parse(JSON.stringify(double.state())));
    assert.is(copy.gamma![0], 1 / 3);
  });

  test('a restored layer goes on as the saved one would', () => {
    const bn = new BatchNorm(3, { updateRate: 'cumulative' });
    bn.forward(x, SHAPE);
    const copy = BatchNorm.fromState(bn.state());
    for (const each of [bn, copy]) each.forward(dy, SHAPE);
    assert.equal(copy.state(), bn.state());
  });
}
