/**
 * However the native kernels share out exact sums, the records are those of the reference: at 1 to 7 threads, each of
 * which is worth starting, so that channels, rows and values of one channel are split; and added to records that are
 * there already.
 */
import { leakyRelu } from 'batchnorm';
import * as assert from 'uvu/assert';
import { kernelActivation } from '#dist/arguments/activation.js';
import { loadWith } from '#dist/backends/native.js';
import * as reference from '#dist/backends/reference.js';
import { type Kernels, RECORD, type View } from '#dist/kernels.js';
import { underTest } from './support/backends.js';
import { ExactCalls, exactOf } from './support/exact-calls.js';
import { exactData } from './support/exact-data.js';
import { randomFor } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import { firstDifference, type KernelDtype } from './support/tensors.js';

const THREADS = [1, 2, 3, 7];
const ACTIVATIONS = [0, 1, kernelActivation(leakyRelu(0.25))] as const;

/**
 * Columns: of whole blocks, of parts of one, stacked with a rest, few rows, and wide blocks, whose lines fall into the
 * same places of the caches. Planes: in place, with rests, short, few.
 */
const VIEWS: readonly View[] = [
  { n: 8300, c: 64, s: 1 },
  { n: 4200, c: 37, s: 1 },
  { n: 20003, c: 3, s: 1 },
  { n: 3, c: 700, s: 1 },
  { n: 1100, c: 256, s: 1 },
  { n: 530, c: 1024, s: 1 },
  { n: 700, c: 19, s: 9 },
  { n: 40, c: 9, s: 784 },
  { n: 61, c: 7, s: 196 },
  { n: 300, c: 3, s: 49 },
  { n: 1, c: 2, s: 40013 },
  { n: 2, c: 17, s: 16 },
];
/** Few bins, many, as many as there are by turns, none that are enough, and whole numbers that become large. */
const CLASSES = [
  '26 binades below full',
  'relu of normal',
  'log-normal 3',
  'a window that moves',
  'all exponents',
  'NaN at times',
];

/** Values that bins are enough for, and some that are added one by one, in columns and in planes. */
const ITSELF: readonly (readonly [string, View])[] = ['normal', 'all exponents', 'one huge among tiny'].flatMap(
  (dataClass) =>
    [
      { n: 600, c: 7, s: 1 },
      { n: 4, c: 3, s: 900 },
    ].map((view) => [dataClass, view] as const),
);

/** Columns in blocks and in parts of vectors; planes, also one whose sums go beyond 64 bits unless they are emptied. */
const FILLED: readonly View[] = [
  { n: 2600, c: 64, s: 1 },
  { n: 1300, c: 29, s: 1 },
  { n: 40, c: 3, s: 300 },
  { n: 1, c: 1, s: 300_007 },
];
/** Gradients whose exponents reach over so many binades: up to and beyond what bins hold, and whole numbers. */
const REACHES = [18, 20, 21, 24, 26, 27, 28];

/** Values of full significands, of which most have one sign, so that sums become as large as they can. */
function filled(length: number, binades: number, random: ReturnType<typeof randomFor>): Float32Array {
  return new Float32Array(length).map(() => {
    const exponent = random.integer(8) > 0 ? 0 : -random.integer(binades);
    return (random.integer(16) === 0 ? -1 : 1) * (2 - 2 ** -23) * 2 ** exponent;
  });
}

const DTYPES: readonly KernelDtype[] = ['float32', 'float16', 'bfloat16'];

/** Records of all sums, each added to the ones before. */
function recordsOf(kernels: Kernels, dtype: KernelDtype, dataClass: string, view: View): Float64Array[] {
  const calls = new ExactCalls(kernels, exactOf(kernels, dtype));
  const random = randomFor(`${dataClass} ${view.n} ${view.c} ${view.s}`);
  const [x, dy, residual] = [dataClass, dataClass, 'normal'].map((name) => exactData(name, view, random));
  const affine = {
    mean: new Float64Array(view.c).fill(1 / 3),
    variance: new Float64Array(view.c).fill(2),
    gamma: null,
    beta: new Float32Array(view.c).fill(0.125),
    epsilon: 1e-5,
  };
  const made = [calls.sums(x!, view)];
  made.push(calls.sums(dy!, view, made[0]));
  let before: Float64Array | undefined;
  for (const activation of ACTIVATIONS) {
    for (const own of [null, residual!]) {
      before = calls.gradientSums({ dy: dy!, x: x!, residual: own, affine, activation, view }, before);
      made.push(before);
    }
  }
  return made;
}

