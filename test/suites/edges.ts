// Corner cases of docs/numerics.md, section 7.
import { backward, forwardTraining, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { View } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
import { type Inputs, inputsOf } from '../support/data.js';
import { indices } from '../support/oracle.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype, firstDifference, zeros } from '../support/tensors.js';

/** Columns, rows, and rows of several segments. */
const VIEWS: readonly View[] = [
  { n: 33, c: 5, s: 1 },
  { n: 6, c: 5, s: 7 },
  { n: 3, c: 5, s: 70 },
  { n: 1, c: 5, s: 5000 },
];

export default function edges(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'edges');
  for (const dtype of DTYPES) {
    for (const view of VIEWS) {
      const title = `(${view.n}, ${view.c}, ${view.s}), ${dtype}`;
      for (const bad of [Number.NaN, Infinity, -Infinity]) {
        test(`${bad} stays in its channel, ${title}`, () => staysInChannel(bad, dtype, view));
      }
      test(`a constant channel has variance 0 and gives beta, ${title}`, () => constantChannel(dtype, view));
    }
    test(`one value per channel gives beta, ${dtype}`, () => singleValue(dtype));
    test(`relu of NaN is NaN, of what is not above 0 is +0, ${dtype}`, () => reluCorners(dtype));
  }
}

function run({ x, dy, residual, gamma, beta, view, epsilon }: Inputs) {
  const shape = [view.n, view.c, view.s];
  const options = { residual, gamma, beta, epsilon };
  const { y, mean, variance } = forwardTraining<Tensor>(x, shape, options);
  const { dx, dgamma, dbeta } = backward<Tensor>(dy, x, shape, { ...options, mean, variance });
  return { elements: { y, dx }, channels: { mean, variance, dgamma, dbeta } };
}

function staysInChannel(bad: number, dtype: Dtype, view: View): void {
  const bystander = 2;
  const inputs = inputsOf('normal', dtype, view);
  const before = run(inputs);
  const own = indices(view, bystander);
  inputs.x[own[own.length - 1]] = bad;
  const after = run(inputs);
  for (const [name, array] of Object.entries(after.channels)) {
    const same = array.map((value, ch) => (ch === bystander ? before.channels[name as 'mean'][ch] : value));
    assert.is(firstDifference(same as Tensor, before.channels[name as 'mean']), -1, `${name} of other channels`);
  }
  for (const [name, array] of Object.entries(after.elements)) {
    const others = array.slice();
    for (const k of own) {
      assert.ok(Number.isNaN(array[k]), `${name}[${k}] is ${array[k]}`);
      others[k] = before.elements[name as 'y'][k];
    }
    assert.is(firstDifference(others, before.elements[name as 'y']), -1, `${name} of other channels`);
  }
  const { mean, variance, dgamma, dbeta } = after.channels;
  assert.equal([mean[bystander], variance[bystander], dgamma[bystander]], [bad, Number.NaN, Number.NaN]);
  assert.is(dbeta[bystander], before.channels.dbeta[bystander]);
}

function constantChannel(dtype: Dtype, view: View): void {
  const values = [0.1, -1e8, 1 / 3, 3e-39, 1e30];
  for (const epsilon of [0, 1e-5]) {
    const inputs = inputsOf('normal', dtype, view, epsilon);
    const { x, gamma, beta, dy } = inputs;
    for (let ch = 0; ch < view.c; ch++) for (const k of indices(view, ch)) x[k] = values[ch];
    const shape = [view.n, view.c, view.s];
    const { y, mean, variance } = forwardTraining<Tensor>(x, shape, { gamma, beta, epsilon });
    const { dx, dgamma } = backward<Tensor>(dy, x, shape, { gamma, beta, epsilon, mean, variance });
    for (let ch = 0; ch < view.c; ch++) {
      const own = indices(view, ch);
      assert.is(mean[ch], x[own[0]], `mean[${ch}]`);
      assert.is(variance[ch], 0, `variance[${ch}]`);
      assert.equal(dgamma[ch] + 0, 0, `dgamma[${ch}]`);
      for (const k of own) {
        assert.ok(y[k] === beta[ch], `y[${k}] is ${y[k]}, not ${beta[ch]}`);
        if (epsilon === 0) assert.ok(dx[k] === 0, `dx[${k}] is ${dx[k]}`);
      }
    }
  }
}

function singleValue(dtype: Dtype): void {
  const { x, dy, gamma, beta, view } = inputsOf('mean 1e6', dtype, { n: 1, c: 7, s: 1 });
  const { y, mean, variance } = forwardTraining<Tensor>(x, [1, 7], { gamma, beta, singleValue: 'allow' });
  assert.equal([...mean], [...x]);
  assert.equal([...variance], [0, 0, 0, 0, 0, 0, 0]);
  assert.ok(y.every((value, ch) => value === beta[ch]));
  const { dx, dgamma, dbeta } = backward<Tensor>(dy, x, [1, view.c], { gamma, beta, mean, variance });
  assert.ok(dx.every((value) => value === 0));
  assert.ok(dgamma.every((value) => value === 0));
  assert.is(firstDifference(dbeta, dy), -1);
}

function reluCorners(dtype: Dtype): void {
  // x̂ = ±1, so that z = beta ± 1 + residual is exact.
  const make = (...values: number[]) => zeros(dtype, values.length).map((_, k) => values[k]);
  const x = make(-1, 1, -1, 1, -1, 1);
  const residual = make(1, -1, 2, -2, Number.NaN, Infinity);
  const options = { residual, epsilon: 0, activation: 'relu' } as const;
  const { y, mean, variance } = forwardTraining<Tensor>(x, [6, 1], options);
  assert.is(firstDifference(y, make(0, 0, 1, 0, Number.NaN, Infinity)), -1, `relu is ${y}`);
  const dy = make(1, -2, 3, -4, 5, -6);
  const { dresidual } = backward<Tensor>(dy, x, [6, 1], { ...options, mean, variance, statistics: 'given' });
  assert.is(firstDifference(dresidual!, make(0, 0, 3, 0, Number.NaN, -6)), -1, `dresidual is ${dresidual}`);
}
