// Batch renormalization, against figures worked out from the formulas of Keras and TensorFlow.
import { BatchNorm, type BatchNormOptions, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, type LayerCase, layerData, runLayer } from '../support/layer-cases.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';
import * as oracle from '../support/variants-oracle.js';

const EPSILON = 1e-3;
const KERAS = { epsilon: EPSILON, decay: 0.99, varianceEstimator: 'biased', singleValue: 'allow' } as const;
const ALL = { rMin: 0, rMax: Infinity, dMax: Infinity };

function layerOf(sample: LayerCase, options: BatchNormOptions, dtype: Dtype = 'float64'): BatchNorm<Tensor> {
  return new BatchNorm<Tensor>(sample.c, { ...KERAS, axis: sample.axis, dtype, ...options });
}

/** Averages that no batch of the tests is near to, so that r and d matter. */
function primed(bn: BatchNorm<Tensor>): BatchNorm<Tensor> {
  bn.renormMean!.forEach((_, ch) => {
    bn.renormMean![ch] = 0.5 - ch / 4;
    bn.renormDeviation![ch] = 0.5 + ch;
  });
  return bn;
}

/** Keras' layer, one channel at a time: its variables and their updates. */
class Keras {
  movingMean = 0;
  movingDeviation = 1;
  renormMean = 0;
  renormDeviation = 1;

  update({ mean, variance }: { mean: number; variance: number }, momentum: number, renormMomentum: number): void {
    const deviation = Math.sqrt(variance + EPSILON);
    const average = (old: number, fresh: number, rate: number) => old * rate + fresh * (1 - rate);
    this.renormMean = average(this.renormMean, mean, renormMomentum);
    this.renormDeviation = average(this.renormDeviation, deviation, renormMomentum);
    this.movingMean = average(this.movingMean, mean, momentum);
    this.movingDeviation = average(this.movingDeviation, deviation, momentum);
  }

  get movingVariance(): number {
    return Math.max(this.movingDeviation ** 2 - EPSILON, 0);
  }
}

function problemOf(
  sample: LayerCase,
  bn: BatchNorm<Tensor>,
  data: ReturnType<typeof layerData>,
  limits = ALL,
  size = 99,
) {
  const lists = oracle.sharing(sample, oracle.groupsOf(sample.samples, size, 'consecutive'));
  const corrections = lists.map(({ ch, indices }) => {
    const averages = { renormMean: bn.renormMean![ch], renormDeviation: bn.renormDeviation![ch] };
    return oracle.correctionOf(oracle.momentsOf(data.x, indices), averages, limits, EPSILON);
  });
  return { ...data, epsilon: EPSILON, lists, corrections };
}