const expected = new Map<string, Float64Array[]>();
function referenceOf(dtype: KernelDtype, dataClass: string, view: View): Float64Array[] {
  const key = JSON.stringify([dtype, dataClass, view]);
  if (!expected.has(key)) expected.set(key, recordsOf(reference.load(), dtype, dataClass, view));
  return expected.get(key)!;
}

const native = underTest('native');
if (Array.isArray(native)) {
  for (const { isa } of native) {
    const test = suiteOf(`native/${isa}: exact sums over threads`);
    test('a gradient may be the input itself, which has another mean', () => {
      for (const [dataClass, view] of ITSELF) {
        const x = exactData(dataClass, view, randomFor('itself'));
        const affine = {
          mean: new Float64Array(view.c).fill(0.75),
          variance: new Float64Array(view.c).fill(1),
          gamma: null,
          beta: null,
          epsilon: 1,
        };
        const sumsOf = (kernels: Kernels) => {
          const records = new Float64Array(RECORD.numbers * view.c);
          kernels.exact!.exactGradientSums(records, x, x, null, affine, 0, view);
          return records;
        };
        const own = sumsOf(reference.load());
        for (const ifma of [true, false]) {
          const k = firstDifference(sumsOf(loadWith(isa, { threads: 1, ifma })), own);
          assert.is(k, -1, `${dataClass}, ${JSON.stringify(view)}, ${ifma}: number ${k}`);
        }
      }
    });
    test('gradients that fill their bins', () => {
      for (const view of FILLED) {
        const { n, c, s } = view;
        const [mean, variance] = [new Float64Array(c).fill(0.25), new Float64Array(c).fill(1)];
        const affine = { mean, variance, gamma: null, beta: null, epsilon: 1 };
        for (const reach of REACHES) {
          const random = randomFor(`filled ${reach}`);
          const [dy, x] = [filled(n * c * s, reach, random), filled(n * c * s, 15, random)];
          const sumsOf = (kernels: Kernels) => {
            const records = new Float64Array(RECORD.numbers * c);
            kernels.exact!.exactGradientSums(records, dy, x, null, affine, 0, view);
            return records;
          };
          const own = sumsOf(reference.load());
          for (const ifma of [true, false]) {
            const k = firstDifference(sumsOf(loadWith(isa, { threads: 1, ifma })), own);
            assert.is(k, -1, `${reach} binades, ${JSON.stringify(view)}, ${ifma}: number ${k}`);
          }
        }
      }
    });
    for (const view of VIEWS) {
      test(`n ${view.n}, c ${view.c}, s ${view.s}`, () => {
        const rows = DTYPES.flatMap((dtype) => CLASSES.map((dataClass) => ({ dtype, dataClass })));
        rows.forEach(({ dtype, dataClass }, row) => {
          const own = referenceOf(dtype, dataClass, view);
          // By turns, so that each class meets two of them, and each of them every kind of walk, as does a processor
          // without AVX512IFMA.
          for (const [turn, threads] of [THREADS[row % 4], THREADS[(row + 3) % 4]].entries()) {
            const kernels = loadWith(isa, { threads, threadBytes: 1, ifma: (row + turn) % 2 === 0 });
            const actual = recordsOf(kernels, dtype, dataClass, view);
            actual.forEach((records, call) => {
              const k = firstDifference(records, own[call]);
              assert.is(
                k,
                -1,
                `${dtype}, ${dataClass}, ${threads} threads, call ${call}: number ${k} is ${records[k]}`,
              );
            });
          }
        });
      });
    }
  }
} else {
  skipAloud('native: exact sums over threads', native.reason);
}
