/** What exact sums come to, docs/numerics.md, section 10: each result is the exact rational, rounded once. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { RECORD } from '#dist/kernels.js';
import type { BackendUnderTest } from '../support/backends.js';
import { ExactCalls } from '../support/exact-calls.js';
import { ExactSum, exactPairs, recordsOf, whyNotGradients, whyNotStatistics } from '../support/exact-oracle.js';
import { SEED } from '../support/random.js';
import { skipAloud } from '../support/runner.js';
import { suiteFor } from '../support/suite.js';

type Check = (title: string, body: (calls: ExactCalls) => void) => void;

const MANY_RUNS = { numRuns: 500, seed: SEED };

function holds(whyNot: string | null, what: string): void {
  if (whyNot !== null) assert.unreachable(`${what}: ${whyNot}`);
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

/**
 * Sixteen values of a variance that is next to the middle between two float64. Their Σx² is 1 + 2⁻³³ + 2⁻⁵³ + 2⁻⁸⁸, in
 * units of `scale`²: without the last term, which S²/16 takes a part of, the result is below the middle.
 */
function besideTheMiddle(scale: number): Float32Array {
  const halves = [2 ** -1, 2 ** -1, 2 ** -17, 2 ** -27].flatMap((value) => [value, -value]);
  const values = new Float32Array(16);
  values.set([...halves, 2 ** -44].map((value) => value * scale));
  return values;
}

function middlesAreDecided(check: Check): void {
  check('are rounded once beside a middle, wherever limbs begin', (calls) => {
    const view = { n: 1, c: 1, s: 16 };
    for (let exponent = -16; exponent <= 16; exponent++) {
      const x = besideTheMiddle(2 ** exponent);
      const [pair] = exactPairs(x, (k) => x[k], view);
      const { mean, variance } = calls.statistics(calls.sums(x, view), view.s);
      holds(whyNotStatistics(mean[0], variance[0], pair, view.s), `2^${exponent}`);
    }
  });
}

export default function exactRounding(backend: BackendUnderTest): void {
  const { exact: kernels } = backend.kernels();
  if (kernels === undefined) {
    skipAloud(`${backend.name}/${backend.isa}: results of exact sums`, 'this backend does not have them yet');
    return;
  }
  const calls = new ExactCalls(backend.kernels(), kernels);
  const test = suiteFor(backend, 'exact sums, rounded');
  const check: Check = (title, body) => test(title, () => body(calls));
  resultsAreRoundedOnce(check);
  middlesAreDecided(check);
}
