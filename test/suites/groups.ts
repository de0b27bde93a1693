// Groups of channels that share mean and variance.
import {
  BatchNorm,
  type BatchNormOptions,
  backward,
  forwardTraining,
  Moments,
  populationStatistics,
  type Tensor,
  useBackend,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { type GroupsProblem, groupsTruth, listsOf, momentsOf } from '../support/groups-oracle.js';
import { type LayerCase, type LayerData, layerData, runLayer } from '../support/layer-cases.js';
import { sum } from '../support/oracle.js';
import { ranksOf } from '../support/ranks.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';
import { groupsOf as ghostsOf } from '../support/variants-oracle.js';

const EPSILON = 1e-3;
const STEP = 2 ** -17;
const CASES: readonly LayerCase[] = [
  { shape: [7, 6], axis: 1, samples: 7, rows: 1, c: 6, s: 1 },
  { shape: [5, 4, 3, 2], axis: 1, samples: 5, rows: 1, c: 4, s: 6 },
  { shape: [4, 2, 3, 6], axis: -1, samples: 4, rows: 6, c: 6, s: 1 },
  { shape: [4, 2, 6, 70], axis: 2, samples: 4, rows: 2, c: 6, s: 70 },
];
const RESULTS = ['y', 'dx', 'dgamma', 'dbeta'] as const;

function layerOf(sample: LayerCase, groups: number, options: BatchNormOptions = {}, dtype: Dtype = 'float64') {
  const { axis, c } = sample;
  return new BatchNorm<Tensor>(c, { axis, epsilon: EPSILON, dtype, groups, ...options });
}

function problemOf(sample: LayerCase, data: LayerData, groups: number, ghosts = sample.samples): GroupsProblem {
  const batches = ghostsOf(sample.samples, ghosts, 'consecutive');
  return { ...data, epsilon: EPSILON, groups, batches, weights: null };
}

function divisors(c: number): number[] {
  return [1, 2, 3, 4, 6].filter((groups) => c % groups === 0 && groups < c);
}

function maskOf({ samples, rows, s }: LayerCase, weighted: boolean): number[] {
  return Array.from({ length: samples * rows * s }, (_, i) => (i % 3 === 1 ? 0 : weighted && i % 4 === 0 ? 2.5 : 1));
}

export default function groups(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'groups of channels');

  for (const sample of CASES) {
    test(`[${sample.shape}], axis ${sample.axis}: by the definition`, () => {
      for (const dtype of DTYPES) {
        const tolerance = dtype === 'float32' ? 2e-5 : 1e-11;
        const data = layerData('groups', sample, dtype);
        const check = (bn: BatchNorm<Tensor>, problem: GroupsProblem, mask?: number[]) => {
          const result = runLayer(bn, data, sample.shape, { mask });
          const truth = groupsTruth(sample, problem);
          for (const name of RESULTS) near(result[name]!, truth[name], tolerance * (name === 'y' ? 1 : 20), name);
        };
        for (const count of divisors(sample.c)) {
          check(layerOf(sample, count, {}, dtype), problemOf(sample, data, count));
          check(layerOf(sample, count, { ghostBatchSize: 2 }, dtype), problemOf(sample, data, count, 2));
          for (const weighted of [false, true]) {
            const mask = maskOf(sample, weighted);
            check(layerOf(sample, count, {}, dtype), { ...problemOf(sample, data, count), weights: mask }, mask);
          }
          if (dtype === 'float64') continue;
          check(layerOf(sample, count, { summation: 'exact' }, dtype), problemOf(sample, data, count));
        }
      }
    });

    test(`[${sample.shape}], axis ${sample.axis}: running statistics are those of all values of a group`, async () => {
      const data = layerData('running', sample, 'float64');
      const { x } = data;
      for (const count of divisors(sample.c)) {
        const lists = listsOf(sample, problemOf(sample, data, count)).map((places) => momentsOf(x, places));
        const of = (value: (moments: (typeof lists)[0]) => number) =>
          Float64Array.from({ length: sample.c }, (_, ch) => value(lists[Math.floor((ch * count) / sample.c)]));
        const mean = of((moments) => moments.mean);
        const variance = of((moments) => (moments.variance * moments.count) / (moments.count - 1));
        const layers = [{ updateRate: 1 }, { updateRate: 'pooled' }, { updateRate: 'cumulative' }] as const;
        for (const bn of layers.map((options) => layerOf(sample, count, options))) {
          bn.forward(x, sample.shape);
          near(bn.runningMean, mean, 1e-13, 'runningMean');
          near(bn.runningVariance, variance, 1e-13, 'runningVariance');
          assert.is(bn.valuesTracked, x.length / sample.c);
          const committed = layerOf(sample, count);
          committed.setStatistics(await populationStatistics([{ x, shape: sample.shape }], { axis: sample.axis }));
          near(committed.runningMean, mean, 1e-13, 'mean that was set');
          near(committed.runningVariance, variance, 1e-13, 'variance that was set');
        }
      }
    });
  }

  test('pooled batches, and batches committed in pieces, are one batch', () => {
    for (const sample of CASES) {
      const { x } = layerData('pooled', sample, 'float64');
      const half = Math.floor(sample.samples / 2);
      const at = (half * x.length) / sample.samples;
      const shapes = [half, sample.samples - half].map((size) => [size, ...sample.shape.slice(1)]);
      const [groups] = divisors(sample.c);
      const whole = layerOf(sample, groups, { updateRate: 'pooled' });
      whole.forward(x, sample.shape);
      const pooled = layerOf(sample, groups, { updateRate: 'pooled' });
      const pieces = layerOf(sample, groups, { updateRate: 1 });
      const moments = new Moments(sample.c);
      for (const [i, part] of [x.slice(0, at), x.slice(at)].entries()) {
        pooled.forward(part, shapes[i]);
        pieces.forward(part, shapes[i], { update: false });
        moments.merge(pieces.batchMoments!);
      }
      assert.ok(pieces.commit(moments));
      for (const bn of [pooled, pieces]) {
        near(bn.runningMean, whole.runningMean, 1e-13, 'runningMean');
        near(bn.runningVariance, whole.runningVariance, 1e-13, 'runningVariance');
      }
    }
  });

  test('gradients by central differences of the layer itself', () => {
    for (const sample of CASES.slice(0, 3)) {
      for (const mask of [undefined, maskOf(sample, true)]) {
        const data = layerData('group differences', sample, 'float64');
        const { residual, dy } = data;
        for (const options of [{ ghostBatchSize: 2 }, {}] as const) {
          const bn = layerOf(sample, 2, { activation: 'relu', ...options });
          const { dx } = runLayer(bn, { ...data, gamma: data.gamma.map((g, i) => (i === 1 ? 0 : g)) }, sample.shape, {
            residual,
            mask,
          });
          const lossAt = (x: Tensor) =>
            sum(Array.from(bn.forward(x, sample.shape, { residual, mask, update: false }), (y, k) => y * dy[k]));
          for (let k = 0; k < dx.length; k++) {
            const moved = (by: number) => data.x.map((value, i) => (i === k ? value + by : value));
            near([dx[k]], [(lossAt(moved(STEP)) - lossAt(moved(-STEP))) / (2 * STEP)], 1e-7, `dx at ${k}`);
          }
        }
      }
    }
  });

  test('as many groups as channels have the bits of none', () => {
    for (const sample of CASES) {
      for (const dtype of DTYPES) {
        const data = layerData('alone', sample, dtype);
        const [plain, grouped] = [layerOf(sample, sample.c, {}, dtype), layerOf(sample, sample.c, {}, dtype)];
        const [wanted, got] = [plain, grouped].map((bn) => runLayer(bn, data, sample.shape));
        for (const name of RESULTS) same(got[name], wanted[name], name);
        same(grouped.runningVariance, plain.runningVariance, 'runningVariance');
      }
    }
  });

  test('groups of one channel and batches of one sample: instance normalization, to the bit', () => {
    const [, sample] = CASES;
    const data = layerData('instance', sample, 'float32');
    const bn = layerOf(sample, sample.c, { ghostBatchSize: 1 }, 'float32');
    const { y, dx } = runLayer(bn, data, sample.shape);
    const size = data.x.length / sample.samples;
    const { gamma, beta } = data;
    for (let i = 0; i < sample.samples; i++) {
      const part = (of: Tensor) => of.slice(i * size, (i + 1) * size);
      const shape = [1, ...sample.shape.slice(1)];
      const alone = forwardTraining<Tensor>(part(data.x), shape, { gamma, beta, epsilon: EPSILON });
      same(part(y), alone.y, 'y');
      const given = { gamma, epsilon: EPSILON, mean: alone.mean, variance: alone.variance };
      same(part(dx), backward<Tensor>(part(data.dy), part(data.x), shape, given).dx, 'dx');
    }
  });

  test('one value per channel is enough for a group', () => {
    const bn = new BatchNorm(4, { groups: 2, epsilon: 0 });
    assert.equal([...bn.forward(Float32Array.of(1, 3, 10, 30), [1, 4])], [-1, 1, -1, 1]);
    const ghosts = new BatchNorm(4, { groups: 2, epsilon: 0, ghostBatchSize: 1 });
    const x = Float32Array.of(1, 3, 10, 30, 0, 2, -4, 4);
    assert.equal([...ghosts.forward(x, [2, 4])], [-1, 1, -1, 1, -1, 1, -1, 1]);
    assert.throws(() => new BatchNorm(4, { groups: 4 }).forward(x.subarray(0, 4), [1, 4]), /more than one value per/);
  });

  test('exact sums: the same bits in any layout and order, and over ranks', () => {
    const [c, n] = [6, 5];
    const { x, dy, gamma, beta } = layerData('exact', CASES[0], 'float32');
    const options: BatchNormOptions = { groups: 3, summation: 'exact' };
    const run = (of: Tensor, by: Tensor, shape: number[], given: BatchNormOptions = options) => {
      const bn = new BatchNorm<Tensor>(c, { ...given, dtype: 'float32' });
      const result = runLayer(bn, { x: of, dy: by, residual: of, gamma, beta }, shape);
      return { ...result, runningMean: bn.runningMean, runningVariance: bn.runningVariance };
    };
    const [values, gradient] = [x.slice(0, n * c), dy.slice(0, n * c)];
    const last = run(values, gradient, [n, c]);
    const turned = (of: Tensor) => of.map((_, k) => of[(k % n) * c + Math.floor(k / n)]);
    const first = run(turned(values), turned(gradient), [1, c, n]);
    same(first.y, turned(last.y), 'y of channels first');
    same(first.dx, turned(last.dx), 'dx of channels first');
    for (const name of ['dgamma', 'dbeta', 'runningMean', 'runningVariance'] as const)
      same(first[name], last[name], name);
    const cuts = [0, 1, n];
    const ranks = ranksOf(2, (synchronize) => {
      const part = (of: Tensor) => of.slice(cuts[synchronize.rank] * c, cuts[synchronize.rank + 1] * c);
      return run(part(values), part(gradient), [part(values).length / c, c], { ...options, synchronize });
    });
    for (const name of ['y', 'dx'] as const) {
      same(Float32Array.from(ranks.flatMap((rank) => [...rank[name]])), last[name], `${name} over ranks`);
    }
    same(ranks[0].runningVariance, last.runningVariance, 'runningVariance over ranks');
  });

  test('ordered over ranks, and with renorm that corrects nothing, as without', () => {
    for (const sample of CASES) {
      const data = layerData('ranks', sample, 'float64');
      const wanted = runLayer(layerOf(sample, 2), data, sample.shape);
      const still = { rMin: 1, rMax: 1, dMax: 0 };
      const renormed = runLayer(layerOf(sample, 2, { renorm: still }), data, sample.shape);
      for (const name of RESULTS) near(renormed[name]!, wanted[name]!, 1e-12, `${name} with renorm`);
      const size = data.x.length / sample.samples;
      const ranks = ranksOf(2, (synchronize) => {
        const [from, to] = synchronize.rank === 0 ? [0, 3] : [3, sample.samples];
        const part = (of: Tensor) => of.slice(from * size, to * size);
        const own = { ...data, x: part(data.x), dy: part(data.dy) };
        return runLayer(layerOf(sample, 2, { synchronize }), own, [to - from, ...sample.shape.slice(1)]);
      });
      for (const name of ['y', 'dx'] as const) {
        near(Float64Array.from(ranks.flatMap((rank) => [...rank[name]])), wanted[name], 1e-12, `${name} over ranks`);
      }
    }
  });

  test('the bits of the reference, in place as out of place', () => {
    for (const sample of CASES) {
      const data = layerData('bits', sample, 'float32');
      const options: BatchNormOptions = { activation: 'relu6', ghostBatchSize: 3 };
      const run = () =>
        [undefined, maskOf(sample, true)].map((mask) =>
          runLayer(layerOf(sample, 2, options, 'float32'), data, sample.shape, { mask, residual: data.residual }),
        );
      const own = run();
      useBackend('reference');
      const wanted = run();
      backend.use();
      own.forEach((result, i) => {
        for (const name of [...RESULTS, 'dresidual'] as const) same(result[name], wanted[i][name], name);
      });
      const bn = layerOf(sample, 2, options, 'float32');
      for (const name of ['gamma', 'beta'] as const) bn[name]?.set(data[name]);
      const over = data.residual.slice();
      same(bn.forward(data.x, sample.shape, { residual: over, out: over }), own[0].y, 'y over the residual');
      bn.forward(data.x, sample.shape, { residual: data.residual });
      const dy = data.dy.slice();
      same(bn.backward(dy, { out: dy }), own[0].dx, 'dx over dy');
    }
  });

  test('evaluation, and samples mixed in', () => {
    const [, sample] = CASES;
    const data = layerData('evaluation', sample, 'float64');
    const [grouped, plain] = [layerOf(sample, 2), layerOf(sample, sample.c)];
    grouped.forward(data.x, sample.shape);
    plain.loadState({ ...grouped.state(), groups: sample.c });
    const [got, wanted] = [grouped, plain].map((bn) => runLayer(bn.eval(), data, sample.shape));
    for (const name of RESULTS) same(got[name], wanted[name], name);
    grouped.normalizeWith = { sample: 1 };
    const alone = runLayer(layerOf(sample, 2, { ghostBatchSize: 1 }), data, sample.shape);
    const mixed = runLayer(grouped, data, sample.shape);
    for (const name of RESULTS) near(mixed[name]!, alone[name]!, 1e-12, name);
  });

  test('the state keeps them, and has none where it is of earlier', () => {
    const bn = new BatchNorm(4, { groups: 2 });
    const state = JSON.parse(JSON.stringify(bn));
    assert.is(BatchNorm.fromState(state).groups, 2);
    assert.is(bn.clone().groups, 2);
    assert.throws(() => new BatchNorm(4).loadState(state), /"groups" expected null, as this layer has, got 2/);
    const { groups: _, ...earlier } = new BatchNorm(4).state();
    assert.is(BatchNorm.fromState(earlier as never).groups, null);
  });

  test('what is infinite or NaN stays in its group', () => {
    const bn = new BatchNorm(4, { groups: 2 });
    const y = bn.forward(Float32Array.of(1, NaN, 10, 30, 2, 3, 4, 5), [2, 4]);
    assert.equal([...y].map(Number.isNaN), [true, true, false, false, true, true, false, false]);
    const dx = bn.backward(new Float32Array(8).fill(1));
    assert.equal([...dx].map(Number.isNaN), [true, true, false, false, true, true, false, false]);
    assert.is(bn.forward(new Float32Array(0), [0, 4]).length, 0);
    assert.is(bn.backward(new Float32Array(0)).length, 0);
  });
}
