// Masks with weights, and masks of the functions without state.
import {
  BatchNorm,
  type BatchNormOptions,
  backward,
  forwardInference,
  forwardTraining,
  GradientSums,
  leakyRelu,
  Moments,
  type Tensor,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, type LayerCase, type LayerData, layerData, runLayer } from '../support/layer-cases.js';
import { sum } from '../support/oracle.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype } from '../support/tensors.js';

const EPSILON = 1e-3;
const STEP = 2 ** -17;

/** A quarter of the positions left out, the others by weights from 1/8 to 4, 1 among them. */
function weightsOf(sample: LayerCase): Float64Array {
  const random = randomFor(`weights ${sample.shape}`);
  return Float64Array.from(
    { length: sample.samples * sample.rows * sample.s },
    () => [0, 1, 0.125, 4, 0.7][random.integer(5)],
  );
}

/** Of each element, that of its position. */
function spread({ samples, rows, c, s }: LayerCase, mask: ArrayLike<number>): number[] {
  return Array.from({ length: samples * rows * c * s }, (_, k) => mask[Math.floor(k / (c * s)) * s + (k % s)]);
}

/** With NaN wherever the weight is 0. */
function poisoned(tensor: Tensor, sample: LayerCase, mask: ArrayLike<number>): Tensor {
  const weights = spread(sample, mask);
  return tensor.map((value, k) => (weights[k] > 0 ? value : Number.NaN));
}

/** By the definitions and the chain rule through variance and mean, in float64. */
function truthOf(sample: LayerCase, { x, dy, gamma, beta }: LayerData, mask: ArrayLike<number>) {
  const w = spread(sample, mask);
  const truth = {
    ...{ y: new Float64Array(x.length), dx: new Float64Array(x.length) },
    ...{ dgamma: [] as number[], dbeta: [] as number[], mean: [] as number[], variance: [] as number[] },
  };
  for (let ch = 0; ch < sample.c; ch++) {
    const own = Array.from(x.keys()).filter((k) => Math.floor(k / sample.s) % sample.c === ch && w[k] > 0);
    const total = sum(own.map((k) => w[k]));
    const mean = sum(own.map((k) => w[k] * x[k])) / total;
    const deviation = (k: number) => x[k] - mean;
    const variance = sum(own.map((k) => w[k] * deviation(k) ** 2)) / total;
    const root = Math.sqrt(variance + EPSILON);
    const dNormalized = (k: number) => dy[k] * gamma[ch];
    const dVariance = sum(own.map((k) => dNormalized(k) * deviation(k))) * (-1 / 2) * root ** -3;
    const dMean = -sum(own.map(dNormalized)) / root;
    for (const k of own) {
      truth.y[k] = (gamma[ch] * deviation(k)) / root + beta[ch];
      truth.dx[k] = dNormalized(k) / root + (w[k] / total) * (dVariance * 2 * deviation(k) + dMean);
    }
    truth.dgamma.push(sum(own.map((k) => (dy[k] * deviation(k)) / root)));
    truth.dbeta.push(sum(own.map((k) => dy[k])));
    truth.mean.push(mean);
    truth.variance.push(variance);
  }
  return truth;
}

function layerOf(sample: LayerCase, options: BatchNormOptions, dtype: Dtype = 'float64'): BatchNorm<Tensor> {
  return new BatchNorm<Tensor>(sample.c, { axis: sample.axis, epsilon: EPSILON, dtype, ...options });
}

const NAMES = ['y', 'dx', 'dgamma', 'dbeta'] as const;

