// Masks: what they leave out is no part of the batch.
import { BatchNorm, type BatchNormOptions, Moments, type Tensor, ThreadReducer } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, type LayerCase, type LayerData, layerData, runLayer } from '../support/layer-cases.js';
import { sum } from '../support/oracle.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';
import * as oracle from '../support/variants-oracle.js';

const EPSILON = 1e-3;
const STEP = 2 ** -17;

function layerOf(sample: LayerCase, options: BatchNormOptions, dtype: Dtype = 'float64'): BatchNorm<Tensor> {
  return new BatchNorm<Tensor>(sample.c, { axis: sample.axis, epsilon: EPSILON, dtype, ...options });
}

/** Two thirds of the positions. */
function maskOf(sample: LayerCase): Uint8Array {
  const random = randomFor(`mask ${sample.shape}`);
  return Uint8Array.from({ length: sample.samples * sample.rows * sample.s }, () => (random.integer(3) === 0 ? 0 : 1));
}

/** Of each element: whether its position takes part. */
function chosenIn({ samples, rows, c, s }: LayerCase, mask: ArrayLike<number>): boolean[] {
  return Array.from({ length: samples * rows * c * s }, (_, k) => mask[Math.floor(k / (c * s)) * s + (k % s)] === 1);
}

/** The plain problem of the oracle, with what is masked struck from its lists. */
function problemOf(sample: LayerCase, data: LayerData, mask: ArrayLike<number>, groups: readonly number[] = []) {
  const chosen = chosenIn(sample, mask);
  const all = oracle.sharing(sample, groups.length > 0 ? groups : Array(sample.samples).fill(0));
  const struck = all.map((shared) => ({ ...shared, indices: shared.indices.filter((k) => chosen[k]) }));
  const lists = struck.filter(({ indices }) => indices.length > 0);
  return { ...data, epsilon: EPSILON, lists, corrections: lists.map(() => ({ r: 1, d: 0 })) };
}

/** With NaN wherever the mask is 0. */
function poisoned(tensor: Tensor, sample: LayerCase, mask: ArrayLike<number>): Tensor {
  const chosen = chosenIn(sample, mask);
  return tensor.map((value, k) => (chosen[k] ? value : Number.NaN));
}

