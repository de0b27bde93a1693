// Ghost batches: groups of samples with statistics of their own.
import { BatchNorm, type BatchNormOptions, Moments, type Tensor } from 'batchnorm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, type LayerCase, type LayerData, layerData, runLayer } from '../support/layer-cases.js';
import { sum } from '../support/oracle.js';
import { SEED } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';
import * as oracle from '../support/variants-oracle.js';

const GROUPINGS = ['consecutive', 'interleaved'] as const;
const EPSILON = 1e-3;
const STEP = 2 ** -17;

function layerOf(sample: LayerCase, options: BatchNormOptions, dtype: Dtype = 'float64'): BatchNorm<Tensor> {
  return new BatchNorm<Tensor>(sample.c, { axis: sample.axis, epsilon: EPSILON, dtype, ...options });
}

function problemOf(sample: LayerCase, data: LayerData, size: number, grouping: 'consecutive' | 'interleaved') {
  const lists = oracle.sharing(sample, oracle.groupsOf(sample.samples, size, grouping));
  return { ...data, epsilon: EPSILON, lists, corrections: lists.map(() => ({ r: 1, d: 0 })) };
}

function permuted(array: Tensor, order: readonly number[]): Tensor {
  const size = array.length / order.length;
  const moved = array.slice();
  for (const [i, from] of order.entries()) moved.set(array.subarray(from * size, (from + 1) * size), i * size);
  return moved;
}

