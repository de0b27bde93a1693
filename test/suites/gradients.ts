// Gradients against central differences of the forward, in float64.
import { type Activation, backward, forwardInference, forwardTraining } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { type Random, randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

const SHAPES = [
  [5, 2],
  [2, 3, 4],
  [3, 2, 2, 5],
];
/** The best step: rounding errs by 2⁻⁵³/h, the formula by h². */
const STEP = 2 ** -17;
const TOLERANCE = 1e-8;
/** Central differences mean nothing where a step crosses the corner of relu. */
const CORNER = 1e-3;

type Input = 'x' | 'gamma' | 'beta' | 'residual';
type Inputs = Record<Input, Float64Array>;

interface Setting {
  readonly shape: number[];
  readonly statistics: 'batch' | 'given';
  readonly activation: Activation;
}

export default function gradients(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'gradients');
  for (const shape of SHAPES) {
    for (const statistics of ['batch', 'given'] as const) {
      for (const activation of ['none', 'relu'] as const) {
        const title = `[${shape}], ${statistics} statistics, ${activation}`;
        test(title, () => check({ shape, statistics, activation }, title));
      }
    }
  }
}

function check(setting: Setting, title: string): void {
  const random = randomFor(title);
  const { shape, statistics, activation } = setting;
  const [size, c] = [shape.reduce((a, b) => a * b), shape[1]];
  const inputs = awayFromCorner(setting, random, size, c);
  const weights = normal(random, size);
  const loss = (changed: Inputs) => forward(changed, setting).reduce((sum, y, k) => sum + y * weights[k], 0);

  const { x, ...rest } = inputs;
  const used = statisticsOf(inputs, setting);
  const { dx, dgamma, dbeta, dresidual } = backward(weights, x, shape, { ...rest, ...used, statistics, activation });
  close(dx, differences(loss, inputs, 'x'), 'dx');
  close(dgamma, differences(loss, inputs, 'gamma'), 'dgamma');
  close(dbeta, differences(loss, inputs, 'beta'), 'dbeta');
  close(dresidual!, differences(loss, inputs, 'residual'), 'dresidual');
}

function normal(random: Random, length: number): Float64Array {
  return Float64Array.from({ length }, () => random.normal());
}

function awayFromCorner(setting: Setting, random: Random, size: number, c: number): Inputs {
  for (;;) {
    const inputs = {
      x: normal(random, size),
      gamma: normal(random, c),
      beta: normal(random, c),
      residual: normal(random, size),
    };
    if (forward(inputs, { ...setting, activation: 'none' }).every((z) => Math.abs(z) > CORNER)) return inputs;
  }
}

function statisticsOf({ x }: Inputs, { shape, statistics }: Setting): { mean: Float64Array; variance: Float64Array } {
  if (statistics === 'batch') {
    const { mean, variance } = forwardTraining(x, shape);
    return { mean, variance };
  }
  const c = shape[1];
  return { mean: new Float64Array(c).fill(0.3), variance: new Float64Array(c).fill(1.7) };
}

function forward(inputs: Inputs, setting: Setting): Float64Array {
  const { x, ...rest } = inputs;
  const { shape, statistics, activation } = setting;
  if (statistics === 'batch') return forwardTraining(x, shape, { ...rest, activation }).y;
  return forwardInference(x, shape, { ...rest, activation, ...statisticsOf(inputs, setting) });
}

function differences(loss: (inputs: Inputs) => number, inputs: Inputs, name: Input): Float64Array {
  return inputs[name].map((value, k, all) => {
    const lossWith = (changed: number) => loss({ ...inputs, [name]: all.with(k, changed) });
    return (lossWith(value + STEP) - lossWith(value - STEP)) / (2 * STEP);
  });
}

function close(actual: Float64Array, expected: Float64Array, name: string): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  expected.forEach((value, k) => {
    const error = Math.abs(actual[k] - value);
    if (!(error <= TOLERANCE * scale)) assert.unreachable(`${name}[${k}] is ${actual[k]}, differences say ${value}`);
  });
}
