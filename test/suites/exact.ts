/**
 * The exact sums, docs/numerics.md, section 10: the integers themselves, rounding once, and what follows for any
 * arrangement.
 */
import { clip, leakyRelu } from 'batchnorm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { kernelActivation } from '#dist/arguments/activation.js';
import { RECORD, type View } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
import { ExactCalls, type ExactPass } from '../support/exact-calls.js';
import { EXACT_DATA, exactData } from '../support/exact-data.js';
import {
  exactPairs,
  pairsOf,
  recordsOf,
  together,
  whyNotGradients,
  whyNotStatistics,
} from '../support/exact-oracle.js';
import { indices } from '../support/oracle.js';
import { Random, randomFor, SEED } from '../support/random.js';
import { skipAloud } from '../support/runner.js';
import { suiteFor } from '../support/suite.js';
import { firstDifference } from '../support/tensors.js';

type Check = (title: string, body: (calls: ExactCalls) => void) => void;

const NAMES = Object.keys(EXACT_DATA);
const RUNS = { numRuns: 60, seed: SEED };

/** Rows and columns, short and long, odd and even; as many channels as any vector, and one more. */
const VIEWS: readonly View[] = [
  { n: 1, c: 1, s: 1 },
  { n: 5, c: 3, s: 1 },
  { n: 37, c: 33, s: 1 },
  { n: 3, c: 17, s: 7 },
  { n: 9, c: 8, s: 49 },
  { n: 2, c: 5, s: 300 },
  { n: 1, c: 9, s: 1037 },
];
/** More values than any group that is summed at once. */
const LONG: readonly View[] = [
  { n: 1, c: 3, s: 20011 },
  { n: 20011, c: 3, s: 1 },
  { n: 411, c: 3, s: 49 },
];
const LONG_NAMES = [
  'normal',
  'log-normal 3',
  '41 binades',
  'all exponents',
  'all greatest',
  'a window that moves',
  '19 binades below full',
  '41 binades below full',
];
/** The largest float32. */
const GREATEST = (2 - 2 ** -23) * 2 ** 127;

const ACTIVATIONS = { none: 'none', relu: 'relu', leaky: leakyRelu(0.1), clip: clip(-0.3, 1.1) } as const;
type ActivationName = keyof typeof ACTIVATIONS;
const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as ActivationName[];

function passOf(dataClass: string, view: View, random: Random, activation: ActivationName): ExactPass {
  const perChannel = (values: number[]) => Float32Array.from({ length: view.c }, (_, ch) => values[ch % values.length]);
  const doubles = (values: number[]) => Float64Array.from(perChannel(values), (value) => value * (1 + 2 ** -31));
  return {
    dy: exactData(dataClass, view, random),
    x: exactData(['normal', dataClass, NAMES[random.integer(NAMES.length)]][random.integer(3)], view, random),
    residual: activation === 'relu' ? exactData('normal', view, random) : null,
    affine: {
      mean: doubles([0, 0.3, -2, 1e6, 1e-3, -1e-30]),
      variance: doubles([1, 0.25, 4]),
      gamma: perChannel([1, -0.5, 2, 0]),
      beta: null,
      epsilon: 1e-5,
    },
    activation: kernelActivation(ACTIVATIONS[activation]),
    view,
  };
}

function same(actual: Float64Array, expected: Float64Array, what: string): void {
  const k = firstDifference(actual, expected);
  if (k === -1) return;
  const place = `${k % RECORD.numbers} of channel ${Math.floor(k / RECORD.numbers)}`;
  assert.unreachable(`${what}: number ${place} is ${actual[k]}, not ${expected[k]}`);
}

function holds(whyNot: string | null, what: string): void {
  if (whyNot !== null) assert.unreachable(`${what}: ${whyNot}`);
}

/** Some samples as a tensor of their own. */
function samples(x: Float32Array, { c, s }: View, rows: readonly number[]): Float32Array {
  const part = new Float32Array(rows.length * c * s);
  for (const [i, row] of rows.entries()) part.set(x.subarray(row * c * s, (row + 1) * c * s), i * c * s);
  return part;
}

/** (n, c, s) as (n·s, c, 1). */
function channelsLast(x: Float32Array, view: View): Float32Array {
  const moved = new Float32Array(x.length);
  for (let ch = 0; ch < view.c; ch++) {
    for (const [i, k] of indices(view, ch).entries()) moved[i * view.c + ch] = x[k];
  }
  return moved;
}

function checkStatistics(calls: ExactCalls, x: Float32Array, view: View): void {
  const count = view.n * view.s;
  const pairs = exactPairs(x, (k) => x[k], view);
  const records = calls.sums(x, view);
  same(records, recordsOf(pairs), 'exactSums');
  const { mean, variance } = calls.statistics(records, count);
  pairs.forEach((pair, ch) => {
    holds(whyNotStatistics(mean[ch], variance[ch], pair, count), `channel ${ch}`);
    if (pair[0].isFinite && !(variance[ch] >= 0)) assert.unreachable(`the variance ${variance[ch]}`);
  });
}

function checkGradients(calls: ExactCalls, pass: ExactPass): void {
  const pairs = calls.gradientPairs(pass);
  const records = calls.gradientSums(pass);
  same(records, recordsOf(pairs), 'exactGradientSums');
  const sums = calls.gradients(records, pass.affine.mean);
  pairs.forEach((pair, ch) => {
    holds(whyNotGradients(sums, ch, pair, pass.affine.mean[ch]), `channel ${ch}`);
  });
}

