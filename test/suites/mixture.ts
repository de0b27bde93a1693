// Evaluation by the statistics of each sample, mixed with the running ones.
import { BatchNorm, type BatchNormOptions, type NormalizeWith, type Tensor, useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, type LayerCase, type LayerData, layerData, runLayer } from '../support/layer-cases.js';
import { sum } from '../support/oracle.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';
import * as oracle from '../support/variants-oracle.js';

const EPSILON = 1e-3;
const STEP = 2 ** -17;
const WEIGHTS = [0.1, 0.5, 1];

function layerOf(
  sample: LayerCase,
  normalizeWith: NormalizeWith,
  dtype: Dtype,
  options: BatchNormOptions = {},
): BatchNorm<Tensor> {
  const { axis, c } = sample;
  const bn = new BatchNorm<Tensor>(c, { axis, epsilon: EPSILON, dtype, singleValue: 'allow', ...options }).eval();
  for (let ch = 0; ch < c; ch++) {
    bn.runningMean[ch] = ch - 0.75;
    bn.runningVariance[ch] = 0.5 + ch;
  }
  bn.normalizeWith = normalizeWith;
  return bn;
}

/** E[x] and E[x²] are mixed, as the paper has it, sample by sample. */
function normalized(sample: LayerCase, data: LayerData, weight: number, taken?: ArrayLike<number>): Float64Array {
  const { x, gamma, beta } = data;
  const y = new Float64Array(x.length);
  const each = Array.from({ length: sample.samples }, (_, i) => i);
  for (const { ch, indices } of oracle.sharing(sample, each)) {
    const weightOf = (k: number) => (taken === undefined ? 1 : taken[positionOf(sample, k)]);
    const counted = indices.filter((k) => weightOf(k) > 0);
    const total = sum(counted.map(weightOf));
    const running = { mean: ch - 0.75, variance: 0.5 + ch };
    const mix = (own: number, ofRunning: number) => weight * own + (1 - weight) * ofRunning;
    const first = mix(sum(counted.map((k) => weightOf(k) * x[k])) / total, running.mean);
    const squares = sum(counted.map((k) => weightOf(k) * x[k] ** 2)) / total;
    const variance = mix(squares, running.variance + running.mean ** 2) - first ** 2;
    for (const k of counted) y[k] = (gamma[ch] * (x[k] - first)) / Math.sqrt(variance + EPSILON) + beta[ch];
  }
  return y;
}

function positionOf({ c, s }: LayerCase, k: number): number {
  return Math.floor(k / (c * s)) * s + (k % s);
}

/** Every third position is out, every fourth one counts 2.5. */
function maskOf({ samples, rows, s }: LayerCase, weighted: boolean): number[] {
  return Array.from({ length: samples * rows * s }, (_, i) => (i % 3 === 1 ? 0 : weighted && i % 4 === 0 ? 2.5 : 1));
}