export default function masks(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'masks');

  for (const sample of LAYER_CASES) {
    const mask = maskOf(sample);

    test(`[${sample.shape}], axis ${sample.axis}: by the definition, 0 elsewhere, and NaN there does no harm`, () => {
      for (const dtype of DTYPES) {
        const tolerance = dtype === 'float32' ? 1e-5 : 1e-12;
        const data = layerData('masks', sample, dtype);
        const problem = problemOf(sample, data, mask);
        const spoilt = { ...data, x: poisoned(data.x, sample, mask), dy: poisoned(data.dy, sample, mask) };
        const bn = layerOf(sample, { updateRate: 1, varianceEstimator: 'biased' }, dtype);
        const { y, dx, dgamma, dbeta } = runLayer(bn, spoilt, sample.shape, { mask });
        const expected = oracle.backward(problem, sample.c);
        near(y, oracle.normalize(problem), tolerance, 'y');
        near(dx, expected.dx, tolerance * 10, 'dx');
        near(dgamma!, expected.dgamma, tolerance * 10, 'dgamma');
        near(dbeta!, expected.dbeta, tolerance * 10, 'dbeta');
        const moments = problem.lists.map(({ indices }) => oracle.momentsOf(data.x, indices));
        near(
          bn.runningMean,
          moments.map(({ mean }) => mean),
          1e-14,
          'runningMean',
        );
        near(
          bn.runningVariance,
          moments.map(({ variance }) => variance),
          1e-13,
          'runningVariance',
        );
        const added = new Moments(sample.c).add(spoilt.x, sample.shape, { axis: sample.axis, mask });
        for (const name of ['count', 'mean', 'variance'] as const) same(added[name], bn.batchMoments![name], name);
      }
    });

    test(`[${sample.shape}], axis ${sample.axis}: in ghost batches, whole ones left out too`, () => {
      for (const grouping of ['consecutive', 'interleaved'] as const) {
        for (const ghostBatchSize of [2, 3, sample.samples]) {
          const data = layerData('masked ghosts', sample, 'float64');
          const perSample = mask.length / sample.samples;
          const holey = mask.map((value, position) => (position < 3 * perSample ? 0 : value));
          const groups = oracle.groupsOf(sample.samples, ghostBatchSize, grouping);
          const problem = problemOf(sample, data, holey, groups);
          const spoilt = { ...data, x: poisoned(data.x, sample, holey), dy: poisoned(data.dy, sample, holey) };
          const bn = layerOf(sample, { ghostBatchSize, grouping, singleValue: 'allow' });
          const { y, dx, dgamma, dbeta } = runLayer(bn, spoilt, sample.shape, { mask: holey });
          const expected = oracle.backward(problem, sample.c);
          near(y, oracle.normalize(problem), 1e-12, 'y');
          near(dx, expected.dx, 1e-11, 'dx');
          near(dgamma!, expected.dgamma, 1e-11, 'dgamma');
          near(dbeta!, expected.dbeta, 1e-11, 'dbeta');
          const all = new Moments(sample.c).add(spoilt.x, sample.shape, { axis: sample.axis, mask: holey });
          near(bn.batchMoments!.variance, all.variance, 1e-12, 'variance of all that is chosen');
        }
      }
    });

    test(`[${sample.shape}], axis ${sample.axis}: ones are no mask, to the bit`, () => {
      for (const dtype of DTYPES) {
        const data = layerData('ones', sample, dtype);
        const options = { residual: data.residual };
        const expected = runLayer(layerOf(sample, { activation: 'relu' }, dtype), data, sample.shape, options);
        for (const ones of [mask.map(() => 1), Array.from(mask, () => true)]) {
          const actual = runLayer(layerOf(sample, { activation: 'relu' }, dtype), data, sample.shape, {
            ...options,
            mask: ones,
          });
          for (const name of ['y', 'dx', 'dgamma', 'dbeta', 'dresidual'] as const) {
            same(actual[name], expected[name], name);
          }
        }
      }
    });

    test(`[${sample.shape}], axis ${sample.axis}: gradients by central differences of the layer itself`, () => {
      const data = layerData('mask differences', sample, 'float64');
      const bn = layerOf(sample, { activation: 'relu' });
      const { residual } = data;
      const { dx, dresidual } = runLayer(bn, data, sample.shape, { residual, mask });
      const lossAt = (x: Tensor, added: Tensor) => {
        const y = bn.forward(x, sample.shape, { residual: added, mask, update: false });
        return sum(Array.from(y, (value, k) => value * data.dy[k]));
      };
      for (let k = 0; k < dx.length; k++) {
        const moved = (tensor: Tensor, by: number) => tensor.map((value, i) => (i === k ? value + by : value));
        const ofX = (lossAt(moved(data.x, STEP), residual) - lossAt(moved(data.x, -STEP), residual)) / (2 * STEP);
        const ofAdded = (lossAt(data.x, moved(residual, STEP)) - lossAt(data.x, moved(residual, -STEP))) / (2 * STEP);
        near([dx[k], dresidual![k]], [ofX, ofAdded], 1e-7, `[dx, dresidual] at ${k}`);
      }
    });
  }

  test('whole samples left out are a smaller batch, to the bit', () => {
    for (const dtype of DTYPES) {
      const sample = LAYER_CASES[0];
      const data = layerData('fewer', sample, dtype);
      for (const more of [{}, { renorm: { rMax: 1.1, dMax: 0.1 } }, { onNonFinite: 'throw' }] as BatchNormOptions[]) {
        const fewer = sample.samples - 3;
        const mask = Uint8Array.from({ length: sample.samples }, (_, i) => (i < fewer ? 1 : 0));
        const cut = (tensor: Tensor) => tensor.slice(0, fewer * sample.c);
        const small = { ...data, x: cut(data.x), dy: cut(data.dy) };
        const [plain, bn] = [layerOf(sample, more, dtype), layerOf(sample, more, dtype)];
        const expected = runLayer(plain, small, [fewer, sample.c], { residual: cut(data.residual) });
        const actual = runLayer(bn, data, sample.shape, { residual: data.residual, mask });
        for (const name of ['y', 'dx', 'dresidual'] as const) {
          same(cut(actual[name]!), expected[name], name);
          assert.ok(
            actual[name]!.slice(fewer * sample.c).every((value) => Object.is(value, 0)),
            `${name} is 0 elsewhere`,
          );
        }
        for (const name of ['dgamma', 'dbeta'] as const) same(actual[name], expected[name], name);
        for (const name of ['runningMean', 'runningVariance', 'renormMean'] as const) same(bn[name], plain[name], name);
      }
    }
  });

  test('where Keras divides by count + 1e-7, the figures are its own without that', () => {
    const x = Float64Array.of(1, 2, 4, 100);
    const bn = new BatchNorm<Float64Array>(1, {
      dtype: 'float64',
      decay: 0.99,
      varianceEstimator: 'biased',
      epsilon: 1e-3,
    });
    const y = bn.forward(x, [4, 1], { mask: [1, 1, 1, 0] });
    const [weight, total] = [3 + 1e-7, 1 + 2 + 4];
    const mean = total / weight;
    const variance = ((1 - mean) ** 2 + (2 - mean) ** 2 + (4 - mean) ** 2) / weight;
    near(bn.runningMean, [0.01 * mean], 1e-7, 'moving_mean');
    near(bn.runningVariance, [0.99 + 0.01 * variance], 1e-7, 'moving_variance');
    near(
      y.subarray(0, 3),
      [1, 2, 4].map((value) => (value - mean) / Math.sqrt(variance + 1e-3)),
      1e-6,
      'y',
    );
    near(bn.runningMean, [7 / 300], 1e-16, 'the exact mean');
  });

  test('synchronised with nobody else is not synchronised, to the bit', () => {
    const sample = LAYER_CASES[1];
    const mask = maskOf(sample);
    const data = layerData('masked alone', sample, 'float32');
    const alone = { synchronize: new ThreadReducer(ThreadReducer.memory(1, sample.c), 0) };
    const [plain, bn] = [layerOf(sample, {}, 'float32'), layerOf(sample, alone, 'float32')];
    const [expected, actual] = [plain, bn].map((layer) => runLayer(layer, data, sample.shape, { mask }));
    for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const) same(actual[name], expected[name], name);
    same(bn.runningVariance, plain.runningVariance, 'runningVariance');
  });

  test('nothing left: statistics stay, outputs and gradients are 0', () => {
    for (const more of [{}, { renorm: true }, { onNonFinite: 'throw' }, { ghostBatchSize: 1 }] as BatchNormOptions[]) {
      const bn = new BatchNorm(1, more);
      const y = bn.forward(Float32Array.of(1, Number.NaN), [2, 1], { mask: [0, 0] });
      const dx = bn.backward(Float32Array.of(1, 2));
      assert.equal([[...y], [...dx], [...bn.dgamma!], [...bn.dbeta!]], [[0, 0], [0, 0], [0], [0]]);
      assert.equal([[...bn.runningMean], [...bn.runningVariance], bn.batchesTracked], [[0], [1], 0]);
      assert.is(bn.batchMoments, null);
    }
  });

  test('in evaluation too; and in place, since what is chosen is copied', () => {
    const bn = new BatchNorm(1, { epsilon: 0 }).eval();
    const x = Float32Array.of(5, Number.NaN, 7);
    const y = bn.forward(x, [3, 1], { mask: [1, 0, 1], out: x });
    assert.equal([...y], [5, 0, 7]);
    const dy = Float32Array.of(1, 2, 3);
    assert.is(bn.backward(dy, { out: dy }), dy);
    assert.equal([[...dy], bn.dgamma![0], bn.dbeta![0]], [[1, 0, 3], 1 * 5 + 3 * 7, 4]);
  });

  test('refuses what makes no sense, and changes nothing then', () => {
    const bn = new BatchNorm(1);
    const x = Float32Array.of(1, 2);
    const refused = (mask: unknown, pattern: RegExp, kind: ErrorConstructor = RangeError) => {
      const error = caught(() => bn.forward(x, [2, 1], { mask: mask as number[] }));
      assert.instance(error, kind);
      assert.match(error.message, pattern);
      assert.instance(
        caught(() => new Moments(1).add(x, [2, 1], { mask: mask as number[] })),
        kind,
      );
    };
    refused(
      [1],
      /"mask" expected one value for each of 2 positions \(shape \[2, 1\] without its channels\), got length 1/,
    );
    refused([1, -0.5], /"mask\[1\]" expected 0, 1 or a finite weight >= 0, got -0.5/);
    refused([Infinity, 1], /"mask\[0\]" expected 0, 1 or a finite weight >= 0, got Infinity/);
    refused([1e308, 1e308], /"mask" expected weights with a finite sum, got Infinity/);
    refused([Number.NaN, 1], /"mask\[0\]" expected 0, 1 or a finite weight >= 0, got NaN/);
    refused(1, /"mask" expected an array of 0, 1 or weights, got 1/, TypeError);
    refused(null, /"mask" expected an array of 0, 1 or weights, got null/, TypeError);
    assert.throws(() => bn.forward(x, [2, 1], { mask: [1, 0] }), /shape/);
    const ghost = new BatchNorm(1, { ghostBatchSize: 2 });
    assert.throws(() => ghost.forward(Float32Array.of(1, 2, 3, 4), [4, 1], { mask: [1, 1, 1, 0] }), RangeError);
    assert.equal([bn.batchesTracked, ghost.batchesTracked], [0, 0]);
  });
}

function caught(call: () => void): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
