/**
 * 16 bits: every function gives what it gives for the widened tensors as float32, rounded once where tensors are
 * written (docs/numerics.md, section 11); whatever options it has, and wherever it writes.
 */
import {
  backward,
  forwardInference,
  forwardTraining,
  fromBfloat16,
  fromFloat16,
  GradientSums,
  type HalfDtype,
  leakyRelu,
  toBfloat16,
  toFloat16,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { inputsOf } from '../support/data.js';
import { suiteFor } from '../support/suite.js';
import { firstDifference } from '../support/tensors.js';

const WIDEN = { float16: fromFloat16, bfloat16: fromBfloat16 };
const ROUND = { float16: toFloat16, bfloat16: toBfloat16 };
const DTYPES: readonly HalfDtype[] = ['float16', 'bfloat16'];

const SHAPES = [
  { shape: [37, 5], axis: 1 },
  { shape: [4, 3, 70], axis: 1 },
  { shape: [4, 3, 72], axis: 1 },
  { shape: [2, 7, 33], axis: -1 },
  { shape: [1, 4], axis: 1 },
  { shape: [0, 4], axis: 1 },
] as const;

/** A tensor of 16 bits and the same numbers as float32. */
interface Pair {
  readonly half: Uint16Array;
  readonly wide: Float32Array;
}

function pairsOf(dtype: HalfDtype, shape: readonly number[], axis: number): Record<'x' | 'dy' | 'residual', Pair> {
  const at = axis < 0 ? axis + shape.length : axis;
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  const view = { n: product(shape.slice(0, at)), c: shape[at], s: product(shape.slice(at + 1)) };
  const { x, dy, residual } = inputsOf('normal', dtype, view);
  const pair = (tensor: unknown): Pair => ({ half: tensor as Uint16Array, wide: WIDEN[dtype](tensor as Uint16Array) });
  return { x: pair(x), dy: pair(dy), residual: pair(residual) };
}

/** 16 bits against float32 that is yet to be rounded. Any NaN equals any NaN. */
function sameTensor(dtype: HalfDtype, actual: Uint16Array, expected: Float32Array, what: string): void {
  const [own, other] = [WIDEN[dtype](actual), WIDEN[dtype](ROUND[dtype](expected))];
  const k = firstDifference(own, other);
  assert.is(k, -1, `${what}[${k}] is ${own[k]}, not ${other[k]}`);
}

function sameNumbers(actual: Float32Array | Float64Array, expected: Float32Array | Float64Array, what: string): void {
  const k = firstDifference(actual, expected);
  assert.is(k, -1, `${what}[${k}] is ${actual[k]}, not ${expected[k]}`);
}

function masksOf(shape: readonly number[], axis: number): (readonly number[] | undefined)[] {
  const positions = shape.reduce((all, size) => all * size, 1) / (shape.at(axis) ?? 1) || 0;
  const mask = Array.from({ length: positions }, (_, k) => (k % 3 === 1 ? 0 : 1));
  return [undefined, mask, mask.map((value, k) => value * (1 + (k % 4) / 2))];
}

type Case = (typeof SHAPES)[number] & { readonly dtype: HalfDtype };

function agree({ shape, axis, dtype }: Case): void {
  const { x, dy, residual } = pairsOf(dtype, shape, axis);
  const c = shape.at(axis) ?? 0;
  const gamma = Float32Array.from({ length: c }, (_, ch) => ch - 1.5);
  const beta = Float32Array.from({ length: c }, (_, ch) => 0.25 * ch);
  for (const mask of masksOf(shape, axis)) {
    for (const activation of ['none', 'relu', leakyRelu(0.1)] as const) {
      for (const withResidual of [false, true]) {
        for (const summation of ['ordered', 'exact'] as const) {
          if (summation === 'exact' && mask?.some((weight) => weight !== 0 && weight !== 1)) continue;
          const options = { axis, gamma, beta, activation, mask, summation, singleValue: 'allow' } as const;
          const wide = forwardTraining(x.wide, shape, { ...options, ...(withResidual && { residual: residual.wide }) });
          const half = { ...options, dtype, ...(withResidual && { residual: residual.half }) };
          const own = forwardTraining(x.half, shape, half);
          sameTensor(dtype, own.y, wide.y, 'y');
          sameNumbers(own.mean, wide.mean, 'mean');
          sameNumbers(own.variance, wide.variance, 'variance');
          const { mean, variance } = wide;
          for (const statistics of ['batch', 'given'] as const) {
            const { singleValue: _, ...shared } = { ...options, mean, variance, statistics };
            const expected = backward(dy.wide, x.wide, shape, {
              ...shared,
              ...(withResidual && { residual: residual.wide }),
            });
            const actual = backward(dy.half, x.half, shape, {
              ...shared,
              dtype,
              ...(withResidual && { residual: residual.half }),
            });
            sameTensor(dtype, actual.dx, expected.dx, `dx, ${statistics}`);
            if (withResidual) sameTensor(dtype, actual.dresidual!, expected.dresidual!, 'dresidual');
            sameNumbers(actual.dgamma, expected.dgamma, 'dgamma');
            sameNumbers(actual.dbeta, expected.dbeta, 'dbeta');
          }
        }
      }
    }
  }
}

export default (backend: BackendUnderTest): void => {
  const test = suiteFor(backend, '16 bits');
  for (const dtype of DTYPES) {
    for (const one of SHAPES) {
      test(`${dtype}, shape ${one.shape}, axis ${one.axis}: as float32, rounded`, () => agree({ ...one, dtype }));
    }

    for (const shape of [
      [2, 4, 8192],
      [4096, 16],
    ]) {
      test(`${dtype}: all bits there are, beside each other, shape ${shape}`, () => {
        const c = shape[1];
        const x = Uint16Array.from({ length: 2 ** 16 }, (_, k) => (k * 25717) & 0xffff);
        const dy = Uint16Array.from(x, (bits) => bits ^ 0x8123);
        const given = { mean: new Float64Array(c).fill(0.3), variance: new Float64Array(c).fill(2) };
        const [gamma, beta] = [Float32Array.from(given.mean, (_, ch) => ch - 1.5), new Float32Array(c).fill(0.25)];
        const sums = new GradientSums(c);
        const all = x.length / c;
        sums.add(new Float32Array(x.length).fill(0.5), new Float32Array(x.length).fill(2), [all, c], given);
        const wide = { x: WIDEN[dtype](x), dy: WIDEN[dtype](dy) };
        for (const activation of [undefined, 'relu'] as const) {
          const options = { ...given, gamma, beta, activation };
          const y = forwardInference(x, shape, { ...options, dtype });
          sameTensor(dtype, y, forwardInference(wide.x, shape, options), `y, ${activation}`);
          const { dx } = backward(dy, x, shape, { ...options, sums, dtype });
          sameTensor(dtype, dx, backward(wide.dy, wide.x, shape, { ...options, sums }).dx, `dx, ${activation}`);
        }
      });
    }

    test(`${dtype}: inference in place, over the residual, and elsewhere`, () => {
      const { x, residual } = pairsOf(dtype, [9, 21], 1);
      const [mean, variance] = [new Float64Array(21).fill(0.3), new Float64Array(21).fill(2)];
      const options = { mean, variance, activation: 'relu' } as const;
      const expected = forwardInference(x.wide, [9, 21], { ...options, residual: residual.wide });
      const [a, b] = [x.half.slice(), residual.half.slice()];
      assert.is(forwardInference(a, [9, 21], { ...options, dtype, residual: residual.half, out: a }), a);
      assert.is(forwardInference(x.half, [9, 21], { ...options, dtype, residual: b, out: b }), b);
      for (const y of [a, b]) sameTensor(dtype, y, expected, 'y');
    });

    test(`${dtype}: gradients in place`, () => {
      const { x, dy, residual } = pairsOf(dtype, [9, 21], 1);
      const { mean, variance } = forwardTraining(x.half, [9, 21], { dtype });
      const options = { mean, variance, dtype, residual: residual.half, activation: 'relu' } as const;
      const expected = backward(dy.half, x.half, [9, 21], options);
      const [a, b] = [dy.half.slice(), dy.half.slice()];
      const first = backward(a, x.half, [9, 21], { ...options, out: a });
      const second = backward(b, x.half, [9, 21], { ...options, outResidual: b });
      assert.is(first.dx, a);
      assert.is(second.dresidual, b);
      for (const own of [first, second]) {
        assert.equal(own.dx, expected.dx);
        assert.equal(own.dresidual, expected.dresidual);
      }
    });

    test(`${dtype}: without an activation the gradient of the residual is dy itself`, () => {
      const { x, dy, residual } = pairsOf(dtype, [4, 6], 1);
      const { mean, variance } = forwardTraining(x.half, [4, 6], { dtype });
      const options = { mean, variance, dtype, residual: residual.half } as const;
      assert.is(backward(dy.half, x.half, [4, 6], options).dresidual, dy.half);
      const own = dy.half.slice();
      const { dx, dresidual } = backward(own, x.half, [4, 6], { ...options, out: own });
      assert.is(dx, own);
      assert.equal(dresidual, dy.half);
    });

    test(`${dtype}: pieces of a batch, by its sums`, () => {
      const { x, dy } = pairsOf(dtype, [8, 5], 1);
      const { mean, variance } = forwardTraining(x.half, [8, 5], { dtype });
      const whole = backward(dy.wide, x.wide, [8, 5], { mean, variance });
      const sums = new GradientSums(5);
      sums.add(dy.wide, x.wide, [8, 5], { mean, variance });
      for (const first of [0, 3]) {
        const rows = (tensor: Uint16Array) => tensor.subarray(first * 5, (first + 3) * 5);
        const { dx } = backward(rows(dy.half), rows(x.half), [3, 5], { mean, variance, dtype, sums });
        sameTensor(dtype, dx, whole.dx.subarray(first * 5, (first + 3) * 5), 'dx');
      }
    });

    test(`${dtype}: mistakes are named`, () => {
      const [x, gamma] = [new Uint16Array(6), new Float64Array(3)];
      const call = (given: object) => () => forwardTraining(x, [2, 3], given as { dtype: HalfDtype });
      assert.throws(call({}), /"x" expected Float32Array or Float64Array of length 6/);
      assert.throws(call({ dtype: 'float8' }), /"dtype" expected 'float16' or 'bfloat16', got "float8"/);
      assert.throws(call({ dtype, gamma }), /"gamma" expected Float32Array of length 3/);
      assert.throws(call({ dtype, out: new Float32Array(6) }), /"out" expected Uint16Array of length 6/);
      const floats = () => forwardTraining(new Float32Array(6) as never, [2, 3], { dtype });
      assert.throws(floats, /"x" expected Uint16Array (or Float16Array )?of length 6 .* got Float32Array/);
    });
  }
};
