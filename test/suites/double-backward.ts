/** doubleBackward against central differences of backward, in float64, for every combination of its options. */
import {
  type Activation,
  backward,
  clip,
  type DoubleBackwardOptions,
  doubleBackward,
  forwardInference,
  forwardTraining,
  leakyRelu,
  useBackend,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { kinksOf, STEP, wrongIn } from '../support/differences.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

/** What the loss is a function of. */
interface Point {
  x: Float64Array;
  dy: Float64Array;
  gamma: Float64Array;
}

interface Setting {
  readonly shape: readonly number[];
  readonly axis: number;
  readonly channels: number;
  readonly statistics: 'batch' | 'given';
  readonly activation: Activation;
  /** Those that the loss depends on. */
  readonly outputs: readonly Output[];
  readonly mask: readonly number[] | undefined;
}

const OUTPUTS = ['ddx', 'ddgamma', 'ddbeta', 'ddresidual'] as const;
type Output = (typeof OUTPUTS)[number];

const SHAPES = [
  { shape: [7, 3], axis: 1, channels: 3, mask: undefined },
  { shape: [2, 3, 2, 5], axis: 1, channels: 3, mask: undefined },
  { shape: [2, 3, 2, 4], axis: -1, channels: 4, mask: undefined },
  { shape: [3, 2, 4], axis: 1, channels: 2, mask: [1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0] },
];

const SETTINGS: Setting[] = SHAPES.flatMap((sample) =>
  (['batch', 'given'] as const).flatMap((statistics) => [
    ...OUTPUTS.map((output) => ({ ...sample, statistics, activation: 'none' as const, outputs: [output] })),
    ...(['none', 'relu', leakyRelu(-0.4), clip(-0.5, 1.5)] as const).map((activation) => ({
      ...sample,
      statistics,
      activation,
      outputs: OUTPUTS,
    })),
  ]),
);

class Problem {
  readonly point: Point;
  readonly #setting: Setting;
  readonly #rest: { beta: Float64Array; residual: Float64Array };
  readonly #given: { mean: Float64Array; variance: Float64Array };
  readonly #weights: Record<Output, Float64Array>;

  constructor(setting: Setting) {
    const random = randomFor(`double backward ${JSON.stringify(setting)}`);
    const { shape, axis, channels, mask } = setting;
    const length = shape.reduce((a, b) => a * b);
    const draw = (count: number, shift = 0) => Float64Array.from({ length: count }, () => random.normal() + shift);
    this.#setting = setting;
    this.point = { x: draw(length, 1), dy: draw(length, 0.5), gamma: draw(channels, 2) };
    this.#rest = { beta: draw(channels), residual: draw(length) };
    this.#weights = {
      ddx: draw(length, 0.3),
      ddgamma: draw(channels),
      ddbeta: draw(channels),
      ddresidual: draw(length),
    };
    const { mean, variance } = forwardTraining(this.point.x, shape, { axis, mask });
    this.#given = { mean: mean.map((v) => v + 0.3), variance: variance.map((v) => v * 2) };
  }

  #statistics(x: Float64Array) {
    const { shape, axis, statistics, mask } = this.#setting;
    if (statistics === 'given') return this.#given;
    const { mean, variance } = forwardTraining(x, shape, { axis, mask });
    return { mean, variance };
  }

  #options({ x, gamma }: Point) {
    const { axis, statistics, activation, mask } = this.#setting;
    return { ...this.#statistics(x), ...this.#rest, axis, statistics, activation, mask, gamma };
  }

  /** The input of the activation. */
  z(): Float64Array {
    const { x, gamma } = this.point;
    const { axis, shape } = this.#setting;
    return forwardInference(x, shape, { ...this.#statistics(x), ...this.#rest, axis, gamma });
  }

  /** Σ of each output of backward times its weight. */
  loss(point: Point): number {
    const { dx, dgamma, dbeta, dresidual } = backward(point.dy, point.x, this.#setting.shape, this.#options(point));
    const outputs = { ddx: dx, ddgamma: dgamma, ddbeta: dbeta, ddresidual: dresidual! };
    const dot = (name: Output) => outputs[name].reduce((sum, value, k) => sum + value * this.#weights[name][k], 0);
    return this.#setting.outputs.reduce((sum, name) => sum + dot(name), 0);
  }

  gradients() {
    const { dy, x } = this.point;
    const wanted = Object.fromEntries(this.#setting.outputs.map((name) => [name, this.#weights[name]]));
    return doubleBackward(dy, x, this.#setting.shape, { ...this.#options(this.point), ...wanted });
  }
}

function titleOf({ shape, axis, statistics, activation, outputs, mask }: Setting): string {
  const masked = mask === undefined ? '' : ', mask';
  return `[${shape}], axis ${axis}, ${statistics} statistics, ${JSON.stringify(activation)}, ${outputs}${masked}`;
}

type Options = DoubleBackwardOptions<Float32Array>;

/** A call in float32, whose samples are in the order that is given. */
function inOrder(order: readonly number[], options: Partial<Options>) {
  const random = randomFor('double backward in another order');
  const [x, dy, ddx] = [0, 1, 2].map(() =>
    Array.from({ length: order.length }, () => [random.normal(), random.normal()]),
  );
  const take = (rows: number[][]) => Float32Array.from(order.flatMap((sample) => rows[sample]));
  const gamma = Float32Array.of(2, -0.5);
  const shape = [order.length, 2];
  const { mean, variance } = forwardTraining(take(x), shape, { summation: options.summation });
  const rest = { mean, variance, gamma, ddgamma: Float32Array.of(1, 3), ddbeta: Float32Array.of(-2, 1) };
  return doubleBackward(take(dy), take(x), shape, { ...rest, ddx: take(ddx), ...options });
}

export default function doubleBackwardSuite(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'double backward');

  for (const setting of SETTINGS) {
    test(titleOf(setting), () => {
      const problem = new Problem(setting);
      assert.ok(
        kinksOf(setting.activation).every((kink) => problem.z().every((value) => Math.abs(value - kink) > 10 * STEP)),
      );
      const { dx, ddy, dgamma } = problem.gradients();
      assert.is(wrongIn(problem, 'x', dx), null);
      assert.is(wrongIn(problem, 'dy', ddy), null);
      assert.is(wrongIn(problem, 'gamma', dgamma), null);
    });
  }

  test('a gradient that is off by a millionth is noticed', () => {
    const problem = new Problem(SETTINGS[0]);
    assert.is.not(
      wrongIn(
        problem,
        'x',
        problem.gradients().dx.map((value) => value + 1e-6),
      ),
      null,
    );
  });

  test('float32 is float64 but for rounding', () => {
    const setting: Setting = { ...SETTINGS[0], outputs: OUTPUTS };
    const { x, dy, gamma } = new Problem(setting).point;
    const double = { x, dy, gamma, ddx: dy.map((value, k) => value * Math.sin(k)) };
    const narrow = Object.fromEntries(Object.entries(double).map(([name, values]) => [name, new Float32Array(values)]));
    const { mean, variance } = forwardTraining(x, setting.shape);
    const [a, b] = [double, narrow as unknown as typeof double].map(({ x, dy, gamma, ddx }) =>
      doubleBackward(dy, x, setting.shape, { mean, variance, gamma, ddx, ddgamma: gamma, ddbeta: gamma }),
    );
    for (const name of ['dx', 'ddy', 'dgamma'] as const) {
      assert.ok(a[name].every((value, k) => Math.abs(value - b[name][k]) <= 1e-5));
    }
  });

  test('exact sums give the same bits in any order of the samples', () => {
    const order = Array.from({ length: 50 }, (_, sample) => sample);
    const reversed = order.toReversed();
    const [one, other] = [order, reversed].map((samples) => inOrder(samples, { summation: 'exact' }));
    const back = (rows: Float32Array) => reversed.flatMap((sample) => [...rows.subarray(2 * sample, 2 * sample + 2)]);
    assert.equal(back(other.dx), [...one.dx]);
    assert.equal(back(other.ddy), [...one.ddy]);
    assert.equal(other.dgamma, one.dgamma);
  });

  for (const summation of ['ordered', 'exact'] as const) {
    test(`the bits of the reference, ${summation}`, () => {
      const order = Array.from({ length: 999 }, (_, sample) => sample);
      const own = inOrder(order, { summation, activation: 'relu' });
      useBackend('reference');
      assert.equal(own, inOrder(order, { summation, activation: 'relu' }));
    });
  }

  test('what a mask has chosen has the bits of a batch of its own', () => {
    const x = Float32Array.of(1, 2, 8, -3, 5, 0, 4, 4);
    const dy = Float32Array.of(1, 0, 2, -1, NaN, Infinity, 3, 1);
    const ddx = Float32Array.of(0, 1, -1, 2, 7, NaN, 2, 0.5);
    const mask = [1, 1, 0, 1];
    const { mean, variance } = forwardTraining(x, [4, 2], { mask });
    const pack = (t: Float32Array) => Float32Array.of(...t.subarray(0, 4), ...t.subarray(6));
    const spread = (t: Float32Array) => Float32Array.of(...t.subarray(0, 4), 0, 0, ...t.subarray(4));
    const rest = { mean, variance, ddgamma: Float32Array.of(1, 2) };
    const masked = doubleBackward(dy, x, [4, 2], { ...rest, ddx, mask });
    const small = doubleBackward(pack(dy), pack(x), [3, 2], { ...rest, ddx: pack(ddx) });
    assert.equal(masked, { dx: spread(small.dx), ddy: spread(small.ddy), dgamma: small.dgamma });
  });

  test('an empty batch, one value, a constant channel, nothing that the loss depends on', () => {
    const one = Float32Array.of(3);
    const none = new Float32Array(0);
    const statistics = { mean: [3], variance: [0] };
    const empty = doubleBackward(none, none, [0, 1], { ...statistics, ddx: none });
    assert.equal(empty, { dx: none, ddy: none, dgamma: Float32Array.of(0) });
    const rest = { ddx: one, ddgamma: one, ddbeta: Float32Array.of(5) };
    const single = doubleBackward(one, one, [1, 1], { ...statistics, ...rest });
    assert.equal(single, { dx: Float32Array.of(0), ddy: Float32Array.of(5), dgamma: Float32Array.of(0) });
    const constant = Float32Array.of(3, 3, 3);
    const dy = Float32Array.of(1, 2, 4);
    const zeros = new Float32Array(3);
    const still = doubleBackward(dy, constant, [3, 1], { ...statistics, epsilon: 0, ddx: dy, ddgamma: one });
    assert.equal(still, { dx: zeros, ddy: zeros, dgamma: Float32Array.of(0) });
    const idle = doubleBackward(dy, Float32Array.of(1, 2, 3), [3, 1], { mean: [2], variance: [2 / 3] });
    assert.equal(idle, { dx: zeros, ddy: zeros, dgamma: Float32Array.of(0) });
  });

  test('NaN and Infinity stay in their channel', () => {
    const x = Float32Array.of(1, 2, 5, NaN, 3, 4);
    const dy = Float32Array.of(1, 2, 0, 1, Infinity, 1);
    const { mean, variance } = forwardTraining(x, [2, 3]);
    const { dx, ddy, dgamma } = doubleBackward(dy, x, [2, 3], { mean, variance, ddx: dy });
    assert.equal([...dgamma].map(Number.isFinite), [false, false, true]);
    for (const t of [dx, ddy]) assert.equal([t[2], t[5]].map(Number.isFinite), [true, true]);
  });
}
