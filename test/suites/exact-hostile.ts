// summation: 'exact' of values that are hard to sum: no permutation, layout, split or tiling changes a bit, in the
// layer and the classes.
import { BatchNorm, GradientSums, Moments } from 'batchnorm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { EXACT_DATA } from '../support/exact-data.js';
import { Random } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

const [N, C, S] = [8, 3, 3];
const SAMPLE = C * S;
const EXACT = { summation: 'exact' } as const;
const RUNS = { numRuns: 100 };

/** [N, C, S], one class of values for each channel. */
function draw(classes: readonly string[], seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: N * SAMPLE }, (_, i) => {
    const ch = Math.floor(i / S) % C;
    return EXACT_DATA[classes[ch]](random, Math.floor(i / SAMPLE) * S + (i % S), ch);
  });
}

const names = fc.constantFrom(...Object.keys(EXACT_DATA));
const tensor = fc
  .record({ classes: fc.tuple(names, names, names), seed: fc.integer({ min: 1, max: 1e6 }) })
  .map(({ classes, seed }) => draw(classes, seed));
const order = fc.shuffledSubarray([...Array(N).keys()], { minLength: N });
const ends = fc
  .uniqueArray(fc.integer({ min: 1, max: N - 1 }), { maxLength: 4 })
  .map((inner) => [...inner.sort((a, b) => a - b), N]);

const samples = (x: Float32Array, at: readonly number[]) =>
  Float32Array.from(at.flatMap((i) => [...x.subarray(i * SAMPLE, (i + 1) * SAMPLE)]));
/** [n, c, s] as [n, s, c]. */
const channelsLast = (x: Float32Array) =>
  x.map((_, k) => x[Math.floor(k / SAMPLE) * SAMPLE + (k % C) * S + Math.floor((k % SAMPLE) / C)]);
/** Of all channels, the positions from `from` to before `to`. */
const tile = (x: Float32Array, from: number, to: number) => x.filter((_, k) => k % S >= from && k % S < to);

/** Equal where all bits are, but for those of a NaN. */
const bits = (...arrays: (Float32Array | Float64Array | null)[]) =>
  arrays.map((array) => {
    const plain = array!.map((value) => (Number.isNaN(value) ? Number.NaN : value));
    return Buffer.from(plain.buffer).toString('hex');
  });

interface Trained {
  readonly learnt: string[];
  readonly y: Float32Array;
  readonly dx: Float32Array;
}

/** A layer that has seen one batch. */
function train(x: Float32Array, dy: Float32Array, axis: 1 | -1 = 1): Trained {
  const bn = new BatchNorm(C, { ...EXACT, axis });
  const y = bn.forward(x, axis === 1 ? [N, C, S] : [N, S, C]);
  const dx = bn.backward(dy);
  const { mean, variance } = bn.batchMoments!;
  return { learnt: bits(mean, variance, bn.runningMean, bn.runningVariance, bn.dgamma, bn.dbeta), y, dx };
}

