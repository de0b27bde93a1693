/** The exact sums, docs/numerics.md, section 9: the integers themselves, rounding once, and what follows for any arrangement. */
import { clip, leakyRelu } from 'batchnorm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { kernelActivation } from '#dist/activation.js';
import { type Affine, type ExactKernels, type KernelActivation, RECORD, type View } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
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
import { suiteFor } from '../support/suite.js';
import { firstDifference, Guarded } from '../support/tensors.js';

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

const ACTIVATIONS = { none: 'none', relu: 'relu', leaky: leakyRelu(0.1), clip: clip(-0.3, 1.1) } as const;

/** What `exactGradientSums` reads. */
interface Pass {
  readonly dy: Float32Array;
  readonly x: Float32Array;
  readonly residual: Float32Array | null;
  readonly affine: Affine<Float32Array>;
  readonly activation: KernelActivation;
  readonly view: View;
}

function passOf(dataClass: string, view: View, random: Random, activation: keyof typeof ACTIVATIONS): Pass {
  const perChannel = (values: number[]) => Float32Array.from({ length: view.c }, (_, ch) => values[ch % values.length]);
  const doubles = (values: number[]) => Float64Array.from(perChannel(values), (value) => value * (1 + 2 ** -31));
  return {
    dy: exactData(dataClass, view, random),
    x: exactData(random.integer(2) === 0 ? 'normal' : dataClass, view, random),
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

function none(why: string | null, what: string): void {
  if (why !== null) assert.unreachable(`${what}: ${why}`);
}

/** The rows of some samples as a tensor of its own. */
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

export default function exact(backend: BackendUnderTest): void {
  const { exact: found } = backend.kernels();
  const test = suiteFor(backend, 'exact sums');
  if (found === undefined) {
    console.log(`skipped: ${backend.name}/${backend.isa}: exact sums: not there yet`);
    test.skip('are not there yet');
    return;
  }
  const kernels: ExactKernels = found;
  const sums = (x: Float32Array, view: View, before?: Float64Array) => {
    const guarded = new Guarded(x.length % 5);
    const records = guarded.output('float64', RECORD.numbers * view.c) as Float64Array;
    records.set(before ?? new Float64Array(records.length));
    kernels.exactSums(records, guarded.input(x) as Float32Array, view);
    none(guarded.violation(), 'exactSums');
    return records;
  };
  const gradientSums = ({ dy, x, residual, affine, activation, view }: Pass, before?: Float64Array) => {
    const guarded = new Guarded(x.length % 5);
    const records = guarded.output('float64', RECORD.numbers * view.c) as Float64Array;
    records.set(before ?? new Float64Array(records.length));
    const input = (tensor: Float32Array) => guarded.input(tensor) as Float32Array;
    const own = residual === null ? null : input(residual);
    kernels.exactGradientSums(records, input(dy), input(x), own, affine, activation, view);
    none(guarded.violation(), 'exactGradientSums');
    return records;
  };
  /** g and d as the other kernels have them. */
  const gradientPairs = ({ dy, x, residual, affine, activation, view }: Pass) => {
    const g = new Float32Array(dy.length);
    backend.kernels().gradientInput(new Float32Array(dy.length), g, dy, x, residual, affine, activation, null, 1, view);
    return exactPairs(g, (k, ch) => Math.fround(x[k] - Math.fround(affine.mean[ch])), view);
  };
  const statisticsOf = (records: Float64Array, counts: number | Float64Array) => {
    const guarded = new Guarded(records.length % 5);
    const c = records.length / RECORD.numbers;
    const mean = guarded.output('float64', c) as Float64Array;
    const variance = guarded.output('float64', c) as Float64Array;
    kernels.exactStatistics(mean, variance, guarded.input(records) as Float64Array, counts);
    none(guarded.violation(), 'exactStatistics');
    return { mean, variance };
  };
  const gradientsOf = (records: Float64Array, mean: Float64Array) => {
    const guarded = new Guarded(records.length % 5);
    const made = {
      sumDy: guarded.output('float64', mean.length) as Float64Array,
      sumDyDeviation: guarded.output('float64', mean.length) as Float64Array,
    };
    kernels.exactGradients(made, guarded.input(records) as Float64Array, guarded.input(mean) as Float64Array);
    none(guarded.violation(), 'exactGradients');
    return made;
  };

  const checkStatistics = (x: Float32Array, view: View) => {
    const pairs = exactPairs(x, (k) => x[k], view);
    const records = sums(x, view);
    same(records, recordsOf(pairs), 'exactSums');
    const { mean, variance } = statisticsOf(records, view.n * view.s);
    pairs.forEach((pair, ch) => {
      none(whyNotStatistics(mean[ch], variance[ch], pair, view.n * view.s), `channel ${ch}`);
      if (!(pair[0].isFinite ? variance[ch] >= 0 : Number.isNaN(variance[ch]))) assert.unreachable(`${variance[ch]}`);
    });
  };
  const checkGradients = (pass: Pass) => {
    const pairs = gradientPairs(pass);
    const records = gradientSums(pass);
    same(records, recordsOf(pairs), 'exactGradientSums');
    const made = gradientsOf(records, pass.affine.mean);
    pairs.forEach((pair, ch) => {
      none(whyNotGradients(made, ch, pair, pass.affine.mean[ch]), `channel ${ch}`);
    });
  };

  for (const name of NAMES) {
    test(`are the sums of integers, rounded once: ${name}`, () => {
      for (const view of VIEWS) checkStatistics(exactData(name, view, randomFor(name)), view);
    });
    test(`of gradients are so too: ${name}`, () => {
      const random = randomFor(`gradients, ${name}`);
      for (const view of VIEWS) checkGradients(passOf(name, view, random, 'none'));
      for (const activation of Object.keys(ACTIVATIONS)) {
        checkGradients(passOf(name, VIEWS[4], random, activation as keyof typeof ACTIVATIONS));
      }
    });
  }

  for (const name of ['normal', 'log-normal 3', '41 binades', 'all exponents', 'all greatest', 'a window that moves']) {
    test(`of many values: ${name}`, () => {
      for (const view of LONG) {
        checkStatistics(exactData(name, view, randomFor(name)), view);
        checkGradients(passOf(name, view, randomFor(name), 'relu'));
      }
    });
  }

  test('of 2^24 values that are all the greatest', () => {
    const view = { n: 1, c: 1, s: 2 ** 24 };
    const greatest = (2 - 2 ** -23) * 2 ** 127;
    const records = sums(new Float32Array(view.s).fill(-greatest), view);
    const one = sums(new Float32Array(1).fill(-greatest), { n: 1, c: 1, s: 1 });
    const [[first, second]] = pairsOf(one);
    first.units *= 2n ** 24n;
    second.units *= 2n ** 24n;
    same(records, recordsOf([[first, second]]), 'exactSums');
    assert.equal(statisticsOf(records, view.s), {
      mean: Float64Array.of(-greatest),
      variance: Float64Array.of(0),
    });
  });

  test('go on from what is there, of either sign', () => {
    const view = { n: 4, c: 6, s: 9 };
    for (const name of NAMES) {
      const random = randomFor(`go on: ${name}`);
      const [a, b] = [exactData(name, view, random), exactData(name, view, random)];
      same(sums(b, view, sums(a, view)), together(sums(a, view), sums(b, view)), name);
      const [first, second] = [passOf(name, view, random, 'relu'), passOf(name, view, random, 'relu')];
      const expected = together(gradientSums(first), gradientSums(second));
      same(gradientSums(second, gradientSums(first)), expected, `gradients, ${name}`);
    }
  });

  const cases = fc.record({
    name: fc.constantFrom(...NAMES),
    n: fc.integer({ min: 1, max: 12 }),
    c: fc.integer({ min: 1, max: 9 }),
    s: fc.integer({ min: 1, max: 80 }),
    seed: fc.nat({ max: 10000 }),
  });

  test('do not depend on the order of samples, on the layout, or on parts', () => {
    const property = fc.property(cases, ({ name, n, c, s, seed }) => {
      const view = { n, c, s };
      const random = new Random(seed);
      const x = exactData(name, view, random);
      const whole = sums(x, view);
      same(sums(channelsLast(x, view), { n: n * s, c, s: 1 }), whole, 'channels last');
      const order = Array.from({ length: n }, (_, k) => ({ k, key: random.uniform() }))
        .sort((a, b) => a.key - b.key)
        .map(({ k }) => k);
      same(sums(samples(x, view, order), view), whole, 'another order');
      const cut = random.integer(n + 1);
      const parts = [order.slice(0, cut), order.slice(cut)].filter((rows) => rows.length > 0);
      const partial = parts.map((rows) => sums(samples(x, view, rows), { n: rows.length, c, s }));
      same(partial.reduce(together), whole, 'two parts');
    });
    fc.assert(property, RUNS);
  });

  test('of gradients do not depend on the order of samples, on the layout, or on parts', () => {
    const property = fc.property(cases, ({ name, n, c, s, seed }) => {
      const view = { n, c, s };
      const random = new Random(seed);
      const activation = Object.keys(ACTIVATIONS)[seed % 4] as keyof typeof ACTIVATIONS;
      const pass = passOf(name, view, random, activation);
      const whole = gradientSums(pass);
      const moved = (move: (tensor: Float32Array) => Float32Array, to: View) => {
        const residual = pass.residual === null ? null : move(pass.residual);
        return gradientSums({ ...pass, dy: move(pass.dy), x: move(pass.x), residual, view: to });
      };
      const last = moved((tensor) => channelsLast(tensor, view), { n: n * s, c, s: 1 });
      same(last, whole, 'channels last');
      const parts = [...Array(n).keys()].map((row) => moved((tensor) => samples(tensor, view, [row]), { n: 1, c, s }));
      same(parts.reverse().reduce(together), whole, 'parts of one sample');
    });
    fc.assert(property, RUNS);
  });

  const integer = (bits: number) =>
    fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 62n - 1n }), fc.nat({ max: bits - 62 }), fc.boolean(), fc.boolean())
      .map(([value, shift, minus, odd]) => ((value << BigInt(shift)) + (odd ? 1n : 0n)) * (minus ? -1n : 1n));

  test('are rounded once, whatever they are', () => {
    const property = fc.property(integer(276), fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(3), (s, wide, few) => {
      const count = few === 0 ? wide : few === 1 ? 2 ** (wide % 41) : 1 + (wide % 5000);
      const [first, second] = pairsOf(new Float64Array(RECORD.numbers))[0];
      first.units = s;
      // The least Q for which (m·Q − S²)/m² is not negative, and a little more.
      const m = BigInt(count);
      second.units = (s * s + m - 1n) / m + BigInt(wide % 3);
      const { mean, variance } = statisticsOf(recordsOf([[first, second]]), count);
      none(whyNotStatistics(mean[0], variance[0], [first, second], count), 'statistics');
    });
    fc.assert(property, { ...RUNS, numRuns: 500 });
  });

  test('of gradients are rounded once, whatever they and the mean are', () => {
    const means = fc.oneof(fc.double({ noNaN: true, min: -(2 ** 127), max: 2 ** 127 }), fc.double());
    const property = fc.property(integer(316), integer(606), means, (g, h, mean) => {
      const [first, second] = pairsOf(new Float64Array(RECORD.numbers))[0];
      first.units = g;
      second.units = h;
      const made = gradientsOf(recordsOf([[first, second]]), Float64Array.of(mean));
      none(whyNotGradients(made, 0, [first, second], mean), 'gradients');
    });
    fc.assert(property, { ...RUNS, numRuns: 500 });
  });

  test('take a count for each channel; without values all is NaN', () => {
    const records = sums(Float32Array.of(1, 2, 4, 0), { n: 1, c: 2, s: 2 });
    const { mean, variance } = statisticsOf(records, Float64Array.of(2, 4));
    assert.equal([...mean, ...variance], [1.5, 1, 0.25, 3]);
    const nothing = statisticsOf(new Float64Array(RECORD.numbers), 0);
    assert.equal([...nothing.mean, ...nothing.variance], [Number.NaN, Number.NaN]);
  });
}
