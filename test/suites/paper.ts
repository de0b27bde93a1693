// Examples of arXiv 1502.03167 and of a tutorial on it: the worked example in both readings, and the identity transform.
import { BatchNorm, backward, forwardInference, forwardTraining, Moments, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { ulp } from '../support/bounds.js';
import { Random } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype, zeros } from '../support/tensors.js';

/** One minibatch of two samples with three features. */
const SAMPLES = Float64Array.of(0.23, 1.26, -2.41, 0.56, 0.75, 1);
const SHAPE = [2, 3];

function near(actual: ArrayLike<number>, expected: number[], places: number): void {
  expected.forEach((value, k) => {
    const error = Math.abs(actual[k] - value);
    if (!(error <= 0.5 * 10 ** -places + 1e-12)) assert.unreachable(`[${k}] is ${actual[k]}, printed is ${value}`);
  });
}

/** Algorithm 1: the variance is divided by m, gamma = beta = 1. */
function paperReading(): void {
  const ones = Float64Array.of(1, 1, 1);
  const { y, mean, variance } = forwardTraining(SAMPLES, SHAPE, { gamma: ones, beta: ones, epsilon: 0 });
  near(mean, [0.395, 1.005, -0.705], 12);
  near(variance, [0.027225, 0.065025, 2.907025], 12);
  near(y, [0, 2, 0, 2, 0, 2], 3);
}

/**
 * The tutorial divides the variance by m − 1 and adds no beta. It prints a variance of 0.054 for the first feature, where
 * 0.05445 is meant, and goes on with the rounded number: −0.165/√0.054 = −0.710, where two samples always give ∓1/√2.
 */
function tutorialReading(): void {
  const half = Math.SQRT1_2; // printed as 0.707
  const moments = new Moments(3).add(SAMPLES, SHAPE);
  near(moments.sampleVariance, [0.05445, 0.13005, 5.81405], 12);
  near(moments.sampleVariance, [0.054, 0.13, 5.81], 2);
  const options = { mean: moments.mean, epsilon: 0 };
  near(forwardInference(SAMPLES, SHAPE, { ...options, variance: moments.sampleVariance }), [-half, half, -half], 12);
  const printed = forwardInference(SAMPLES, SHAPE, { ...options, variance: [0.054, 0.13, 5.81] });
  near(printed, [-0.71, half, -half], 3);
}

const EPSILON = 1e-3;
const VIEW = { n: 50, c: 3, s: 4 };

/** Channels with deviations of 1, 2, 3 around 0, 5, 10. */
function features(dtype: Dtype): Tensor {
  const random = new Random(5);
  const { n, c, s } = VIEW;
  return zeros(dtype, n * c * s).map((_, k) => {
    const ch = Math.floor(k / s) % c;
    return 5 * ch + (1 + ch) * random.normal();
  });
}

/** gamma = √(variance + epsilon), beta = mean undo what normalisation did (section 3 of the paper). */
function identity(dtype: Dtype): void {
  const x = features(dtype);
  const { n, c, s } = VIEW;
  const { mean, variance } = forwardTraining<Tensor>(x, [n, c, s]);
  const gamma = zeros(dtype, c).map((_, ch) => Math.sqrt(variance[ch] + EPSILON));
  const beta = zeros(dtype, c).map((_, ch) => mean[ch]);
  const options = { gamma, beta, epsilon: EPSILON };
  const training = forwardTraining<Tensor>(x, [n, c, s], options).y;
  const inference = forwardInference<Tensor>(x, [n, c, s], { ...options, mean, variance });
  x.forEach((value, k) => {
    const ch = Math.floor(k / s) % c;
    // y is within 4 ulps, and gamma and beta were rounded: half an ulp of each term.
    const bound = 5 * ulp(Math.max(Math.abs(value - mean[ch]), Math.abs(mean[ch])), dtype);
    for (const y of [training[k], inference[k]]) {
      if (!(Math.abs(y - value) <= bound)) assert.unreachable(`y[${k}] is ${y}, x is ${value}: more than ${bound}`);
    }
  });
}

/** The gradients of Σ(y − x)²/2m lead gamma and beta there. */
function learnsIdentity(): void {
  const x = features('float64') as Float64Array;
  const shape = [VIEW.n, VIEW.c, VIEW.s];
  const m = VIEW.n * VIEW.s;
  const gamma = new Float64Array(VIEW.c).fill(1);
  const beta = new Float64Array(VIEW.c);
  const { mean, variance } = forwardTraining(x, shape);
  const losses: number[] = [];
  for (let step = 0; step < 60; step++) {
    const { y } = forwardTraining(x, shape, { gamma, beta, epsilon: EPSILON });
    const dy = y.map((value, k) => (value - x[k]) / m);
    losses.push(dy.reduce((sum, d) => sum + d * d, 0));
    const { dgamma, dbeta } = backward(dy, x, shape, { gamma, mean, variance, epsilon: EPSILON });
    for (let ch = 0; ch < VIEW.c; ch++) {
      gamma[ch] -= 0.5 * dgamma[ch];
      beta[ch] -= 0.5 * dbeta[ch];
    }
  }
  assert.ok(
    losses.every((loss, step) => step === 0 || loss <= losses[step - 1] || loss < 1e-28),
    'the loss falls',
  );
  assert.ok(losses[59] < 1e-28, `the last loss is ${losses[59]}`);
  near(
    gamma,
    [...variance].map((v) => Math.sqrt(v + EPSILON)),
    10,
  );
  near(beta, [...mean], 10);
}

/** Algorithm 2: inference with the mean of the batches' means and the mean of their variances times m/(m − 1). */
function algorithm2(): void {
  const x = features('float64') as Float64Array;
  const { n, c, s } = VIEW;
  const layer = new BatchNorm<Float64Array>(c, { dtype: 'float64', updateRate: 'cumulative' });
  const size = (n / 5) * c * s;
  const means: Float64Array[] = [];
  const variances: Float64Array[] = [];
  for (let batch = 0; batch < 5; batch++) {
    const part = x.subarray(batch * size, (batch + 1) * size);
    layer.forward(part, [n / 5, c, s]);
    const { mean, variance } = forwardTraining(part, [n / 5, c, s]);
    means.push(mean);
    variances.push(variance);
  }
  const m = (n / 5) * s;
  const average = (list: Float64Array[], ch: number) => list.reduce((sum, each) => sum + each[ch] / 5, 0);
  const channels = [0, 1, 2];
  near(
    layer.runningMean,
    channels.map((ch) => average(means, ch)),
    12,
  );
  near(
    layer.runningVariance,
    channels.map((ch) => (average(variances, ch) * m) / (m - 1)),
    12,
  );
}

export default function paper(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'paper');
  test('the worked example by the formulas of the paper', paperReading);
  test('the worked example as the tutorial prints it', tutorialReading);
  for (const dtype of DTYPES) test(`the identity transform gives x back, ${dtype}`, () => identity(dtype));
  test('gradient descent learns the identity transform', learnsIdentity);
  test('population statistics by Algorithm 2', algorithm2);
}
