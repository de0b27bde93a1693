/** The source documents: arXiv 1502.03167, and the worked example of a tutorial on it. */
import { BatchNorm, backward, forwardInference, forwardTraining, Moments } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';

/** Three features of two samples. */
const EXAMPLE = Float64Array.of(0.23, 1.26, -2.41, 0.56, 0.75, 1.0);

function checkNear(actual: ArrayLike<number>, expected: readonly number[], bound: number): void {
  assert.is(actual.length, expected.length);
  expected.forEach((value, k) => {
    const error = Math.abs(actual[k] - value);
    assert.ok(error <= bound, `element ${k}: ${actual[k]} instead of ${value}`);
  });
}

/** Values about some mean, from −1 to 1 around it, none alike. */
function ramp(length: number, mean: number): Float64Array {
  return Float64Array.from({ length }, (_, k) => mean + (((k * 7919) % length) / length) * 2 - 1);
}

export default function paper(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'paper');

  test('the worked example, by the formulas of the paper: variance over m, gamma = beta = 1', () => {
    const ones = new Float64Array(3).fill(1);
    const { y, mean, variance } = forwardTraining(EXAMPLE, [2, 3], { gamma: ones, beta: ones });
    checkNear(mean, [0.395, 1.005, -0.705], 1e-15);
    checkNear(variance, [0.027225, 0.065025, 2.907025], 1e-15);
    checkNear(y, [0.0, 2.0, 0.0, 2.0, 0.0, 2.0], 5e-4);
  });

  test('the worked example, as the tutorial prints it: variance over m − 1, beta = 0', () => {
    const moments = new Moments(3).add(EXAMPLE, [2, 3]);
    checkNear(moments.sampleVariance, [0.054, 0.13, 5.81], 5e-3);
    const given = { mean: moments.mean, variance: moments.sampleVariance, epsilon: 0 };
    const half = Math.SQRT1_2; // 0.707 in the tutorial
    checkNear(forwardInference(EXAMPLE, [2, 3], given).subarray(0, 3), [-half, half, -half], 1e-15);
    // Its −0.710 for the first feature comes from rounding the variance to 0.054 before it is used.
    const rounded = { ...given, variance: [0.054, 0.13, 5.81] };
    checkNear(forwardInference(EXAMPLE, [2, 3], rounded).subarray(0, 1), [-0.71], 5e-4);
  });

  test('gamma = √(variance + epsilon), beta = mean is the identity, in training and in inference', () => {
    const shape = [50, 4];
    const x = ramp(200, 3);
    const epsilon = 1e-5;
    const { mean, variance } = forwardTraining(x, shape, { epsilon });
    const gamma = variance.map((value) => Math.sqrt(value + epsilon));
    // Float64: y is within 5 ulp of its largest term, and no term is above 4.
    const bound = 5 * 2 ** -51;
    checkNear(forwardTraining(x, shape, { gamma, beta: mean, epsilon }).y, [...x], bound);
    checkNear(forwardInference(x, shape, { mean, variance, gamma, beta: mean, epsilon }), [...x], bound);
  });

  test('the identity in float32', () => {
    const shape = [50, 4];
    const x = Float32Array.from(ramp(200, 3));
    const { mean, variance } = forwardTraining(x, shape);
    const gamma = Float32Array.from(variance, (value) => Math.sqrt(value + 1e-5));
    const beta = Float32Array.from(mean);
    // 5 ulp of a term of up to 4, and the rounding of gamma and beta themselves.
    const bound = 6 * 2 ** -22;
    checkNear(forwardTraining(x, shape, { gamma, beta }).y, [...x], bound);
    checkNear(forwardInference(x, shape, { mean, variance, gamma, beta }), [...x], bound);
  });

  test('gradient descent learns the identity', () => {
    const shape = [40, 3];
    const x = ramp(120, 2);
    const layer = new BatchNorm<Float64Array>(3, { dtype: 'float64' });
    for (let step = 0; step < 200; step++) {
      const y = layer.forward(x, shape);
      layer.backward(y.map((value, k) => (value - x[k]) / 40));
      for (let ch = 0; ch < 3; ch++) {
        layer.gamma![ch] -= 0.5 * layer.dgamma![ch];
        layer.beta![ch] -= 0.5 * layer.dbeta![ch];
      }
    }
    const { mean, variance } = forwardTraining(x, shape);
    checkNear(layer.forward(x, shape), [...x], 1e-12);
    checkNear(layer.beta!, [...mean], 1e-12);
    const deviations = [...variance].map((value) => Math.sqrt(value + 1e-5));
    checkNear(layer.gamma!, deviations, 1e-12);
  });

  test('section 3.3: the scale of the weights does not matter, and their gradient shrinks with it', () => {
    const shape = [30, 2];
    const x = ramp(60, 0.5);
    const dy = ramp(60, 0);
    const scaled = x.map((value) => value * 8);
    const plain = forwardTraining(x, shape, { epsilon: 0 });
    const large = forwardTraining(scaled, shape, { epsilon: 0 });
    checkNear(large.y, [...plain.y], 1e-13);
    const dx = (input: Float64Array, { mean, variance }: typeof plain) =>
      backward(dy, input, shape, { mean, variance, epsilon: 0 }).dx;
    const restored = dx(scaled, large).map((value) => value * 8);
    checkNear(restored, [...dx(x, plain)], 1e-12);
  });
}
