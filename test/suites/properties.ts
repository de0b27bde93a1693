// What holds for any data, on cases that fast-check makes and shrinks.
import {
  type BackwardOptions,
  backward,
  type ForwardTrainingOptions,
  forwardInference,
  forwardTraining,
  Moments,
  type Tensor,
} from 'batchnorm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { unitOf } from '../support/bounds.js';
import { indices, statistics, sum } from '../support/oracle.js';
import { Random, SEED } from '../support/random.js';
import { suiteFor } from '../support/suite.js';
import { DTYPES, type Dtype, dtypeOf, firstDifference, zeros } from '../support/tensors.js';

const RUNS = { numRuns: 40, seed: SEED };
const { round } = Math;

/** A batch of any rank, with a channel axis anywhere and at least two values per channel. */
interface Batch {
  readonly dtype: Dtype;
  readonly dims: number[];
  readonly axis: number;
  readonly seed: number;
}

const batches: fc.Arbitrary<Batch> = fc
  .record({
    dtype: fc.constantFrom(...DTYPES),
    dims: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }),
    axis: fc.nat({ max: 3 }),
    seed: fc.nat({ max: 10000 }),
  })
  .map(({ axis, dims, ...rest }) => ({ ...rest, dims, axis: axis % dims.length }))
  .filter(({ dims, axis }) => dims.some((size, k) => k !== axis && size > 1));

/** n, c, s of the batch. */
function viewOf({ dims, axis }: Batch) {
  const product = (sizes: number[]) => sizes.reduce((a, b) => a * b, 1);
  return { n: product(dims.slice(0, axis)), c: dims[axis], s: product(dims.slice(axis + 1)) };
}

/** x and dy on a grid of 2⁻⁸, so that small integers can be added exactly; no channel has a variance below 1/4. */
function dataOf(batch: Batch) {
  const { dtype, seed } = batch;
  const view = viewOf(batch);
  const random = new Random(seed);
  const grid = (range: number) => round((random.uniform() - 0.5) * range * 256) / 256;
  const make = (range: number) => zeros(dtype, view.n * view.c * view.s).map(() => grid(range));
  const [x, dy, residual] = [make(1), make(4), make(4)];
  for (let ch = 0; ch < view.c; ch++) {
    for (const [i, k] of indices(view, ch).entries()) x[k] += i % 2 === 0 ? 1 : -1;
  }
  const perChannel = () => zeros(dtype, view.c).map(() => grid(4));
  return { ...{ dtype, view, x, dy, residual }, gamma: perChannel(), beta: perChannel() };
}

type Data = ReturnType<typeof dataOf>;

/** Forward and backward by the same options. */
function run(x: Tensor, dy: Tensor, dims: number[], options: ForwardTrainingOptions<Tensor> = {}) {
  const { y, mean, variance } = forwardTraining<Tensor>(x, dims, options);
  const given: BackwardOptions<Tensor> = { ...options, mean, variance };
  return { y, mean, variance, ...backward<Tensor>(dy, x, dims, given) };
}

/** Both are within their 8 ulps of the truth, and nothing here is above 100 without being allowed to. */
function close(actual: Tensor, expected: Tensor, what: string): void {
  const unit = unitOf(dtypeOf(expected));
  expected.forEach((value, k) => {
    const bound = 64 * unit * Math.max(8, Math.abs(value));
    if (!(Math.abs(actual[k] - value) <= bound)) assert.unreachable(`${what}[${k}] is ${actual[k]}, not ${value}`);
  });
}

function same(actual: Tensor, expected: Tensor, what: string): void {
  const k = firstDifference(actual, expected);
  if (k !== -1) assert.unreachable(`${what}[${k}] is ${actual[k]}, not ${expected[k]}`);
}

function times(array: Tensor, factor: number): Tensor {
  return array.map((value) => value * factor);
}

/** The channel axis moved to the end. */
function channelsLast(array: Tensor, { n, c, s }: Data['view']): Tensor {
  const moved = array.slice();
  for (let ch = 0; ch < c; ch++) {
    for (const [i, k] of indices({ n, c, s }, ch).entries()) moved[i * c + ch] = array[k];
  }
  return moved;
}

type Property = (data: Data, batch: Batch) => void;

