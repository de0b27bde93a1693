/**
 * 16 bits in what goes with layers: states, copies and averages, statistics of a population, memory, folding,
 * inspection, gradients of gradients. Each gives what it gives for the same numbers as float32.
 */
import {
  allocate,
  averageOf,
  BatchNorm,
  type BatchNormState,
  doubleBackward,
  fold,
  forwardTraining,
  fromBfloat16,
  fromFloat16,
  type HalfDtype,
  inspect,
  populationStatistics,
  release,
  toBfloat16,
  toFloat16,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

const DTYPES: readonly HalfDtype[] = ['float16', 'bfloat16'];
const ROUND = { float16: toFloat16, bfloat16: toBfloat16 };
const WIDEN = { float16: fromFloat16, bfloat16: fromBfloat16 };
const SHAPE = [12, 3];

function bitsOf(dtype: HalfDtype, title: string, length = 36): Uint16Array {
  const random = randomFor(`16 bits beside: ${title}`);
  return ROUND[dtype](Float32Array.from({ length }, () => random.normal() * 2 + 1));
}

/** A layer that has learnt something. */
function trained(dtype: HalfDtype, title: string): BatchNorm<Uint16Array> {
  const bn = new BatchNorm<Uint16Array>(3, { dtype, activation: 'relu' });
  bn.forward(bitsOf(dtype, `${title} x`), SHAPE);
  bn.backward(bitsOf(dtype, `${title} dy`));
  for (const { value, gradient } of bn.parameters()) value.set(value.map((one, ch) => one - 0.1 * gradient[ch]));
  return bn;
}

/** The same layer in float32. */
function widened(bn: BatchNorm<Uint16Array>): BatchNorm {
  return BatchNorm.fromState({ ...bn.state(), dtype: 'float32' });
}

export default (backend: BackendUnderTest): void => {
  const test = suiteFor(backend, '16 bits beside the layer');

  for (const dtype of DTYPES) {
    const wide = (bits: Uint16Array) => WIDEN[dtype](bits);
    const round = (values: Float32Array) => ROUND[dtype](values);

    test(`${dtype}: a state through JSON, a clone and loadState are the layer`, () => {
      const bn = trained(dtype, 'state');
      const x = bitsOf(dtype, 'later');
      const parsed = JSON.parse(JSON.stringify(bn)) as BatchNormState<HalfDtype>;
      const copies = [BatchNorm.fromState(parsed), bn.clone(), new BatchNorm(3, { dtype, activation: 'relu' })];
      copies[2].loadState(parsed);
      const y = bn.forward(x, SHAPE);
      const dx = bn.backward(x);
      for (const copy of copies) {
        assert.is(copy.dtype, dtype);
        assert.equal(copy.forward(x, SHAPE), y);
        assert.equal(copy.backward(x), dx);
        assert.equal(copy.state(), bn.state());
      }
      assert.throws(
        () => new BatchNorm(3, { activation: 'relu' }).loadState(parsed as never),
        /"dtype" expected "float32"/,
      );
    });

    test(`${dtype}: the average of layers`, () => {
      const layers = [trained(dtype, 'early'), trained(dtype, 'late')];
      const { dtype: own, ...average } = averageOf(layers).state();
      const { dtype: _, ...expected } = averageOf(layers.map(widened)).state();
      assert.is(own, dtype);
      assert.equal(average, expected);
    });

    test(`${dtype}: the statistics of a population`, async () => {
      const batches = ['a', 'b', 'c'].map((title) => bitsOf(dtype, title));
      const of = (x: Uint16Array) => ({ x, shape: SHAPE });
      const moments = await populationStatistics(batches.map(of), { dtype });
      const expected = await populationStatistics(batches.map((x) => ({ x: wide(x), shape: SHAPE })));
      assert.equal(moments.toJSON(), expected.toJSON());
      const bn = new BatchNorm(3, { dtype });
      bn.setStatistics(moments);
      assert.equal(bn.runningMean, expected.mean);
      const [message, undecided] = ['nothing was thrown', populationStatistics(batches.map(of))];
      assert.match(
        await undecided.then(() => message, String),
        /batches\[0\]: "x" expected Float32Array or Float64Array/,
      );
    });

    test(`${dtype}: allocated tensors`, () => {
      const [x, y] = [allocate(36, dtype), allocate(36, dtype)];
      assert.instance(x, Uint16Array);
      assert.ok(x.every((bits) => bits === 0));
      x.set(bitsOf(dtype, 'allocated'));
      const expected = forwardTraining(x.slice(), SHAPE, { dtype }).y;
      assert.is(forwardTraining(x, SHAPE, { dtype, out: y }).y, y);
      assert.equal(y.slice(), expected);
      const part = y.subarray(0, 18);
      forwardTraining(x.subarray(18), [6, 3], { dtype, out: part });
      assert.equal(part.slice(), forwardTraining(x.slice(18), [6, 3], { dtype }).y);
      assert.throws(() => release(part), /the whole of what allocate returned/);
      release(x);
      release(y);
      assert.throws(() => forwardTraining(x, SHAPE, { dtype }), /"x" expected Uint16Array /);
      assert.throws(() => release(y), /an array that allocate returned/);
    });

    test(`${dtype}: folded into weights of floats`, () => {
      const bn = new BatchNorm<Uint16Array>(3, { dtype });
      bn.forward(bitsOf(dtype, 'folded'), SHAPE);
      const weights = Float32Array.from({ length: 6 }, (_, k) => k - 2.5);
      const options = { weights, shape: [3, 2], layout: 'OI' } as const;
      assert.equal(fold(bn, options), fold(widened(bn), options));
    });

    test(`${dtype}: inspected as float32`, () => {
      const bn = trained(dtype, 'inspected');
      const x = bitsOf(dtype, 'other', 300);
      const of = (layer: BatchNorm, from: Float32Array) => inspect(layer, { x: from, shape: [100, 3], steps: 1 });
      assert.equal(inspect(bn, { x, shape: [100, 3], steps: 1 }), of(widened(bn), wide(x)));
      assert.throws(() => inspect(bn, { x: wide(x), shape: [100, 3] }), /"x" expected Uint16Array /);
    });

    test(`${dtype}: gradients of gradients`, () => {
      const [x, dy, residual, ddx, ddresidual] = ['x', 'dy', 'residual', 'ddx', 'ddresidual'].map((title) =>
        bitsOf(dtype, title),
      );
      const { mean, variance } = forwardTraining(x, SHAPE, { dtype });
      const [gamma, beta, ddgamma, ddbeta] = [1, 2, 3, 4].map((k) => Float32Array.of(k, -k, 0.5));
      for (const statistics of ['batch', 'given'] as const) {
        for (const mask of [undefined, Array.from({ length: 12 }, (_, k) => (k % 3 === 0 ? 0 : 1))]) {
          const shared = {
            mean,
            variance,
            gamma,
            beta,
            ddgamma,
            ddbeta,
            statistics,
            mask,
            activation: 'relu',
          } as const;
          const own = doubleBackward(dy, x, SHAPE, { ...shared, dtype, residual, ddx, ddresidual });
          const tensors = { residual: wide(residual), ddx: wide(ddx), ddresidual: wide(ddresidual) };
          const expected = doubleBackward(wide(dy), wide(x), SHAPE, { ...shared, ...tensors });
          assert.equal([own.dx, own.ddy], [round(expected.dx), round(expected.ddy)]);
          assert.equal(own.dgamma, expected.dgamma);
        }
      }
      const wrong = { mean, variance, dtype, ddgamma: new Uint16Array(3) } as never;
      assert.throws(() => doubleBackward(dy, x, SHAPE, wrong), /"ddgamma" expected Float32Array of length 3/);
    });

    test(`${dtype}: mistakes are named`, () => {
      const bn = new BatchNorm<Uint16Array>(3, { dtype });
      const x = bitsOf(dtype, 'mistakes');
      const forward =
        (from: unknown, options = {}) =>
        () =>
          bn.forward(from as Uint16Array, SHAPE, options);
      assert.throws(forward(wide(x)), /BatchNorm.forward: "x" expected Uint16Array .*got Float32Array/);
      assert.throws(forward(x, { residual: wide(x) }), /"residual" expected Uint16Array of length 36/);
      assert.throws(forward(x, { out: wide(x) }), /"out" expected Uint16Array of length 36/);
      assert.throws(forward(x, { out: x.subarray(1) }), /"out" expected Uint16Array of length 36/);
      bn.forward(x, SHAPE);
      assert.throws(() => bn.backward(wide(x) as never), /BatchNorm.backward: "dy" expected Uint16Array of length 36/);
      const gradient = new Uint16Array(bn.gamma!.buffer, 0, 3);
      assert.throws(() => bn.forward(x.subarray(0, 3), [1, 3], { out: gradient }), /"out" expected memory of its own/);
    });
  }
};
