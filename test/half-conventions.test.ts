// 16 bits as other specifications define batch normalization of them: WebNN's batchNormalization of float16 (Web
// Platform Tests allow 6 units in the last place; 1 is allowed here), and ONNX from opset 15 on, where scale, B, mean
// and var have types of their own and sums are to be float lest they overflow.
import { BatchNorm, forwardInference, fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from 'batchnorm';
import { fromOnnx, type NamedTensor, type OnnxNode } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';

const TYPES = [
  { dtype: 'float16', type: 'F16', round: toFloat16, widen: fromFloat16 },
  { dtype: 'bfloat16', type: 'BF16', round: toBfloat16, widen: fromBfloat16 },
] as const;
const UNITS = 1;

/** Numbers that 16 bits hold, as bits and as what they are. */
function draw({ round, widen }: (typeof TYPES)[number], title: string, length: number, map = (z: number) => z) {
  const random = randomFor(`conventions of 16 bits: ${title}`);
  const bits = round(Float32Array.from({ length }, () => map(random.normal())));
  return { bits, numbers: Float64Array.from(widen(bits)) };
}

/** The order of numbers, as integers: neighbours differ by 1, −0 and +0 not at all. */
const rank = (bits: number) => (bits & 0x8000 ? -(bits & 0x7fff) : bits);

function withinUnits(actual: Uint16Array, expected: Uint16Array, what: string): void {
  actual.forEach((bits, k) => {
    const units = Math.abs(rank(bits) - rank(expected[k]));
    assert.ok(!!(units <= UNITS), `${what}[${k}] is ${units} units off`);
  });
}

const SHAPES: readonly { readonly shape: readonly number[]; readonly axis: number }[] = [
  { shape: [6], axis: 0 },
  { shape: [2, 5], axis: 1 },
  { shape: [2, 3, 4, 5], axis: 1 },
  { shape: [2, 4, 5, 3], axis: 3 },
  { shape: [2, 3, 2, 4], axis: 2 },
  { shape: [1, 2, 3, 2, 2], axis: 1 },
];

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

for (const of of TYPES) {
  const { dtype, type, round, widen } = of;
  const test = suiteOf(`conventions of 16 bits: ${dtype}`);

  test('WebNN: any axis, with and without scale and bias, any epsilon, an activation', () => {
    for (const { shape, axis } of SHAPES) {
      const [c, s] = [shape[axis], product(shape.slice(axis + 1))];
      const title = `${shape} ${axis}`;
      const x = draw(of, `${title} x`, product(shape));
      const mean = draw(of, `${title} mean`, c).numbers;
      const variance = draw(of, `${title} variance`, c, (z) => 0.1 + z * z).numbers;
      for (const scale of [undefined, draw(of, `${title} scale`, c).numbers]) {
        for (const bias of [undefined, draw(of, `${title} bias`, c).numbers]) {
          for (const epsilon of [undefined, 0, 1e-2]) {
            for (const activation of ['none', 'relu'] as const) {
              const [gamma, beta] = [scale && Float32Array.from(scale), bias && Float32Array.from(bias)];
              const options = { dtype, axis, mean, variance, gamma, beta, epsilon, activation };
              const y = forwardInference(x.bits, shape, options);
              const expected = x.numbers.map((value, k) => {
                const ch = Math.floor(k / s) % c;
                const rstd = 1 / Math.sqrt(variance[ch] + (epsilon ?? 1e-5));
                const z = (value - mean[ch]) * rstd * (scale?.[ch] ?? 1) + (bias?.[ch] ?? 0);
                return activation === 'relu' ? Math.max(z, 0) : z;
              });
              withinUnits(y, round(Float32Array.from(expected)), `${title}, ${activation}: y`);
            }
          }
        }
      }
    }
  });

  const vector = (dtypeOfTensor: 'F32' | typeof type, values: Float32Array): NamedTensor =>
    (dtypeOfTensor === 'F32'
      ? { dtype: 'F32', shape: [values.length], data: values }
      : { dtype: type, shape: [values.length], data: round(values) }) as NamedTensor;

  test('ONNX, opset 15: types of their own for scale and statistics, in evaluation and in training', () => {
    const shape = [4, 3, 5];
    const x = draw(of, 'onnx x', 60);
    const [scale, bias, mean] = ['scale', 'bias', 'mean'].map((title) => Float32Array.from(draw(of, title, 3).numbers));
    const variance = Float32Array.from(draw(of, 'var', 3, (z) => 0.2 + z * z).numbers);
    for (const parameters of ['F32', type] as const) {
      for (const statistics of ['F32', type] as const) {
        const initializers = {
          s: vector(parameters, scale),
          b: vector(parameters, bias),
          m: vector(statistics, mean),
          v: vector(statistics, variance),
        };
        for (const training of [0, 1]) {
          const output = training === 1 ? ['y', 'running_mean', 'running_var'] : ['y'];
          const attribute = { epsilon: 0.25, momentum: 0.75, training_mode: training };
          const node: OnnxNode = { input: ['x', 's', 'b', 'm', 'v'], output, attribute };
          const bn = fromOnnx(initializers, { node, opset: 15, dtype });
          const y = bn.forward(x.bits, shape);
          const own = { mean: Float64Array.from(mean), variance: Float64Array.from(variance) };
          const by = training === 1 ? momentsOf(x.numbers) : own;
          const expected = x.numbers.map((value, k) => {
            const ch = Math.floor(k / 5) % 3;
            return (scale[ch] * (value - by.mean[ch])) / Math.sqrt(by.variance[ch] + 0.25) + bias[ch];
          });
          withinUnits(y, round(Float32Array.from(expected)), `training_mode ${training}: y`);
          const kept = (before: number, batch: number) => (training === 1 ? 0.75 * before + 0.25 * batch : before);
          for (let ch = 0; ch < 3; ch++) {
            near(bn.runningMean[ch], kept(mean[ch], by.mean[ch]));
            near(bn.runningVariance[ch], kept(variance[ch], by.variance[ch]));
          }
        }
      }
    }
  });

  test('squares that 16 bits cannot hold do not overflow in statistics', () => {
    const x = round(Float32Array.of(60000, -60000, 30000, -30000, 0, 60000));
    const numbers = widen(x);
    const bn = new BatchNorm(1, { dtype, varianceEstimator: 'biased', updateRate: 1, onNonFinite: 'throw' });
    const y = bn.forward(x, [6, 1]);
    const mean = numbers.reduce((sum, value) => sum + value, 0) / 6;
    near(bn.runningMean[0] / mean, 1);
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 6;
    near(bn.runningVariance[0] / variance, 1);
    withinUnits(y, round(numbers.map((value) => (value - mean) / Math.sqrt(variance + 1e-5))), 'y');
  });
}

/** Of [4, 3, 5], with the population's variance, in float64. */
function momentsOf(numbers: Float64Array): { mean: Float64Array; variance: Float64Array } {
  const channel = (ch: number) => numbers.filter((_, k) => Math.floor(k / 5) % 3 === ch);
  const average = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mean = Float64Array.from([0, 1, 2], (ch) => average(channel(ch)));
  const variance = mean.map((own, ch) => average(channel(ch).map((value) => (value - own) ** 2)));
  return { mean, variance };
}

function near(actual: number, expected: number): void {
  assert.ok(!!(Math.abs(actual - expected) <= 1e-12 * (1 + Math.abs(expected))), `${actual}, not ${expected}`);
}