export default function weights(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'weights');

  for (const sample of LAYER_CASES) {
    const mask = weightsOf(sample);
    const title = `[${sample.shape}], axis ${sample.axis}`;

    test(`${title}: by the definition, 0 where the weight is, and NaN there does no harm`, () => {
      for (const dtype of DTYPES) {
        const tolerance = dtype === 'float32' ? 3e-5 : 1e-12;
        const data = layerData('weights', sample, dtype);
        const truth = truthOf(sample, data, mask);
        const spoilt = { ...data, x: poisoned(data.x, sample, mask), dy: poisoned(data.dy, sample, mask) };
        const bn = layerOf(sample, { updateRate: 1, varianceEstimator: 'biased' }, dtype);
        const actual = runLayer(bn, spoilt, sample.shape, { mask });
        for (const name of NAMES) near(actual[name]!, truth[name], tolerance, name);
        near(bn.runningMean, truth.mean, 1e-14, 'runningMean');
        near(bn.runningVariance, truth.variance, 1e-14, 'runningVariance');
        const moments = new Moments(sample.c).add(spoilt.x, sample.shape, { axis: sample.axis, mask });
        for (const name of ['count', 'mean', 'variance'] as const) same(moments[name], bn.batchMoments![name], name);
        near(moments.count.subarray(0, 1), [sum(mask)], 1e-15, 'count');
      }
    });

    test(`${title}: the functions have the bits of the layer`, () => {
      for (const dtype of DTYPES) {
        for (const chosen of [mask, mask.map((weight) => (weight > 0 ? 1 : 0))]) {
          const data = layerData('functions', sample, dtype);
          const x = poisoned(data.x, sample, chosen);
          const dy = poisoned(data.dy, sample, chosen);
          const residual = poisoned(data.residual, sample, chosen);
          const activation = leakyRelu(0.3);
          const { gamma, beta } = data;
          const bn = layerOf(sample, { activation }, dtype);
          const expected = runLayer(bn, { ...data, x, dy }, sample.shape, { residual, mask: chosen });
          const options = { axis: sample.axis, epsilon: EPSILON, gamma, beta, residual, activation, mask: chosen };
          const { y, mean, variance } = forwardTraining<Tensor>(x, sample.shape, options);
          same(y, expected.y, 'y');
          same(mean, bn.batchMoments!.mean, 'mean');
          same(variance, bn.batchMoments!.variance, 'variance');
          same(forwardInference<Tensor>(x, sample.shape, { ...options, mean, variance }), y, 'y by given statistics');
          const over = x.slice();
          assert.is(forwardTraining<Tensor>(over, sample.shape, { ...options, out: over }).y, over);
          same(over, y, 'in place');
          const given = { ...options, mean, variance };
          const gradients = backward<Tensor>(dy, x, sample.shape, given);
          for (const name of ['dx', 'dgamma', 'dbeta', 'dresidual'] as const) {
            same(gradients[name]!, expected[name], name);
          }
          const [dx, dresidual] = [dy.slice(), dy.slice()];
          backward<Tensor>(dx, x, sample.shape, { ...given, out: dx, outResidual: dresidual });
          same(dx, expected.dx, 'dx over dy');
          same(dresidual, expected.dresidual, 'dresidual where it was wanted');
          const sums = new GradientSums(sample.c).add<Tensor>(dy, x, sample.shape, given);
          const bySums = backward<Tensor>(dy, x, sample.shape, { ...given, sums });
          for (const name of ['dx', 'dgamma', 'dbeta', 'dresidual'] as const) same(bySums[name]!, expected[name], name);
          bn.eval().runningMean.set(mean);
          bn.runningVariance.set(variance);
          const evaluated = runLayer(bn, { ...data, x, dy }, sample.shape, { residual, mask: chosen });
          const constant = backward<Tensor>(dy, x, sample.shape, { ...given, statistics: 'given' });
          same(evaluated.y, y, 'y in evaluation');
          for (const name of ['dx', 'dgamma', 'dbeta'] as const) same(evaluated[name], constant[name], name);
        }
      }
    });

    test(`${title}: gradients by central differences`, () => {
      const data = layerData('weight differences', sample, 'float64');
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

    test(`${title}: pieces are the whole`, () => {
      const data = layerData('weighted pieces', sample, 'float64');
      const { x, dy } = data;
      const whole = truthOf(
        sample,
        { ...data, gamma: data.gamma.slice().fill(1), beta: data.beta.slice().fill(0) },
        mask,
      );
      const [first, rest] = [3, sample.samples - 3];
      const per = x.length / sample.samples;
      const pieces = [
        { shape: [first, ...sample.shape.slice(1)], from: 0, to: first },
        { shape: [rest, ...sample.shape.slice(1)], from: first, to: sample.samples },
      ].map(({ shape, from, to }) => ({
        shape,
        ...{ x: x.slice(from * per, to * per), dy: dy.slice(from * per, to * per) },
        mask: mask.slice((from * mask.length) / sample.samples, (to * mask.length) / sample.samples),
      }));
      const moments = new Moments(sample.c);
      for (const piece of pieces) moments.add(piece.x, piece.shape, { axis: sample.axis, mask: piece.mask });
      const { mean, variance } = moments;
      const common = { axis: sample.axis, epsilon: EPSILON, mean, variance };
      const sums = new GradientSums(sample.c);
      for (const piece of pieces) {
        sums.add<Tensor>(piece.dy, piece.x, piece.shape, { ...common, mask: piece.mask });
      }
      const copies = [Moments.fromJSON(moments.toJSON()).count[0], GradientSums.fromJSON(sums.toJSON()).count];
      assert.equal(copies, [moments.count[0], sums.count]);
      const dx = pieces.flatMap((piece) => [
        ...backward<Tensor>(piece.dy, piece.x, piece.shape, { ...common, sums, mask: piece.mask }).dx,
      ]);
      near(dx, whole.dx, 1e-11, 'dx');
    });

    test(`${title}: weights of the same size, and whole ones as repetition`, () => {
      const data = layerData('repeated', sample, 'float64');
      const plain = new Moments(sample.c).add(data.x, sample.shape, { axis: sample.axis });
      const twice = new Moments(sample.c).add(data.x, sample.shape, { axis: sample.axis, mask: mask.map(() => 0.3) });
      near(twice.mean, plain.mean, 1e-14, 'mean');
      near(twice.variance, plain.variance, 1e-14, 'variance');
      const often = new Moments(sample.c);
      const whole = mask.map((weight) => Math.round(weight));
      for (let round = 0; round < 4; round++) {
        often.add(data.x, sample.shape, { axis: sample.axis, mask: whole.map((weight) => (weight > round ? 1 : 0)) });
      }
      const once = new Moments(sample.c).add(data.x, sample.shape, { axis: sample.axis, mask: whole });
      assert.equal([...once.count], [...often.count]);
      near(once.mean, often.mean, 1e-13, 'mean');
      near(once.sampleVariance, often.sampleVariance, 1e-13, 'sampleVariance');
    });
  }

  test('in ghost batches: each as a batch of its own', () => {
    const sample = LAYER_CASES[0];
    const mask = weightsOf(sample);
    const data = layerData('weighted ghosts', sample, 'float64');
    for (const grouping of ['consecutive', 'interleaved'] as const) {
      const bn = layerOf(sample, { ghostBatchSize: 5, grouping, singleValue: 'allow' });
      const actual = runLayer(bn, data, sample.shape, { mask });
      const groups = Math.ceil(sample.samples / 5);
      for (let group = 0; group < groups; group++) {
        const members = Array.from({ length: sample.samples }, (_, i) => i).filter(
          (i) => group === (grouping === 'consecutive' ? Math.floor(i / 5) : i % groups),
        );
        const pick = (tensor: Tensor) => Float64Array.from(members.flatMap((i) => [...tensor.slice(i * 3, i * 3 + 3)]));
        const part = { ...data, x: pick(data.x), dy: pick(data.dy) };
        const own = layerOf(sample, { singleValue: 'allow' });
        const ownMask = members.map((i) => mask[i]);
        const expected = runLayer(own, part, [members.length, 3], { mask: ownMask });
        same(pick(actual.y), expected.y, 'y');
        same(pick(actual.dx), expected.dx, 'dx');
      }
      const all = new Moments(sample.c).add(data.x, sample.shape, { mask });
      near(bn.batchMoments!.variance, all.variance, 1e-12, 'variance');
    }
  });

  test('with renorm of r = 1, d = 0, alone among ranks, and watched for NaN: as plain, to the bit', () => {
    const sample = LAYER_CASES[1];
    const mask = weightsOf(sample);
    for (const dtype of DTYPES) {
      const data = layerData('weighted variants', sample, dtype);
      const variants: BatchNormOptions[] = [
        { onNonFinite: 'throw' },
        { synchronize: { rank: 0, size: 1, exchange: (values) => [values.slice()] } },
        { ghostBatchSize: 100 },
      ];
      const plain = layerOf(sample, {}, dtype);
      const expected = runLayer(plain, data, sample.shape, { mask });
      for (const more of variants) {
        const bn = layerOf(sample, more, dtype);
        const actual = runLayer(bn, data, sample.shape, { mask });
        for (const name of NAMES) same(actual[name], expected[name], name);
        same(bn.runningVariance, plain.runningVariance, 'runningVariance');
      }
      const renorm = layerOf(sample, { renorm: { rMin: 1, rMax: 1, dMax: 0 } }, dtype);
      const actual = runLayer(renorm, data, sample.shape, { mask });
      for (const name of ['y', 'dx'] as const)
        near(actual[name], expected[name], dtype === 'float32' ? 1e-6 : 1e-14, name);
    }
  });

  test('two ranks with weights are one batch', () => {
    const sample = LAYER_CASES[0];
    const mask = weightsOf(sample);
    const data = layerData('weighted ranks', sample, 'float64');
    const truth = truthOf(sample, data, mask);
    const first = 6;
    const parts = [
      [0, first],
      [first, sample.samples],
    ].map(([from, to]) => ({
      ...data,
      ...{ x: data.x.slice(from * 3, to * 3), dy: data.dy.slice(from * 3, to * 3) },
      ...{ shape: [to - from, 3], mask: mask.slice(from, to) },
    }));
    // One rank after the other: the first round hears what is sent first, the second what follows from that, the third
    // has all.
    const said: Float64Array[][] = [[], []];
    const round = () =>
      parts.map((part, rank) => {
        let turn = 0;
        const exchange = (values: Float64Array) => {
          said[turn][rank] = values.slice();
          const all = said[turn++];
          return [all[0] ?? values, all[1] ?? values];
        };
        const bn = layerOf(sample, { synchronize: { rank, size: 2, exchange } });
        return runLayer(bn, part, part.shape, { mask: part.mask });
      });
    round();
    round();
    const final = round();
    near(Float64Array.from(final.flatMap(({ y }) => [...y])), truth.y, 1e-12, 'y');
    near(Float64Array.from(final.flatMap(({ dx }) => [...dx])), truth.dx, 1e-11, 'dx');
  });

  test('a constant channel gives beta, a single value too, and far from 0 no digit is lost', () => {
    const constant = new BatchNorm<Tensor>(1, { epsilon: 0, dtype: 'float64' });
    const x = Float64Array.of(0.1, 0.1, 0.1);
    assert.equal([...constant.forward(x, [3, 1], { mask: [0.3, 0.7, 1.9] })], [0, 0, 0]);
    assert.equal([...constant.backward(Float64Array.of(1, 2, 3))], [0, 0, 0]);
    const single = new BatchNorm<Tensor>(1, { dtype: 'float64', singleValue: 'allow' });
    assert.equal([...single.forward(Float64Array.of(5, 6), [2, 1], { mask: [0.5, 0] })], [0, 0]);
    assert.equal([...single.backward(Float64Array.of(1, 2))], [0, 0]);
    const one = () => new BatchNorm(1).forward(Float32Array.of(5, 6), [2, 1], { mask: [0.5, 0] });
    assert.throws(one, /more than one value per channel/);
    // Weights that sum to 1 are not one value.
    const normalised = new BatchNorm<Tensor>(1, { dtype: 'float64', epsilon: 0 });
    near(normalised.forward(Float64Array.of(1, 3), [2, 1], { mask: [0.5, 0.5] }), [-1, 1], 1e-15, 'y');
    const far = Float64Array.of(1e6 + 1, 1e6 - 1, 1e6 + 2);
    const moments = new Moments(1).add(far, [3, 1], { mask: [1, 2, 0.5] });
    near(moments.variance, [(1 * 1 + 2 * 1 + 0.5 * 4) / 3.5], 1e-14, 'variance');
  });

  test('nothing left: NaN for statistics, 0 for the rest', () => {
    const x = Float32Array.of(1, Number.NaN);
    const { y, mean, variance } = forwardTraining(x, [2, 1], { mask: [0, 0] });
    assert.equal([[...y], [...mean], [...variance]], [[0, 0], [Number.NaN], [Number.NaN]]);
    const { dx, dgamma, dbeta } = backward(x, x, [2, 1], { mean, variance, mask: [0, 0] });
    assert.equal([[...dx], [...dgamma], [...dbeta]], [[0, 0], [0], [0]]);
    assert.is(new GradientSums(1).add(x, x, [2, 1], { mean: [0], variance: [1], mask: [false, false] }).count, 0);
  });
}