function sumsAreExact(check: Check): void {
  for (const name of NAMES) {
    check(`are the sums of integers, rounded once: ${name}`, (calls) => {
      for (const view of VIEWS) checkStatistics(calls, exactData(name, view, randomFor(name)), view);
    });
    check(`of gradients are so too: ${name}`, (calls) => {
      const random = randomFor(`gradients, ${name}`);
      for (const view of VIEWS) checkGradients(calls, passOf(name, view, random, 'none'));
      for (const activation of ACTIVATION_NAMES) checkGradients(calls, passOf(name, VIEWS[4], random, activation));
    });
  }
  for (const name of LONG_NAMES) {
    check(`of many values: ${name}`, (calls) => {
      for (const view of LONG) {
        checkStatistics(calls, exactData(name, view, randomFor(name)), view);
        checkGradients(calls, passOf(name, view, randomFor(name), 'relu'));
      }
    });
  }
  check('of 2^24 values that are all the least of all', (calls) => {
    const view = { n: 1, c: 1, s: 2 ** 24 };
    const records = calls.sums(new Float32Array(view.s).fill(-GREATEST), view);
    const [[first, second]] = pairsOf(calls.sums(Float32Array.of(-GREATEST), { n: 1, c: 1, s: 1 }));
    first.units *= 2n ** 24n;
    second.units *= 2n ** 24n;
    same(records, recordsOf([[first, second]]), 'exactSums');
    const { mean, variance } = calls.statistics(records, view.s);
    assert.equal([...mean, ...variance], [-GREATEST, 0]);
  });
}

function sumsGoOn(check: Check): void {
  const view = { n: 4, c: 6, s: 9 };
  check('go on from what is there, of either sign', (calls) => {
    for (const name of NAMES) {
      const random = randomFor(`go on: ${name}`);
      const [a, b] = [exactData(name, view, random), exactData(name, view, random)];
      same(calls.sums(b, view, calls.sums(a, view)), together(calls.sums(a, view), calls.sums(b, view)), name);
      const [first, second] = [passOf(name, view, random, 'relu'), passOf(name, view, random, 'relu')];
      const expected = together(calls.gradientSums(first), calls.gradientSums(second));
      same(calls.gradientSums(second, calls.gradientSums(first)), expected, `gradients, ${name}`);
    }
  });
}

const cases = fc.record({
  name: fc.constantFrom(...NAMES),
  n: fc.integer({ min: 1, max: 12 }),
  c: fc.integer({ min: 1, max: 9 }),
  s: fc.integer({ min: 1, max: 80 }),
  seed: fc.nat({ max: 10000 }),
});

function shuffled(n: number, random: Random): number[] {
  const keys = Array.from({ length: n }, () => random.uniform());
  return [...keys.keys()].sort((a, b) => keys[a] - keys[b]);
}

function arrangementsAgree(check: Check): void {
  check('do not depend on the order of samples, on the layout, or on parts', (calls) => {
    const property = fc.property(cases, ({ name, n, c, s, seed }) => {
      const view = { n, c, s };
      const random = new Random(seed);
      const x = exactData(name, view, random);
      const whole = calls.sums(x, view);
      same(calls.sums(channelsLast(x, view), { n: n * s, c, s: 1 }), whole, 'channels last');
      const order = shuffled(n, random);
      same(calls.sums(samples(x, view, order), view), whole, 'another order');
      const cut = random.integer(n + 1);
      const parts = [order.slice(0, cut), order.slice(cut)].filter((rows) => rows.length > 0);
      const partial = parts.map((rows) => calls.sums(samples(x, view, rows), { n: rows.length, c, s }));
      same(partial.reduce(together), whole, 'two parts');
    });
    fc.assert(property, RUNS);
  });

  check('of gradients do not depend on the order of samples, on the layout, or on parts', (calls) => {
    const property = fc.property(cases, ({ name, n, c, s, seed }) => {
      const view = { n, c, s };
      const pass = passOf(name, view, new Random(seed), ACTIVATION_NAMES[seed % ACTIVATION_NAMES.length]);
      const whole = calls.gradientSums(pass);
      const moved = (move: (tensor: Float32Array) => Float32Array, to: View) => {
        const residual = pass.residual === null ? null : move(pass.residual);
        return calls.gradientSums({ ...pass, dy: move(pass.dy), x: move(pass.x), residual, view: to });
      };
      same(
        moved((tensor) => channelsLast(tensor, view), { n: n * s, c, s: 1 }),
        whole,
        'channels last',
      );
      const rows = shuffled(n, new Random(seed));
      const parts = rows.map((row) => moved((tensor) => samples(tensor, view, [row]), { n: 1, c, s }));
      same(parts.reduce(together), whole, 'parts of one sample');
    });
    fc.assert(property, RUNS);
  });
}

export default function exact(backend: BackendUnderTest): void {
  const { exact: kernels } = backend.kernels();
  if (kernels === undefined) {
    skipAloud(`${backend.name}/${backend.isa}: exact sums`, 'this backend does not have them yet');
    return;
  }
  const calls = new ExactCalls(backend.kernels(), kernels);
  const test = suiteFor(backend, 'exact sums');
  const check: Check = (title, body) => test(title, () => body(calls));
  sumsAreExact(check);
  sumsGoOn(check);
  arrangementsAgree(check);
}
