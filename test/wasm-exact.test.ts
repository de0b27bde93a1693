/** Exact sums in WebAssembly: any threads, and tensors in any pieces, have the records of the reference. */
import * as assert from 'uvu/assert';
import * as reference from '#dist/backends/reference.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { isas, loadWith, startWorkers } from '#dist/backends/wasm.js';
import {
  type Affine,
  type ExactTensorKernels,
  type KernelActivation,
  type Kernels,
  RECORD,
  type View,
} from '#dist/kernels.js';
import { exactData } from './support/exact-data.js';
import { type Random, randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';
import {
  exactTableOf,
  firstDifference,
  HALF_DTYPES,
  type KernelDtype,
  type KernelTensor,
  numbersOf,
  tensorOf,
} from './support/tensors.js';

/** Every call is worth threads, and pieces are small. */
const WALKS = [1, 2, 3, 7].flatMap((threads) =>
  [2 ** 12, 2 ** 14, 2 ** 26].map((copiedBytes) => ({ threads, threadBytes: 64, tileBytes: 2 ** 12, copiedBytes })),
);

/** Blocks of channels, shares of rows, shares of long rows, and rests of all; m = 64 meets halves. */
const VIEWS: readonly View[] = [
  { n: 9, c: 700, s: 1 },
  { n: 64, c: 100, s: 1 },
  { n: 4100, c: 48, s: 1 },
  { n: 40, c: 66, s: 49 },
  { n: 23, c: 70, s: 196 },
  { n: 3, c: 40, s: 300 },
  { n: 2, c: 9, s: 5003 },
  { n: 1, c: 3, s: 40000 },
  { n: 5000, c: 3, s: 1 },
  { n: 1, c: 1, s: 70001 },
  { n: 3, c: 2, s: 511 },
  { n: 3, c: 2, s: 513 },
];

/** Long rows, columns, and three short rows at once, some of which reach further than the last one of them. */
const ITSELF: readonly View[] = [
  { n: 2, c: 3, s: 1024 },
  { n: 600, c: 3, s: 1 },
  { n: 24, c: 3, s: 132 },
];

/** Groups of 16 rows, of 2 with a rest, and of 1. */
const FULL: readonly View[] = [
  { n: 33, c: 3, s: 64 },
  { n: 5, c: 2, s: 508 },
  { n: 3, c: 2, s: 1024 },
];

const CLASSES = ['normal', '63 binades below full', 'Infinity, −Infinity, NaN, zeros'];
const RELU: KernelActivation = 1;

type ExactDtype = Exclude<KernelDtype, 'float64'>;

/** The records of all exact sums, the second ones added to what the first ones are; then all that whole passes give. */
function resultsOf(all: Kernels, dtype: ExactDtype, dataClass: string, view: View, random: Random): Float64Array {
  const kernels = exactTableOf(all, dtype)!;
  const make = (name: string) => tensorOf(dtype, exactData(name, view, random));
  const [x, dy, residual] = [make(dataClass), make(dataClass), make('normal')];
  const affine: Affine<Float32Array> = {
    mean: new Float64Array(view.c).fill(0.3),
    variance: new Float64Array(view.c).fill(2),
    gamma: null,
    beta: new Float32Array(view.c).fill(0.25),
    epsilon: 1e-5,
  };
  const records = new Float64Array(RECORD.numbers * view.c);
  const second = records.slice();
  kernels.exactSums(records, x, view);
  kernels.exactSums(records, dy, view);
  kernels.exactGradientSums(second, dy, x, null, affine, 0, view);
  kernels.exactGradientSums(second, dy, x, residual, affine, RELU, view);
  const whole = [affine, { ...affine, mean: affine.mean.slice(), variance: affine.variance.slice() }];
  const passes = whole.flatMap((own, k) => passesOf(kernels, dtype, [x, dy, k === 0 ? null : residual], own, view));
  return joined([records, second, ...passes]);
}

/** Both passes, with records and a residual or without. */
function passesOf(
  kernels: ExactTensorKernels<KernelTensor>,
  dtype: ExactDtype,
  [x, dy, residual]: readonly [KernelTensor, KernelTensor, KernelTensor | null],
  affine: Affine<Float32Array>,
  view: View,
): (Float32Array | Float64Array)[] {
  const [y, dx] = [x.slice(), dy.slice()];
  const [dgamma, dbeta] = [new Float32Array(view.c), new Float32Array(view.c)];
  const records = residual && new Float64Array(RECORD.numbers * view.c).fill(Number.NaN);
  kernels.exactForward(y, y, residual, affine, RELU, records, view);
  kernels.exactBackward(dx, null, dgamma, dbeta, dx, x, residual, affine, residual === null ? 0 : RELU, true, view);
  const outputs = [y, dx].map((tensor) => numbersOf(dtype, tensor));
  return [...outputs, affine.mean, affine.variance, records ?? [], dgamma, dbeta].map((one) => Float64Array.from(one));
}

function joined(arrays: readonly (Float32Array | Float64Array)[]): Float64Array {
  const all = new Float64Array(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

for (const isa of isas()) {
  const test = suiteOf(`wasm/${isa}: walks of exact sums`);
  test.before(() => startWorkers(7));
  test('what was in a tile before does not count', () => {
    const { exactGradientSums } = loadWith(isa, WALKS[0]).exact!;
    for (const odd of [Infinity, NaN, 1]) {
      for (const s of [1, 3]) {
        const records = new Float64Array(RECORD.numbers);
        const affine = {
          mean: Float64Array.of(odd),
          variance: Float64Array.of(1),
          gamma: null,
          beta: null,
          epsilon: 1,
        };
        const sum = (n: number, value: number) => {
          const tensor = new Float32Array(n * s).fill(value);
          exactGradientSums(records, tensor, tensor, null, affine, 0, { n, c: 1, s });
        };
        sum(170, odd);
        const before = records.slice();
        affine.mean[0] = 0;
        sum(3, 0);
        assert.is(firstDifference(records, before), -1);
      }
    }
  });
  for (const dataClass of ['normal', '42 binades below full', '84 binades below full']) {
    test(`a gradient may be the input itself, whatever its mean: ${dataClass}`, () => {
      const kernels = loadWith(isa, WALKS[0]);
      for (const view of ITSELF) {
        const length = view.n * view.c * view.s;
        const tensor = kernels.memory!.allocate('Float32Array', length) as Float32Array;
        tensor.set(exactData(dataClass, view, randomFor('itself')));
        for (const mean of [0, 0.75]) {
          const variance = new Float64Array(view.c).fill(1);
          const affine = { mean: new Float64Array(view.c).fill(mean), variance, gamma: null, beta: null, epsilon: 1 };
          const [actual, expected] = [kernels, reference.load()].map(({ exact }) => {
            const records = new Float64Array(RECORD.numbers * view.c);
            exact.exactGradientSums(records, tensor, tensor, null, affine, 0, view);
            return records;
          });
          const k = firstDifference(actual, expected);
          assert.is(k, -1, `${JSON.stringify(view)}, mean ${mean}: number ${k} is ${actual[k]}, not ${expected[k]}`);
        }
        memoryInUse().release(tensor);
      }
    });
  }
  test('a row of equal squares, as large as bins take them, overflows nothing', () => {
    const view: View = { n: 1, c: 1, s: 1024 };
    // The significands of x and of x² that fill bins most; and a value that fits the window of the others, or not.
    for (const value of [2 - 2 ** -23, Math.fround(Math.SQRT2 - 2 ** -23)]) {
      for (const least of [2 ** -18, 2 ** -60, 2 ** -140]) {
        const x = new Float32Array(view.s).fill(value * 2 ** 60);
        x[77] = least * 2 ** 60;
        const [actual, expected] = [loadWith(isa, WALKS[0]), reference.load()].map(({ exact }) => {
          const records = new Float64Array(RECORD.numbers);
          exact.exactSums(records, x, view);
          exact.exactSums(records, x, view);
          return records;
        });
        assert.is(firstDifference(actual, expected), -1, `${value}, ${least}`);
      }
    }
  });
  test('short rows of one sign, which fill a bin most, are groups that it can hold', () => {
    for (const view of FULL) {
      for (const dataClass of ['18 binades below full', '19 binades below full', '42 binades below full']) {
        const [actual, expected] = [loadWith(isa, WALKS[2]), reference.load()].map((kernels) =>
          resultsOf(kernels, 'float32', dataClass, view, randomFor('full')),
        );
        const k = firstDifference(actual, expected);
        assert.is(k, -1, `${dataClass}, ${JSON.stringify(view)}: number ${k} is ${actual[k]}, not ${expected[k]}`);
      }
    }
  });
  VIEWS.forEach((view, row) => {
    test(`n ${view.n}, c ${view.c}, s ${view.s}`, () => {
      for (const [which, dataClass] of CLASSES.entries()) {
        const title = `${dataClass}, ${row}`;
        const halves = which === row % CLASSES.length ? [HALF_DTYPES[row % 2]] : [];
        for (const dtype of ['float32', ...halves] as const) {
          const expected = resultsOf(reference.load(), dtype, dataClass, view, randomFor(title));
          for (const walk of dtype === 'float32' ? WALKS : [WALKS[row % WALKS.length], WALKS.at(-1)!]) {
            const actual = resultsOf(loadWith(isa, walk), dtype, dataClass, view, randomFor(title));
            const k = firstDifference(actual, expected);
            const where = `${dtype}, ${dataClass}, ${JSON.stringify(walk)}`;
            assert.is(k, -1, `${where}: number ${k} is ${actual[k]}, not ${expected[k]}`);
          }
        }
      }
    });
  });
}
