/**
 * Sums over chosen rows have the bits of the same sums over a tensor of these rows, on every backend and instruction
 * set.
 */
import type { Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import { loadWith } from '#dist/backends/native.js';
import type { Positions, RowSums, TensorKernels, View } from '#dist/kernels.js';
import { allUnderTest, underTest } from './support/backends.js';
import { inputsOf, PLAIN } from './support/data.js';
import { randomFor } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import { firstDifference, Guarded, KERNEL_DTYPES, type KernelTensor, numbersOf, tableOf } from './support/tensors.js';

const backends = allUnderTest();
const [reference] = backends;

/**
 * Stacks of 16 rows below 16 channels; groups of 4096 rows; vectors, blocks of channels and what is left over of them.
 */
const VIEWS: readonly View[] = [
  ...[1, 2, 3, 5, 15, 16, 17, 31, 33, 64, 127, 130].map((c) => ({ n: 37, c, s: 1 })),
  ...[1, 3, 15, 16, 20, 35].map((c) => ({ n: 3, c, s: 47 })),
  ...[1, 3, 16, 17].map((c) => ({ n: 3, c, s: 2750 })),
  ...[2, 16, 66].map((c) => ({ n: 8250, c, s: 1 })),
  { n: 5, c: 130, s: 400 },
];

interface Rows {
  readonly positions: Positions | null;
  readonly weights: Float64Array | null;
  readonly center: Float64Array | null;
}

/** Three quarters of the positions; all of them in order; many in any order and more than once; one; none. */
function positionsOf(view: View): (Positions | null)[] {
  const whole = view.n * view.s;
  const random = randomFor(`row sums ${JSON.stringify(view)}`);
  const all = Int32Array.from({ length: whole }, (_, position) => position);
  const chosen = all.filter(() => random.integer(4) > 0);
  return [
    chosen,
    Float64Array.from(chosen),
    null,
    all.map(() => random.integer(whole)),
    Int32Array.of(whole - 1),
    new Int32Array(0),
  ];
}

/** The sums of a float64 tensor of the rows, by the kernel that has had this order from the beginning. */
function expectedSums(x: Tensor, { positions, weights, center }: Rows, { n, c, s }: View): RowSums {
  const chosen = positions ?? Float64Array.from({ length: n * s }, (_, position) => position);
  const sums = { sumDy: new Float64Array(c), sumDyDeviation: new Float64Array(c) };
  const deviations = new Float64Array(chosen.length * c);
  const products = new Float64Array(chosen.length * c);
  chosen.forEach((position, row) => {
    for (let ch = 0; ch < c; ch++) {
      const d = x[(Math.floor(position / s) * c + ch) * s + (position % s)] - (center?.[ch] ?? 0);
      deviations[row * c + ch] = d;
      products[row * c + ch] = (weights?.[row] ?? 1) * d;
    }
  });
  if (chosen.length > 0) {
    const zeros = new Float64Array(c);
    const affine = { mean: zeros, variance: zeros, gamma: null, beta: null, epsilon: 1 };
    const view = { n: chosen.length, c, s: 1 };
    reference.kernels().gradientSums(sums, products, deviations, null, affine, 0, view);
  }
  return { first: sums.sumDy, second: sums.sumDyDeviation };
}

type RowKernels = Pick<TensorKernels<KernelTensor, Tensor>, 'rowSums'>;

/** What differs, or was written where it should not have been; null where nothing does. */
function difference(kernels: RowKernels, x: KernelTensor, rows: Rows, view: View, expected: RowSums): string | null {
  const guarded = new Guarded(3);
  const output = () => guarded.output('float64', view.c) as Float64Array;
  const input = (array: Float64Array | null) => array && (guarded.input(array) as Float64Array);
  const sums = { first: output(), second: output() };
  kernels.rowSums(sums, guarded.input(x), rows.positions, input(rows.weights), input(rows.center), view);
  for (const name of ['first', 'second'] as const) {
    const k = firstDifference(sums[name], expected[name]);
    if (k !== -1) return `${name}[${k}] is ${sums[name][k]}, not ${expected[name][k]}`;
  }
  return guarded.violation();
}

/** Data without infinities in float16: what is expected is computed by way of a difference, which would be NaN. */
const FITTING_FLOAT16 = ['normal', 'uniform', 'subnormals', 'mean 2^10 std'];

const test = suiteOf(`row sums: ${backends.map(({ name, isa }) => `${name}/${isa}`).join(', ')}`);

VIEWS.forEach((view, turn) => {
  const { n, c, s } = view;
  test(`n ${n}, c ${c}, s ${s}`, () => {
    const random = randomFor(`row sums: numbers ${turn}`);
    for (const dtype of KERNEL_DTYPES) {
      const classes = dtype === 'float16' ? FITTING_FLOAT16 : Object.keys(PLAIN);
      const { x } = inputsOf(classes[turn % classes.length], dtype, { n, c, s });
      for (const positions of positionsOf(view)) {
        const count = positions?.length ?? n * s;
        const weights = Float64Array.from({ length: count }, () => random.uniform() * 3);
        const center = Float64Array.from({ length: c }, () => random.normal());
        for (const given of [null, weights]) {
          for (const about of [null, center]) {
            const rows = { positions, weights: given, center: about };
            const expected = expectedSums(numbersOf(dtype, x), rows, view);
            for (const backend of backends) {
              const of = `${count} rows, ${given && 'weights'}, ${about && 'center'}`;
              const title = `${backend.name}/${backend.isa}, ${dtype}, ${of}`;
              assert.is(difference(tableOf(backend.kernels(), dtype), x, rows, view, expected), null, title);
            }
          }
        }
      }
    }
  });
});

test('threads do not change the bits', () => {
  const found = underTest('native');
  if (!Array.isArray(found)) return skipAloud('threads of row sums', found.reason);
  for (const view of [
    { n: 8250, c: 3, s: 1 },
    { n: 9000, c: 130, s: 1 },
    { n: 5, c: 35, s: 2500 },
  ]) {
    const { x } = inputsOf('normal', 'float32', view);
    const [positions] = positionsOf(view);
    const weights = Float64Array.from(positions!, (position) => 1 + (position % 7));
    for (const given of [null, weights]) {
      const rows = { positions, weights: given, center: given && new Float64Array(view.c).fill(0.1) };
      const expected = expectedSums(x, rows, view);
      for (const { isa } of found) {
        const kernels = loadWith(isa, { threads: 5, threadBytes: 1 });
        for (let time = 0; time < 5; time++) assert.is(difference(kernels, x, rows, view, expected), null, isa);
      }
    }
  }
});

test('NaN and infinities stay in their channels', () => {
  const view = { n: 20, c: 19, s: 1 };
  const x = new Float32Array(view.n * view.c).fill(1);
  x[3 * view.c + 2] = Number.NaN;
  x[3 * view.c + 17] = Infinity;
  const positions = Int32Array.from({ length: 19 }, (_, row) => row);
  for (const backend of backends) {
    const sums = { first: new Float64Array(view.c), second: new Float64Array(view.c) };
    backend.kernels().rowSums(sums, x, positions, null, null, view);
    const expected = new Float64Array(view.c).fill(19);
    expected.set([Number.NaN], 2);
    expected.set([Infinity], 17);
    assert.is(firstDifference(sums.first, expected), -1, backend.name);
    assert.is(firstDifference(sums.second, expected), -1, backend.name);
  }
});

test('that it can fail: a row more or less is noticed', () => {
  const view = { n: 40, c: 3, s: 7 };
  const { x } = inputsOf('normal', 'float32', view);
  const [positions] = positionsOf(view) as [Int32Array];
  const rows = { positions, weights: null, center: null };
  const expected = expectedSums(x, { ...rows, positions: positions.subarray(1) }, view);
  for (const backend of backends) {
    assert.match(difference(backend.kernels(), x, rows, view, expected)!, 'first[0] is ');
  }
});