export default function ghost(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'ghost batches');

  for (const sample of LAYER_CASES) {
    for (const grouping of GROUPINGS) {
      test(`[${sample.shape}], axis ${sample.axis}, ${grouping}: by the definition`, () => {
        for (const dtype of DTYPES) {
          const tolerance = dtype === 'float32' ? 1e-5 : 1e-12;
          const data = layerData('ghost', sample, dtype);
          for (const size of [2, 3, 4, 5, sample.samples]) {
            const bn = layerOf(sample, { ghostBatchSize: size, grouping, singleValue: 'allow' }, dtype);
            const problem = problemOf(sample, data, size, grouping);
            const { y, dx, dgamma, dbeta } = runLayer(bn, data, sample.shape);
            const expected = oracle.backward(problem, sample.c);
            near(y, oracle.normalize(problem), tolerance, 'y');
            near(dx, expected.dx, tolerance * 10, 'dx');
            near(dgamma!, expected.dgamma, tolerance * 10, 'dgamma');
            near(dbeta!, expected.dbeta, tolerance * 10, 'dbeta');
          }
        }
      });
    }
  }

  test('gradients by central differences of the layer itself', () => {
    for (const sample of LAYER_CASES.slice(0, 3)) {
      for (const grouping of GROUPINGS) {
        const data = layerData('ghost differences', sample, 'float64');
        const options: BatchNormOptions = { ghostBatchSize: 4, grouping, activation: 'relu' };
        const bn = layerOf(sample, options);
        const residual = data.residual;
        const { dx, dresidual } = runLayer(bn, data, sample.shape, { residual });
        const lossAt = (x: Tensor, added: Tensor) => {
          const y = bn.forward(x, sample.shape, { residual: added, update: false });
          return sum(Array.from(y, (value, k) => value * data.dy[k]));
        };
        for (let k = 0; k < dx.length; k++) {
          const moved = (by: number) => data.x.map((value, i) => (i === k ? value + by : value));
          const added = (by: number) => residual.map((value, i) => (i === k ? value + by : value));
          const ofX = (lossAt(moved(STEP), residual) - lossAt(moved(-STEP), residual)) / (2 * STEP);
          const ofResidual = (lossAt(data.x, added(STEP)) - lossAt(data.x, added(-STEP))) / (2 * STEP);
          near([dx[k], dresidual![k]], [ofX, ofResidual], 1e-7, `[dx, dresidual] at ${k}`);
        }
      }
    }
  });

  test('one group of all is the plain layer, to the bit', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LAYER_CASES), fc.constantFrom(...DTYPES), fc.nat(20), (sample, dtype, more) => {
        const data = layerData('whole', sample, dtype);
        const plain = layerOf(sample, {}, dtype);
        const bn = layerOf(sample, { ghostBatchSize: sample.samples + more, grouping: GROUPINGS[more % 2] }, dtype);
        const expected = runLayer(plain, data, sample.shape);
        const actual = runLayer(bn, data, sample.shape);
        for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const) same(actual[name], expected[name], name);
        same(bn.runningMean, plain.runningMean, 'runningMean');
        same(bn.runningVariance, plain.runningVariance, 'runningVariance');
      }),
      { numRuns: 40, seed: SEED },
    );
  });

  test('consecutive groups are plain batches, to the bit', () => {
    for (const sample of LAYER_CASES) {
      const data = layerData('pieces', sample, 'float32');
      const size = data.x.length / sample.samples;
      const whole = runLayer(
        layerOf(sample, { ghostBatchSize: 3, singleValue: 'allow' }, 'float32'),
        data,
        sample.shape,
      );
      for (let first = 0; first < sample.samples; first += 3) {
        const last = Math.min(first + 3, sample.samples);
        const part = (array: Tensor) => array.slice(first * size, last * size);
        const bn = layerOf(sample, { singleValue: 'allow' }, 'float32');
        const piece = { ...data, x: part(data.x), dy: part(data.dy) };
        const { y, dx } = runLayer(bn, piece, [last - first, ...sample.shape.slice(1)]);
        same(part(whole.y), y, 'y');
        same(part(whole.dx), dx, 'dx');
      }
    }
  });

  test('interleaved is consecutive on sorted samples, to the bit', () => {
    for (const sample of LAYER_CASES) {
      // Groups of 4 and more, all alike: sorting by group makes them neighbours.
      const samples = 8;
      const shape = [samples, ...sample.shape.slice(1)];
      const data = layerData('sorted', { ...sample, shape }, 'float32');
      const order = [0, 2, 4, 6, 1, 3, 5, 7];
      const sorted = { ...data, x: permuted(data.x, order), dy: permuted(data.dy, order) };
      const mixed = runLayer(layerOf(sample, { ghostBatchSize: 4, grouping: 'interleaved' }, 'float32'), data, shape);
      const inOrder = runLayer(layerOf(sample, { ghostBatchSize: 4 }, 'float32'), sorted, shape);
      same(permuted(mixed.y, order), inOrder.y, 'y');
      same(permuted(mixed.dx, order), inOrder.dx, 'dx');
      same(mixed.dgamma, inOrder.dgamma, 'dgamma');
    }
  });

  test('in place is out of place', () => {
    const [sample] = LAYER_CASES;
    for (const grouping of GROUPINGS) {
      const options: BatchNormOptions = { ghostBatchSize: 4, grouping, activation: 'relu' };
      const { x, dy, residual } = layerData('place', sample, 'float32');
      const apart = layerOf(sample, options, 'float32');
      const y = apart.forward(x, sample.shape, { residual });
      const dx = apart.backward(dy);
      const over = [x.slice(), residual.slice(), dy.slice(), dy.slice()];
      same(layerOf(sample, options, 'float32').forward(over[0], sample.shape, { residual, out: over[0] }), y, 'over x');
      same(
        layerOf(sample, options, 'float32').forward(x, sample.shape, { residual: over[1], out: over[1] }),
        y,
        'over residual',
      );
      const bn = layerOf(sample, options, 'float32');
      bn.forward(x, sample.shape, { residual });
      assert.is(bn.backward(over[2], { out: over[2] }), over[2]);
      same(over[2], dx, 'dx over dy');
      same(bn.dresidual, apart.dresidual, 'dresidual');
      same(bn.backward(over[3], { outResidual: over[3] }), dx, 'dx beside dresidual over dy');
      same(over[3], apart.dresidual, 'dresidual over dy');
    }
  });

  test('running statistics are those of the whole batch', () => {
    for (const sample of LAYER_CASES) {
      const { x } = layerData('running', sample, 'float64');
      const bn = layerOf(sample, { ghostBatchSize: 3, updateRate: 1, grouping: 'interleaved', singleValue: 'allow' });
      bn.forward(x, sample.shape);
      const whole = new Moments(sample.c).add(x, sample.shape, { axis: sample.axis });
      near(bn.runningMean, whole.mean, 1e-14, 'mean');
      near(bn.runningVariance, whole.sampleVariance, 1e-14, 'variance');
      assert.is(bn.batchesTracked, 1);
    }
  });

  test('evaluation knows no groups', () => {
    const [sample] = LAYER_CASES;
    const { x, dy } = layerData('evaluation', sample, 'float32');
    const plain = layerOf(sample, {}, 'float32').eval();
    const bn = layerOf(sample, { ghostBatchSize: 2, grouping: 'interleaved' }, 'float32').eval();
    same(bn.forward(x, sample.shape), plain.forward(x, sample.shape), 'y');
    same(bn.backward(dy), plain.backward(dy), 'dx');
    same(bn.dgamma, plain.dgamma, 'dgamma');
  });

  test('an empty batch', () => {
    const bn = new BatchNorm(3, { ghostBatchSize: 2 });
    assert.is(bn.forward(new Float32Array(0), [0, 3]).length, 0);
    assert.equal([...bn.backward(new Float32Array(0)), ...bn.dgamma!, ...bn.dbeta!], [0, 0, 0, 0, 0, 0]);
    assert.is(bn.batchesTracked, 0);
  });
}