const PROPERTIES: Record<string, Property> = {
  'a shift of x changes neither y nor dx'({ x, dy, gamma }, { dims, axis, seed }) {
    const shift = (seed % 200) - 100;
    const there = run(x.map((value) => value + shift) as Tensor, dy, dims, { axis, gamma });
    const here = run(x, dy, dims, { axis, gamma });
    close(there.y, here.y, 'y');
    close(there.dx, here.dx, 'dx');
  },

  'a scale of x leaves y and divides dx, to the bit for powers of two'({ x, dy, gamma }, { dims, axis, seed }) {
    const options = { axis, gamma, epsilon: 0 };
    const here = run(x, dy, dims, options);
    const factor = 2 ** ((seed % 40) - 20);
    const there = run(times(x, factor), dy, dims, options);
    same(there.y, here.y, 'y');
    same(times(there.dx, factor), here.dx, 'dx');
    same(there.dgamma, here.dgamma, 'dgamma');
    close(run(times(x, 3), dy, dims, options).y, here.y, 'y of 3x');
  },

  'dx sums to 0, alone and along x̂'({ x, dy, view, dtype }, { dims, axis }) {
    const { dx } = run(x, dy, dims, { axis, epsilon: 0 });
    const { y: xHat } = forwardTraining<Tensor>(x, dims, { axis, epsilon: 0 });
    for (let ch = 0; ch < view.c; ch++) {
      const own = indices(view, ch);
      const bound = 64 * unitOf(dtype) * 8 * own.length;
      for (const total of [sum(own.map((k) => dx[k])), sum(own.map((k) => dx[k] * xHat[k]))]) {
        if (!(Math.abs(total) <= bound)) assert.unreachable(`the sum of channel ${ch} is ${total} > ${bound}`);
      }
    }
  },

  'x̂ has mean 0 and variance 1'({ x, view, dtype }, { dims, axis }) {
    const { y } = forwardTraining<Tensor>(x, dims, { axis, epsilon: 0 });
    const { mean, variance } = statistics(y, view);
    const bound = 32 * unitOf(dtype);
    assert.ok(
      mean.every((value) => Math.abs(value) <= bound),
      `means ${mean}`,
    );
    assert.ok(
      variance.every((value) => Math.abs(value - 1) <= bound),
      `variances ${variance}`,
    );
  },

  'any rank and axis is a view (n, c, s), to the bit'({ x, dy, gamma, view: { n, c, s } }, { dims, axis }) {
    const whole = run(x, dy, dims, { axis, gamma });
    const view = run(x, dy, [n, c, s], { gamma });
    for (const name of ['y', 'mean', 'variance', 'dx', 'dgamma', 'dbeta'] as const) same(whole[name], view[name], name);
    same(run(x, dy, dims, { axis: axis - dims.length, gamma }).y, whole.y, 'y by a negative axis');
  },

  'channels may come last'({ x, dy, gamma, beta, view }, { dims, axis }) {
    const first = run(x, dy, dims, { axis, gamma, beta });
    const moved = [...dims.filter((_, k) => k !== axis), view.c];
    const last = run(channelsLast(x, view), channelsLast(dy, view), moved, { axis: -1, gamma, beta });
    close(last.y, channelsLast(first.y, view), 'y');
    close(last.dx, channelsLast(first.dx, view), 'dx');
    for (const name of ['mean', 'variance', 'dgamma', 'dbeta'] as const) close(last[name], first[name], name);
  },

  'in place is out of place, to the bit'({ x, dy, residual, gamma, beta }, { dims, axis }) {
    const options = { axis, gamma, beta, residual, activation: 'relu' } as const;
    const apart = run(x, dy, dims, options);
    const overX = x.slice();
    same(forwardTraining<Tensor>(overX, dims, { ...options, out: overX }).y, apart.y, 'y over x');
    same(overX, apart.y, 'out');
    const overResidual = residual.slice();
    forwardTraining<Tensor>(x, dims, { ...options, residual: overResidual, out: overResidual });
    same(overResidual, apart.y, 'y over residual');
    const { mean, variance } = apart;
    const over = dy.slice();
    const { dx, dresidual } = backward<Tensor>(over, x, dims, { ...options, mean, variance, out: over });
    assert.is(dx, over);
    same(dx, apart.dx, 'dx');
    same(dresidual!, apart.dresidual!, 'dresidual');
  },

  'a residual of zeros is none, to the bit'({ dtype, x, dy, gamma, beta }, { dims, axis }) {
    // +0 turns −0 into +0, which relu does anyway; −0 changes nothing.
    for (const [activation, zero] of [['relu', 0] as const, ['none', -0] as const]) {
      const options = { axis, gamma, beta, activation };
      const expected = run(x, dy, dims, options);
      const actual = run(x, dy, dims, { ...options, residual: zeros(dtype, x.length).fill(zero) });
      for (const name of ['y', 'dx', 'dgamma', 'dbeta'] as const) same(actual[name], expected[name], name);
    }
  },

  'inference by the statistics of the batch is training, to the bit'({ x, gamma, beta }, { dims, axis }) {
    const { y, mean, variance } = forwardTraining<Tensor>(x, dims, { axis, gamma, beta });
    same(forwardInference<Tensor>(x, dims, { axis, gamma, beta, mean, variance }), y, 'y');
  },

  'moments agree in any grouping'({ x, view: { n, c, s } }, { seed }) {
    const random = new Random(seed);
    const parts: Moments[] = [];
    for (let row = 0; row < n; ) {
      const rows = 1 + random.integer(n - row);
      parts.push(new Moments(c).add(x.subarray(row * c * s, (row + rows) * c * s), [rows, c, s]));
      row += rows;
    }
    while (parts.length > 1) {
      const [taken] = parts.splice(random.integer(parts.length), 1);
      parts[random.integer(parts.length)].merge(taken);
    }
    const whole = new Moments(c).add(x, [n, c, s]);
    for (const name of ['count', 'mean', 'variance', 'sampleVariance'] as const)
      close(parts[0][name], whole[name], name);
  },
};

export default function properties(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'properties');
  for (const [title, property] of Object.entries(PROPERTIES)) {
    test(title, () =>
      fc.assert(
        fc.property(batches, (batch) => property(dataOf(batch), batch)),
        RUNS,
      ),
    );
  }
}
