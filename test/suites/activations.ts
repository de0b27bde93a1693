// Activations against their definitions, written down once more in float64 and as naively as they can be.
import {
  type Activation,
  BatchNorm,
  type BatchNormOptions,
  type BatchNormState,
  backward,
  clip,
  forwardInference,
  forwardTraining,
  GradientSums,
  leakyRelu,
  type Tensor,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import { LAYER_CASES, layerData, runLayer } from '../support/layer-cases.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype, zeros } from '../support/tensors.js';
import * as oracle from '../support/variants-oracle.js';

/** y and g of an activation, of values that are floats already. */
interface Definition {
  readonly activation: Activation;
  readonly y: (z: number) => number;
  readonly g: (dy: number, z: number) => number;
}

const bounded = (activation: Activation, min: number, max: number): Definition => ({
  activation,
  y: (z) => (z <= min ? min : z >= max ? max : z),
  g: (dy, z) => (z > min && z < max ? dy : Number.isNaN(z) ? z : 0),
});

const sloped = (slope: number): Definition => ({
  activation: leakyRelu(slope),
  y: (z) => (z > 0 ? z : slope * z),
  g: (dy, z) => (z > 0 ? dy : Number.isNaN(z) ? z : slope * dy),
});

const DEFINITIONS: readonly Definition[] = [
  sloped(0.25),
  sloped(0.01),
  sloped(-2),
  sloped(1e-45),
  bounded('relu6', 0, 6),
  bounded(clip(-1, 1), -1, 1),
  bounded(clip(0.3, 0.7), 0.3, 0.7),
  bounded(clip(-0, 2), -0, 2),
];

const nameOf = (activation: Activation) => JSON.stringify(activation);
const exactly = (dtype: Dtype) => (dtype === 'float32' ? Math.fround : (value: number) => value);

/** The definition with its parameters, and what it makes, of the tensor's type. */
function ofType({ activation, y, g }: Definition, dtype: Dtype): Pick<Definition, 'y' | 'g'> {
  const fl = exactly(dtype);
  if (typeof activation === 'string') return { y, g };
  const typed =
    activation.name === 'leakyRelu'
      ? sloped(fl(activation.slope))
      : bounded(activation, fl(activation.min), fl(activation.max));
  return { y: (z) => fl(typed.y(z)), g: (dy, z) => fl(typed.g(dy, z)) };
}

/** What z may be: kinks from both sides, zeros, the smallest numbers, and those that are none. */
function specials(dtype: Dtype): Tensor {
  const least = dtype === 'float32' ? 2 ** -149 : 2 ** -1074;
  const kinks = [0, 6, -1, 1, 0.3, 0.7, 2].flatMap((kink) => {
    const step = 2 ** (dtype === 'float32' ? -22 : -50);
    return [kink, -kink, kink + step, kink - step];
  });
  const more = [least, -least, 1000 * least, -1000 * least, Infinity, -Infinity, Number.NaN, 1e30, -1e30, 0.123, -4.56];
  const values = [...kinks, ...more];
  return zeros(dtype, values.length).map((_, k) => values[k]);
}

/** As many z as there are, each in every place of a vector and in its tail. */
function cornerCase(dtype: Dtype, layout: 'channels first' | 'channels last' | 'one channel') {
  const values = specials(dtype);
  const repeated = zeros(dtype, values.length * 19).map((_, k) => values[(k * 7) % values.length]);
  const length = repeated.length;
  if (layout === 'one channel') return { z: repeated, shape: [length, 1], c: 1 };
  const c = 19;
  return { z: repeated, shape: layout === 'channels last' ? [values.length, c] : [1, c, values.length], c };
}

export default function activations(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'activations');

  for (const definition of DEFINITIONS) {
    const { activation } = definition;
    for (const dtype of DTYPES) {
      test(`${nameOf(activation)}, ${dtype}: kinks, zeros, infinities, NaN and subnormals, to the bit`, () => {
        const { y, g } = ofType(definition, dtype);
        for (const layout of ['channels first', 'channels last', 'one channel'] as const) {
          const { z, shape, c } = cornerCase(dtype, layout);
          const dy = z.map((_, k) => ((k % 11) - 5) / 3) as Tensor;
          // bn(x) = −0, so that z is the residual: −0 + r is r, −0 too.
          const x = zeros(dtype, z.length).fill(-0);
          const beta = zeros(dtype, c).fill(-0);
          const options = { mean: zeros('float64', c), variance: zeros('float64', c).fill(1), epsilon: 0 };
          const all = { ...options, beta, residual: z, activation };
          const actual = forwardInference<Tensor>(x, shape, all);
          same(actual, z.map((value) => y(value)) as Tensor, 'y');
          const expected = dy.map((value, k) => g(value, z[k])) as Tensor;
          const { dresidual } = backward<Tensor>(dy, x, shape, { ...all, statistics: 'given' });
          same(dresidual!, expected, 'dresidual');
          const over = dy.slice();
          same(backward<Tensor>(over, x, shape, { ...all, statistics: 'given', out: over }).dresidual!, expected, 'g');
        }
      });
    }

    for (const sample of LAYER_CASES) {
      test(`${nameOf(activation)}, [${sample.shape}], axis ${sample.axis}: y and all gradients by the oracle`, () => {
        for (const dtype of DTYPES) {
          const tolerance = dtype === 'float32' ? 3e-5 : 1e-11;
          const data = layerData('activations', sample, dtype);
          const { y, g } = ofType(definition, dtype);
          const lists = oracle.sharing(sample, Array(sample.samples).fill(0));
          const problem = { ...data, epsilon: 1e-3, lists, corrections: lists.map(() => ({ r: 1, d: 0 })) };
          const z = oracle.normalize(problem).map((value, k) => value + data.residual[k]);
          const passed = data.dy.map((value, k) => g(value, z[k]));
          const expected = oracle.backward({ ...problem, dy: passed }, sample.c);
          const bn = new BatchNorm<Tensor>(sample.c, { axis: sample.axis, epsilon: 1e-3, dtype, activation });
          const actual = runLayer(bn, data, sample.shape, { residual: data.residual });
          near(actual.y, z.map(y), tolerance, 'y');
          near(actual.dresidual!, passed, tolerance, 'dresidual');
          near(actual.dx, expected.dx, tolerance, 'dx');
          near(actual.dgamma!, expected.dgamma, tolerance * 10, 'dgamma');
          near(actual.dbeta!, expected.dbeta, tolerance * 10, 'dbeta');
        }
      });
    }
  }

  test('sums have terms that are rounded to the type: pieces and the whole agree in them', () => {
    const x = Float32Array.of(-1, 1, -3, 3);
    const dy = Float32Array.of(1, 1, 1 / 3, 1);
    const given = { mean: [0], variance: [1], epsilon: 0, activation: leakyRelu(0.1) };
    const sums = new GradientSums(1).add(dy, x, [4, 1], given);
    const slope = Math.fround(0.1);
    assert.is(sums.sumDy[0], slope + 1 + Math.fround(slope * Math.fround(1 / 3)) + 1);
  });

  test('what is relu by another name has its bits', () => {
    const x = Float32Array.of(-1, 1, -1, 1, -1, 1, 0, -0);
    const residual = Float32Array.of(1, -1, 2, -Infinity, Number.NaN, Infinity, 0, -0);
    const dy = Float32Array.of(1, -2, 3, -4, 5, -6, 7, -8);
    const given = { mean: [0], variance: [1], epsilon: 0, residual };
    const run = (activation: Activation) => ({
      y: forwardInference(x, [8, 1], { ...given, activation }),
      ...backward(dy, x, [8, 1], { ...given, activation, statistics: 'given' }),
    });
    const relu = run('relu');
    for (const equal of [leakyRelu(0), leakyRelu(-0), clip(0, Infinity)]) {
      for (const name of ['y', 'dx', 'dgamma', 'dbeta', 'dresidual'] as const)
        same(run(equal)[name]!, relu[name]!, name);
    }
    const six = run('relu6');
    for (const name of ['y', 'dx', 'dresidual'] as const) same(run(clip(0, 6))[name]!, six[name]!, name);
    // Without an activation nobody looks at z: there NaN does not become that of its gradient.
    const [none, all] = [run('none'), run(clip(-Infinity, Infinity))];
    same(all.y, none.y, 'y');
    same(
      all.dx,
      none.dx.map((value, k) => (k === 4 ? Number.NaN : value)),
      'dx',
    );
  });

  test('in all variants of the layer: as no activation, with dy that has gone through it', () => {
    const variants: BatchNormOptions[] = [
      {},
      { ghostBatchSize: 3 },
      { ghostBatchSize: 4, grouping: 'interleaved' },
      { renorm: { rMax: 1.2, dMax: 0.3 } },
      { onNonFinite: 'throw' },
      { synchronize: { rank: 0, size: 1, exchange: (values) => [values.slice()] } },
    ];
    for (const { activation, ...definition } of DEFINITIONS) {
      for (const more of variants) {
        const sample = LAYER_CASES[1];
        const data = layerData('activated variants', sample, 'float64');
        const { y, g } = ofType({ activation, ...definition }, 'float64');
        const options = { axis: sample.axis, dtype: 'float64', ...more } as const;
        for (const mask of [undefined, Array.from({ length: 54 }, (_, k) => (k % 5 === 0 ? 0 : 1))]) {
          const call = { residual: data.residual, mask };
          const without = new BatchNorm<Tensor>(sample.c, options);
          const z = runLayer(without, data, sample.shape, call).y;
          const chosen = (k: number) => mask === undefined || mask[Math.floor(k / 12) * 6 + (k % 6)] === 1;
          const passed = data.dy.map((value, k) => (chosen(k) ? g(value, z[k]) : 0));
          const dx = without.backward(passed as Tensor);
          const actual = runLayer(
            new BatchNorm<Tensor>(sample.c, { ...options, activation }),
            data,
            sample.shape,
            call,
          );
          same(actual.y, z.map((value, k) => (chosen(k) ? y(value) : 0)) as Tensor, 'y');
          same(actual.dx, dx, 'dx');
          same(actual.dgamma, without.dgamma, 'dgamma');
          same(actual.dresidual, passed, 'dresidual');
        }
      }
    }
  });

  test('a layer keeps its activation in its state, and through JSON', () => {
    const all: Activation[] = ['none', 'relu', 'relu6', leakyRelu(0.1), clip(-1, Infinity), clip(-0, 3)];
    for (const activation of all) {
      const bn = new BatchNorm(1, { activation });
      const copy = BatchNorm.fromState(JSON.parse(JSON.stringify(bn.state())) as BatchNormState);
      assert.equal(copy.state(), bn.state());
      const x = Float32Array.of(-3, -1, 0.5, 9);
      same(copy.forward(x, [4, 1]), bn.forward(x, [4, 1]), nameOf(activation));
    }
  });

  test('what users write is copied, what they get is frozen', () => {
    const mine = { name: 'leakyRelu' as const, slope: 0.5 };
    const bn = new BatchNorm(1, { activation: mine, epsilon: 0 });
    mine.slope = 0;
    assert.equal([...bn.forward(Float32Array.of(-1, 1), [2, 1])], [-0.5, 1]);
    assert.equal(leakyRelu(0.5), { name: 'leakyRelu', slope: 0.5 });
    assert.equal(clip(0, 6), { name: 'clip', min: 0, max: 6 });
    assert.ok(Object.isFrozen(leakyRelu(1)) && Object.isFrozen(clip(0, 1)));
    const { y } = forwardTraining(Float32Array.of(-1, 1), [2, 1], { activation: { name: 'clip', min: 0, max: 0.5 } });
    assert.equal([...y], [0, 0.5]);
  });

  test('large tensors, on as many threads as there are', () => {
    for (const shape of [
      [40, 3, 50, 50],
      [20000, 6],
    ]) {
      const [n, c] = shape;
      const s = shape.slice(2).reduce((a, b) => a * b, 1);
      const data = layerData('large activations', { shape, axis: 1, samples: n, rows: 1, c, s }, 'float32');
      const bn = new BatchNorm<Tensor>(c, { activation: leakyRelu(0.5) });
      const { y, dx, dresidual } = runLayer(bn, data, shape, { residual: data.residual });
      const without = new BatchNorm<Tensor>(c);
      const z = runLayer(without, data, shape, { residual: data.residual }).y;
      const passed = data.dy.map((value, k) => (z[k] > 0 ? value : value / 2)) as Tensor;
      same(y, z.map((value) => (value > 0 ? value : value / 2)) as Tensor, 'y');
      same(dresidual, passed, 'dresidual');
      same(dx, without.backward(passed), 'dx');
    }
  });
}
