/** backward against central differences of the forward, in float64, for every combination of its options. */
import { type Activation, backward, clip, forwardInference, forwardTraining, leakyRelu } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { kinksOf, STEP, wrongIn } from '../support/differences.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

/** What the loss is a function of. */
interface Point {
  x: Float64Array;
  gamma: Float64Array;
  beta: Float64Array;
  residual: Float64Array;
}

interface Setting {
  readonly shape: readonly number[];
  readonly axis: number;
  readonly channels: number;
  readonly statistics: 'batch' | 'given';
  readonly withResidual: boolean;
  readonly activation: Activation;
}

const SHAPES = [
  { shape: [7, 3], axis: 1, channels: 3 },
  { shape: [2, 3, 2, 5], axis: 1, channels: 3 },
  { shape: [2, 3, 2, 4], axis: -1, channels: 4 },
  { shape: [2, 2, 70], axis: 1, channels: 2 },
];

const SETTINGS: Setting[] = SHAPES.flatMap((sample) =>
  (['batch', 'given'] as const).flatMap((statistics) =>
    [false, true].flatMap((withResidual) =>
      (['none', 'relu', leakyRelu(-0.4), clip(-0.5, 1.5)] as const).map((activation) => ({
        ...sample,
        statistics,
        withResidual,
        activation,
      })),
    ),
  ),
);

class Problem {
  readonly point: Point;
  readonly dy: Float64Array;
  readonly #setting: Setting;
  /** Of the batch, or given: constants then. */
  readonly statistics: { mean: Float64Array; variance: Float64Array };

  constructor(setting: Setting) {
    const random = randomFor(`gradients ${JSON.stringify(setting)}`);
    const length = setting.shape.reduce((a, b) => a * b);
    const draw = (count: number, shift = 0) => Float64Array.from({ length: count }, () => random.normal() + shift);
    const { channels } = setting;
    this.#setting = setting;
    this.point = { x: draw(length, 1), gamma: draw(channels, 2), beta: draw(channels), residual: draw(length) };
    this.dy = draw(length);
    const { mean, variance } = forwardTraining(this.point.x, setting.shape, { axis: setting.axis });
    const given = setting.statistics === 'given';
    this.statistics = {
      mean: mean.map((v) => (given ? v + 0.3 : v)),
      variance: variance.map((v) => (given ? v * 2 : v)),
    };
  }

  y({ x, gamma, beta, residual }: Point, activation: Activation): Float64Array {
    const { shape, axis, statistics, withResidual } = this.#setting;
    const options = { axis, gamma, beta, activation, ...(withResidual && { residual }) };
    if (statistics === 'batch') return forwardTraining(x, shape, options).y;
    return forwardInference(x, shape, { ...options, ...this.statistics });
  }

  loss(point: Point): number {
    const y = this.y(point, this.#setting.activation);
    return y.reduce((sum, value, k) => sum + value * this.dy[k], 0);
  }

  gradients() {
    const { shape, axis, statistics, withResidual, activation } = this.#setting;
    const { x, gamma, beta, residual } = this.point;
    const options = { ...this.statistics, axis, statistics, gamma, beta, activation };
    return backward(this.dy, x, shape, withResidual ? { ...options, residual } : options);
  }
}

function titleOf({ shape, axis, statistics, withResidual, activation }: Setting): string {
  const added = withResidual ? ', residual' : '';
  return `[${shape}], axis ${axis}, ${statistics} statistics, ${JSON.stringify(activation)}${added}`;
}

export default function gradients(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'gradients');

  for (const setting of SETTINGS) {
    test(titleOf(setting), () => {
      const problem = new Problem(setting);
      // Activations have no slope at their kinks: the data keep clear of them.
      const z = problem.y(problem.point, 'none');
      assert.ok(kinksOf(setting.activation).every((kink) => z.every((value) => Math.abs(value - kink) > 10 * STEP)));
      const { dx, dgamma, dbeta, dresidual } = problem.gradients();
      assert.is(wrongIn(problem, 'x', dx), null);
      assert.is(wrongIn(problem, 'gamma', dgamma), null);
      assert.is(wrongIn(problem, 'beta', dbeta), null);
      if (setting.withResidual) assert.is(wrongIn(problem, 'residual', dresidual!), null);
    });
  }

  test('a gradient that is off by a millionth is noticed', () => {
    const problem = new Problem(SETTINGS[0]);
    const wrong = problem.gradients().dx.map((value) => value + 1e-6);
    assert.is.not(wrongIn(problem, 'x', wrong), null);
  });
}