export default function mixture(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'mixture');

  for (const sample of LAYER_CASES) {
    test(`[${sample.shape}], axis ${sample.axis}: E[x] and E[x²] are mixed`, () => {
      for (const dtype of DTYPES) {
        const tolerance = dtype === 'float32' ? 1e-5 : 1e-12;
        const data = layerData('mixture', sample, dtype);
        for (const weight of WEIGHTS) {
          const bn = layerOf(sample, { sample: weight }, dtype);
          near(runLayer(bn, data, sample.shape).y, normalized(sample, data, weight), tolerance, `y at ${weight}`);
          for (const weighted of [false, true]) {
            const mask = maskOf(sample, weighted);
            const { y } = runLayer(bn, data, sample.shape, { mask });
            near(y, normalized(sample, data, weight, mask), tolerance, `y with a mask at ${weight}`);
          }
          assert.is(bn.batchMoments, null);
          assert.is(bn.batchesTracked, 0);
        }
      }
    });
  }

  test('gradients by central differences of the layer itself', () => {
    for (const sample of LAYER_CASES) {
      for (const mask of [undefined, maskOf(sample, false), maskOf(sample, true)]) {
        for (const weight of WEIGHTS) {
          const data = layerData('mixture differences', sample, 'float64');
          const { residual, dy } = data;
          const bn = layerOf(sample, { sample: weight }, 'float64', { activation: 'relu' });
          const { dx, dresidual, dgamma, dbeta } = runLayer(bn, data, sample.shape, { residual, mask });
          const lossAt = (x: Tensor) => {
            const y = bn.forward(x, sample.shape, { residual, mask });
            return sum(Array.from(y, (value, k) => value * dy[k]));
          };
          for (let k = 0; k < dx.length; k++) {
            const moved = (by: number) => data.x.map((value, i) => (i === k ? value + by : value));
            const slope = (lossAt(moved(STEP)) - lossAt(moved(-STEP))) / (2 * STEP);
            near([dx[k]], [slope], 1e-6, `dx at ${k}, weight ${weight}`);
          }
          assert.is(dresidual!.length, dx.length);
          for (let ch = 0; ch < sample.c; ch++) {
            const slopeOf = (parameter: Tensor) => {
              const [start, loss] = [parameter[ch], [STEP, -STEP].map(() => 0)];
              [STEP, -STEP].forEach((by, i) => {
                parameter[ch] = start + by;
                loss[i] = lossAt(data.x);
              });
              parameter[ch] = start;
              return (loss[0] - loss[1]) / (2 * STEP);
            };
            const slopes = [slopeOf(bn.gamma!), slopeOf(bn.beta!)];
            near([dgamma![ch], dbeta![ch]], slopes, 1e-6, `dgamma and dbeta of ${ch}`);
          }
        }
      }
    }
  });

  test('the weights 0 and 1 have the bits of running statistics, and of ghost batches of one sample', () => {
    for (const sample of LAYER_CASES) {
      const data = layerData('ends', sample, 'float32');
      const none = runLayer(layerOf(sample, { sample: 0 }, 'float32'), data, sample.shape);
      const running = runLayer(layerOf(sample, 'running', 'float32'), data, sample.shape);
      const all = runLayer(layerOf(sample, { sample: 1 }, 'float32'), data, sample.shape);
      const ghosts = layerOf(sample, 'batch', 'float32', { ghostBatchSize: 1 });
      const alone = runLayer(ghosts, data, sample.shape);
      for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const) {
        same(none[name], running[name], `${name} at 0`);
        same(all[name], alone[name], `${name} at 1`);
      }
    }
  });

  test('a sample does not see the others, nor the layout, to the bit', () => {
    for (const summation of ['ordered', 'exact'] as const) {
      const [sample] = LAYER_CASES.slice(1);
      const { x } = layerData('alone', sample, 'float32');
      const bn = layerOf(sample, { sample: 0.25 }, 'float32', { summation });
      const y = bn.forward(x, sample.shape);
      const size = x.length / sample.samples;
      for (let i = 0; i < sample.samples; i++) {
        const part = (of: Tensor) => of.slice(i * size, (i + 1) * size);
        same(bn.forward(part(x), [1, ...sample.shape.slice(1)]), part(y), `y of sample ${i}`);
      }
    }
  });

  test('the bits of the reference', () => {
    for (const sample of LAYER_CASES) {
      const data = layerData('bits', sample, 'float32');
      const run = () => {
        const bn = layerOf(sample, { sample: 0.3 }, 'float32', { activation: 'relu6' });
        return [undefined, maskOf(sample, true)].map((mask) => runLayer(bn, data, sample.shape, { mask }));
      };
      const own = run();
      useBackend('reference');
      const wanted = run();
      backend.use();
      own.forEach((result, i) => {
        for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const) same(result[name], wanted[i][name], name);
      });
    }
  });

  test('training is as ever, and a backward is that of its forward', () => {
    const [sample] = LAYER_CASES;
    const data = layerData('modes', sample, 'float32');
    const [plain, mixed] = [
      layerOf(sample, 'mode', 'float32').train(),
      layerOf(sample, { sample: 0.5 }, 'float32').train(),
    ];
    same(mixed.forward(data.x, sample.shape), plain.forward(data.x, sample.shape), 'y');
    same(mixed.runningMean, plain.runningMean, 'runningMean');
    const expected = runLayer(mixed.eval(), data, sample.shape);
    mixed.forward(data.x, sample.shape);
    mixed.normalizeWith = 'running';
    mixed.runningMean.fill(7);
    same(mixed.backward(data.dy), expected.dx, 'dx');
    same(mixed.dgamma, expected.dgamma, 'dgamma');
  });

  test('with the other variants: evaluation knows none of them', () => {
    const [, sample] = LAYER_CASES;
    const data = layerData('variants', sample, 'float32');
    const expected = runLayer(layerOf(sample, { sample: 0.5 }, 'float32'), data, sample.shape);
    const alone = { rank: 0, size: 1, exchange: () => assert.unreachable('evaluation exchanges nothing') as never };
    const others: BatchNormOptions[] = [{ renorm: true }, { ghostBatchSize: 2 }, { synchronize: alone }];
    for (const options of others) {
      const { y, dx } = runLayer(layerOf(sample, { sample: 0.5 }, 'float32', options), data, sample.shape);
      same(y, expected.y, 'y');
      same(dx, expected.dx, 'dx');
    }
  });

  test('empty batches, samples without a position, and NaN', () => {
    const bn = layerOf(LAYER_CASES[0], { sample: 0.5 }, 'float32');
    assert.is(bn.forward(new Float32Array(0), [0, 3]).length, 0);
    assert.equal([...bn.backward(new Float32Array(0))], []);
    const x = Float32Array.of(1, 2, 3, NaN, NaN, NaN);
    assert.equal([...bn.forward(x, [2, 3], { mask: [1, 0] }).subarray(3)], [0, 0, 0]);
    assert.not(bn.backward(Float32Array.of(1, 1, 1, 1, 1, 1)).some((value) => Number.isNaN(value)));
    const y = bn.forward(x, [2, 3]);
    assert.equal([...y].map(Number.isNaN), [false, false, false, true, true, true]);
  });

  test('the state keeps it', () => {
    const bn = new BatchNorm(2);
    bn.normalizeWith = { sample: 0.25 };
    assert.equal(bn.normalizeWith, { running: 0.75, sample: 0.25 });
    const state = JSON.parse(JSON.stringify(bn));
    assert.equal(BatchNorm.fromState(state).normalizeWith, bn.normalizeWith);
    assert.equal(new BatchNorm(2).loadState(state).normalizeWith, bn.normalizeWith);
    assert.equal(bn.clone().normalizeWith, bn.normalizeWith);
    bn.normalizeWith = { running: 0.9, sample: 0.1 };
    assert.is((bn.normalizeWith as { sample: number }).sample, 0.1);
    assert.throws(() => Object.assign(bn.normalizeWith, { sample: 2 }), TypeError);
    assert.is(bn.freeze().normalizeWith, 'running');
  });
}
