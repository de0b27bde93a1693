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
  ExactSum,
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
const MANY_RUNS = { numRuns: 500, seed: SEED };

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

/** Integers of 0 to `bits` bits and either sign; some end in a long row of zeros, so that halves are met. */
function integers(bits: number): fc.Arbitrary<bigint> {
  const shapes = fc.tuple(
    fc.bigInt({ min: -(2n ** 62n) + 1n, max: 2n ** 62n - 1n }),
    fc.nat({ max: bits - 62 }),
    fc.nat(2),
  );
  const long = shapes.map(([value, shift, low]) => (value << BigInt(shift)) + BigInt(low % 2));
  return fc.oneof(long, fc.bigInt({ min: -5n, max: 5n }));
}

function sumOf(units: bigint): ExactSum {
  const sum = new ExactSum();
  sum.units = units;
  return sum;
}

function resultsAreRoundedOnce(check: Check): void {
  const counts = fc.oneof(
    fc.integer({ min: 1, max: 2 ** 40 }),
    fc.nat({ max: 40 }).map((power) => 2 ** power),
    fc.integer({ min: 1, max: 5000 }),
  );
  check('are rounded once, whatever they are', (calls) => {
    const property = fc.property(integers(276), counts, fc.bigInt({ min: 0n, max: 2n ** 70n }), (s, count, more) => {
      const m = BigInt(count);
      // No sum of squares is less than S²/m.
      const pair = [sumOf(s), sumOf((s * s + m - 1n) / m + (more >> (more % 71n)))] as const;
      const { mean, variance } = calls.statistics(recordsOf([pair]), count);
      holds(whyNotStatistics(mean[0], variance[0], pair, count), 'statistics');
    });
    fc.assert(property, MANY_RUNS);
  });

  const means = fc.oneof(
    fc.double({ noNaN: true, min: -(2 ** 127), max: 2 ** 127 }),
    fc.double(),
    fc.nat({ max: 2 ** 20 }).map((tiny) => tiny * 2 ** -960),
  );
  check('of gradients are rounded once, whatever they and the mean are', (calls) => {
    const property = fc.property(integers(316), integers(606), means, (g, h, mean) => {
      const pair = [sumOf(g), sumOf(h)] as const;
      const sums = calls.gradients(recordsOf([pair]), Float64Array.of(mean));
      holds(whyNotGradients(sums, 0, pair, mean), 'gradients');
    });
    fc.assert(property, MANY_RUNS);
  });

  check('of gradients that leave a subnormal number are rounded once, too', (calls) => {
    for (let units = -20n; units <= 20n; units++) {
      const pair = [sumOf(units), sumOf(0n)] as const;
      for (const mean of [2 ** -926, 3 * 2 ** -927, 5 * 2 ** -928, 0.7 * 2 ** -880, 0.3 * 2 ** -900]) {
        const sums = calls.gradients(recordsOf([pair]), Float64Array.of(mean));
        holds(whyNotGradients(sums, 0, pair, mean), `${units} units, a mean of ${mean}`);
      }
    }
  });

  check('take a count for each channel; without values all is NaN', (calls) => {
    const { mean, variance } = calls.statistics(
      calls.sums(Float32Array.of(1, 2, 4, 0), { n: 1, c: 2, s: 2 }),
      Float64Array.of(2, 4),
    );
    assert.equal([...mean, ...variance], [1.5, 1, 0.25, 3]);
    const nothing = calls.statistics(new Float64Array(RECORD.numbers), 0);
    assert.equal([...nothing.mean, ...nothing.variance], [Number.NaN, Number.NaN]);
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
  resultsAreRoundedOnce(check);
}