export default function renorm(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'renorm');

  for (const sample of LAYER_CASES) {
    test(`[${sample.shape}], axis ${sample.axis}: y and gradients, without limits and with`, () => {
      for (const dtype of DTYPES) {
        const tolerance = dtype === 'float32' ? 1e-5 : 1e-12;
        for (const limits of [ALL, { rMin: 0.9, rMax: 1.1, dMax: 0.25 }, { rMin: 0, rMax: 1.5, dMax: 0 }]) {
          const data = layerData('renorm', sample, dtype);
          const bn = primed(layerOf(sample, { renorm: limits }, dtype));
          const problem = problemOf(sample, bn, data, limits);
          const expected = oracle.backward(problem, sample.c);
          const { y, dx, dgamma, dbeta } = runLayer(bn, data, sample.shape);
          near(y, oracle.normalize(problem), tolerance, 'y');
          near(dx, expected.dx, tolerance * 10, 'dx');
          near(dgamma!, expected.dgamma, tolerance * 10, 'dgamma');
          near(dbeta!, expected.dbeta, tolerance * 10, 'dbeta');
        }
      }
    });
  }

  test('dx by central differences, r and d held', () => {
    const [, sample] = LAYER_CASES;
    const data = layerData('differences', sample, 'float64');
    const bn = primed(layerOf(sample, { renorm: { rMax: 1.2, dMax: 0.3 } }));
    const problem = problemOf(sample, bn, data, { rMin: 0, rMax: 1.2, dMax: 0.3 });
    const { dx } = runLayer(bn, data, sample.shape);
    const step = 2 ** -17;
    const lossAt = (k: number, by: number) => {
      const x = data.x.map((value, i) => (i === k ? value + by : value));
      return oracle.normalize({ ...problem, x }).reduce((total, value, i) => total + value * data.dy[i], 0);
    };
    dx.forEach((value, k) => {
      near([value], [(lossAt(k, step) - lossAt(k, -step)) / (2 * step)], 1e-7, `dx at ${k}`);
    });
  });

  test('through relu and a residual', () => {
    const [sample] = LAYER_CASES;
    const data = layerData('relu', sample, 'float64');
    const bn = primed(layerOf(sample, { renorm: true, activation: 'relu' }));
    const problem = problemOf(sample, bn, data);
    const z = oracle.normalize(problem).map((value, k) => value + data.residual[k]);
    const g = data.dy.map((value, k) => (z[k] > 0 ? value : 0));
    const { y, dx, dresidual } = runLayer(bn, data, sample.shape, { residual: data.residual });
    near(
      y,
      z.map((value) => Math.max(value, 0)),
      1e-12,
      'y',
    );
    near(dx, oracle.backward({ ...problem, dy: g }, sample.c).dx, 1e-11, 'dx');
    same(dresidual, g, 'dresidual');
  });

  test('averages over ten batches are those of Keras', () => {
    const [sample] = LAYER_CASES;
    const bn = layerOf(sample, { renorm: { decay: 0.9 } });
    // Keras starts its deviation at 1.
    bn.runningVariance.fill(1 - EPSILON);
    const layers = Array.from({ length: sample.c }, () => new Keras());
    for (let step = 0; step < 10; step++) {
      const data = layerData(`step ${step}`, sample, 'float64');
      const problem = problemOf(sample, bn, data);
      const { y } = runLayer(bn, data, sample.shape);
      near(y, oracle.normalize(problem), 1e-12, `y of step ${step}`);
      for (const { ch, indices } of problem.lists) layers[ch].update(oracle.momentsOf(data.x, indices), 0.99, 0.9);
    }
    const of_ = (name: 'movingMean' | 'movingVariance' | 'renormMean' | 'renormDeviation') =>
      layers.map((layer) => layer[name]);
    near(bn.renormMean!, of_('renormMean'), 1e-13, 'renormMean');
    near(bn.renormDeviation!, of_('renormDeviation'), 1e-13, 'renormDeviation');
    near(bn.runningMean, of_('movingMean'), 1e-13, 'runningMean');
    near(bn.runningVariance, of_('movingVariance'), 1e-13, 'runningVariance');
  });

  test('by hand: one channel, two values', () => {
    // mean 2, deviation 1; r = 1/2, d = (2 − 1)/2: y = ±1/2 + 1/2
    const bn = new BatchNorm(1, { epsilon: 0, renorm: true });
    bn.renormMean![0] = 1;
    bn.renormDeviation![0] = 2;
    assert.equal([...bn.forward(Float32Array.of(1, 3), [2, 1])], [0, 1]);
    assert.equal([bn.renormMean![0], bn.renormDeviation![0]], [0.99 * 1 + 0.01 * 2, 0.99 * 2 + 0.01 * 1]);
    // d limited to 1/4 by this call
    bn.renormMean![0] = 1;
    bn.renormDeviation![0] = 2;
    assert.equal([...bn.forward(Float32Array.of(1, 3), [2, 1], { dMax: 0.25 })], [-0.25, 0.75]);
  });

  test('r = 1 and d = 0 is the plain layer, to the bit', () => {
    for (const sample of LAYER_CASES) {
      for (const dtype of DTYPES) {
        for (const epsilon of [0, 1e-5, 0.1]) {
          const data = layerData('bits', sample, dtype);
          const plain = layerOf(sample, { epsilon }, dtype);
          const held = primed(layerOf(sample, { epsilon, renorm: { rMin: 1, rMax: 1, dMax: 0 } }, dtype));
          const perCall = primed(layerOf(sample, { epsilon, renorm: { rMin: 1 } }, dtype));
          const expected = runLayer(plain, data, sample.shape);
          for (const [bn, options] of [
            [held, {}],
            [perCall, { rMax: 1, dMax: 0 }],
          ] as const) {
            const actual = runLayer(bn, data, sample.shape, options);
            for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const) same(actual[name], expected[name], name);
            same(bn.runningMean, plain.runningMean, 'runningMean');
          }
        }
      }
    }
  });

  test('without limits y is the normalisation by the averages', () => {
    const [sample] = LAYER_CASES;
    const { x } = layerData('averages', sample, 'float64');
    const bn = primed(layerOf(sample, { renorm: true }));
    const given = layerOf(sample, { epsilon: 0 }).eval();
    given.runningMean.set(bn.renormMean!);
    given.runningVariance.set(bn.renormDeviation!.map((deviation) => deviation ** 2));
    near(bn.forward(x, sample.shape), given.forward(x, sample.shape), 1e-12, 'y');
  });

  test('in ghost batches: r and d of each', () => {
    const [sample] = LAYER_CASES;
    const data = layerData('ghosts', sample, 'float64');
    const limits = { rMin: 0.5, rMax: 2, dMax: 0.5 };
    const bn = primed(layerOf(sample, { renorm: limits, ghostBatchSize: 4 }));
    const problem = problemOf(sample, bn, data, limits, 4);
    const expected = oracle.backward(problem, sample.c);
    const { y, dx, dgamma } = runLayer(bn, data, sample.shape);
    near(y, oracle.normalize(problem), 1e-12, 'y');
    near(dx, expected.dx, 1e-11, 'dx');
    near(dgamma!, expected.dgamma, 1e-11, 'dgamma');
  });

  test('evaluation, and a batch that only waits, leave the averages', () => {
    const bn = primed(layerOf(LAYER_CASES[0], { renorm: true }));
    const { x } = layerData('still', LAYER_CASES[0], 'float64');
    const before = bn.state();
    bn.eval().forward(x, LAYER_CASES[0].shape);
    bn.train().forward(x, LAYER_CASES[0].shape, { update: false });
    assert.equal(bn.state(), before);
    bn.commit();
    assert.not.equal(bn.renormMean![0], 0.5);
  });

  test('constant channels', () => {
    const x = Float32Array.of(3, 3, 3);
    const bn = new BatchNorm(1, { epsilon: 0, renorm: true });
    bn.renormMean![0] = 1;
    bn.renormDeviation![0] = 4;
    assert.equal([...bn.forward(x, [3, 1])], [0.5, 0.5, 0.5]);
    assert.ok(bn.backward(Float32Array.of(1, 1, 1)).every((value) => Math.abs(value) < 1e-6));
    // Never a deviation to measure by: the plain layer.
    bn.renormDeviation![0] = 0;
    assert.equal([...bn.forward(x, [3, 1])], [0, 0, 0]);
    assert.equal([...bn.backward(Float32Array.of(1, 2, 3))], [0, 0, 0]);
  });

  test('NaN stays in its channel', () => {
    const bn = new BatchNorm(2, { renorm: true });
    const y = bn.forward(Float32Array.of(NaN, 1, 2, 3), [2, 2]);
    assert.equal(
      Array.from(y, (value) => Number.isNaN(value)),
      [true, false, true, false],
    );
    assert.ok(bn.backward(Float32Array.of(1, 1, 1, 2)).every((value, k) => Number.isNaN(value) === (k % 2 === 0)));
  });

  test('state: through JSON', () => {
    const sample = LAYER_CASES[0];
    const bn = primed(layerOf(sample, { renorm: { rMin: 0.25, dMax: 5 }, ghostBatchSize: 4, grouping: 'interleaved' }));
    const copy = BatchNorm.fromState<Tensor>(JSON.parse(JSON.stringify(bn.state())));
    const data = layerData('state', sample, 'float64');
    const [expected, actual] = [runLayer(bn, data, sample.shape), runLayer(copy, data, sample.shape)];
    for (const name of ['y', 'dx', 'dgamma'] as const) same(actual[name], expected[name], name);
    assert.equal(copy.state(), bn.state());
  });
}