export default function exactHostile(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'summation: exact, hostile values');

  test('layer: any order and layout', () => {
    fc.assert(
      fc.property(tensor, tensor, order, (x, dy, at) => {
        const whole = train(x, dy);
        const moved = train(samples(x, at), samples(dy, at));
        assert.equal(moved.learnt, whole.learnt);
        assert.equal(bits(moved.y, moved.dx), bits(samples(whole.y, at), samples(whole.dx, at)));
        const last = train(channelsLast(x), channelsLast(dy), -1);
        assert.equal(last.learnt, whole.learnt);
        assert.equal(bits(last.y, last.dx), bits(channelsLast(whole.y), channelsLast(whole.dx)));
      }),
      RUNS,
    );
  });

  test('Moments and GradientSums: any split, tiles, and text between', () => {
    fc.assert(
      fc.property(tensor, tensor, ends, fc.integer({ min: 1, max: S - 1 }), (x, dy, cuts, column) => {
        const whole = new Moments(C, EXACT).add(x, [N, C, S]);
        const { mean, variance } = whole;
        const given = { mean, variance };
        const sums = new GradientSums(C, EXACT).add(dy, x, [N, C, S], given);
        const pieces = cuts.map((end, i) => [i === 0 ? 0 : cuts[i - 1], end]).reverse();
        const [moments, parts] = [new Moments(C, EXACT), new GradientSums(C, EXACT)];
        for (const [from, to] of pieces) {
          const [px, pdy] = [x, dy].map((all) => all.subarray(from * SAMPLE, to * SAMPLE));
          const shape = [to - from, C, S];
          moments.merge(Moments.fromJSON(JSON.parse(JSON.stringify(new Moments(C, EXACT).add(px, shape)))));
          const part = new GradientSums(C, EXACT).add(pdy, px, shape, given);
          parts.merge(GradientSums.fromJSON(JSON.parse(JSON.stringify(part))));
        }
        const [tiled, tiles] = [new Moments(C, EXACT), new GradientSums(C, EXACT)];
        for (const [from, to] of [
          [column, S],
          [0, column],
        ]) {
          const [tx, tdy] = [tile(x, from, to), tile(dy, from, to)];
          tiled.add(tx, [N, C, to - from]);
          tiles.add(tdy, tx, [N, C, to - from], given);
        }
        for (const other of [moments, tiled]) assert.is(JSON.stringify(other), JSON.stringify(whole));
        for (const other of [parts, tiles]) {
          assert.is(JSON.stringify(other), JSON.stringify(sums));
          assert.equal(bits(other.sumDy, other.sumDyDeviation), bits(sums.sumDy, sums.sumDyDeviation));
        }
      }),
      RUNS,
    );
  });

  test('setStatistics and commit take exact Moments of parts as those of the whole', () => {
    fc.assert(
      fc.property(tensor, ends, (x, cuts) => {
        const parts = cuts.map((end, i) => {
          const from = i === 0 ? 0 : cuts[i - 1];
          return new Moments(C, EXACT).add(x.subarray(from * SAMPLE, end * SAMPLE), [end - from, C, S]);
        });
        const merged = parts.reduceRight((seen, part) => seen.merge(part), new Moments(C, EXACT));
        const whole = new Moments(C, EXACT).add(x, [N, C, S]);
        const [plain, committed] = [new BatchNorm(C, EXACT), new BatchNorm(C, EXACT)];
        plain.forward(x, [N, C, S]);
        committed.forward(x.subarray(0, SAMPLE), [1, C, S], { update: false });
        committed.commit(merged);
        assert.equal(
          bits(committed.runningMean, committed.runningVariance),
          bits(plain.runningMean, plain.runningVariance),
        );
        plain.setStatistics(whole);
        committed.setStatistics(merged);
        assert.is(JSON.stringify(committed.state()), JSON.stringify(plain.state()));
      }),
      RUNS,
    );
  });

  test('clone, fromState and loadState go on with exact sums', () => {
    const [x, dy] = [
      draw(['one huge among tiny', 'log-normal 12', 'cancelling pairs'], 1),
      draw(['normal', 'normal', 'normal'], 2),
    ];
    const bn = new BatchNorm(C, EXACT);
    bn.forward(x, [N, C, S]);
    const state = JSON.parse(JSON.stringify(bn.state()));
    const loaded = new BatchNorm(C, EXACT);
    loaded.loadState(state);
    const resultOf = (layer: BatchNorm) => {
      assert.is(layer.summation, 'exact');
      const y = layer.forward(channelsLast(x), [N * S, C]);
      const dx = layer.backward(channelsLast(dy));
      return bits(y, dx, layer.dgamma, layer.runningMean, layer.runningVariance);
    };
    const [expected, ...others] = [bn.clone(), BatchNorm.fromState(state), loaded, bn].map(resultOf);
    for (const other of others) assert.equal(other, expected);
    assert.throws(
      () => new BatchNorm(C).loadState(state),
      /"summation" expected "ordered", as this layer has, got "exact"/,
    );
  });
}
