// summation: 'exact' in functions, layer, Moments and GradientSums: the bits of the whole batch, however it is cut,
// ordered or laid.
import {
  BatchNorm,
  type BatchNormOptions,
  backward,
  forwardInference,
  forwardTraining,
  GradientSums,
  Moments,
  mergeRanks,
  populationStatistics,
} from 'batchnorm';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { randomFor } from '../support/random.js';
import { ranksOf } from '../support/ranks.js';
import { suiteFor } from '../support/suite.js';

const [N, C, S] = [12, 3, 4];
const SHAPE = [N, C, S];
const SAMPLE = C * S;
const EXACT = { summation: 'exact' } as const;

/** Values of all sizes, among them some that cancel, and zeros of both signs. */
function data(seed: string): Float32Array {
  const random = randomFor(seed);
  return Float32Array.from({ length: N * SAMPLE }, (_, i) => {
    const kind = random.integer(8);
    if (kind === 0) return 0;
    if (kind === 1) return -0;
    if (kind === 2) return random.normal() * 2 ** (random.integer(100) - 50);
    return i % 2 === 0 ? random.normal() : 1e4 + random.normal();
  });
}

const samples = (x: Float32Array, order: readonly number[]) =>
  Float32Array.from(order.flatMap((i) => [...x.subarray(i * SAMPLE, (i + 1) * SAMPLE)]));

/** (n, c, s) as (n, s, c). */
function channelsLast(x: Float32Array): Float32Array {
  return x.map((_, k) => {
    const [i, j, ch] = [Math.floor(k / SAMPLE), Math.floor((k % SAMPLE) / C), k % C];
    return x[i * SAMPLE + ch * S + j];
  });
}

const bits = (...arrays: (Float32Array | Float64Array | null)[]) =>
  arrays.map((array) => array && Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex'));

export default function exactFacade(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'summation: exact');
  const [x, dy] = [data('x'), data('dy')];
  const gamma = Float32Array.of(1, -2, 0.5);
  const beta = Float32Array.of(0, 1, -1);

  test('a permuted batch and another layout have the same bits', () => {
    const whole = forwardTraining(x, SHAPE, EXACT);
    const given = { mean: whole.mean, variance: whole.variance, gamma, beta, activation: 'relu' } as const;
    const gradients = backward(dy, x, SHAPE, { ...EXACT, ...given });
    const expected = bits(whole.mean, whole.variance, gradients.dgamma, gradients.dbeta);
    const last = { ...EXACT, axis: -1 };
    const { mean, variance, y } = forwardTraining(channelsLast(x), [N, S, C], last);
    const ofLast = backward(channelsLast(dy), channelsLast(x), [N, S, C], { ...last, ...given });
    assert.equal(bits(mean, variance, ofLast.dgamma, ofLast.dbeta), expected);
    assert.equal(bits(y, ofLast.dx), bits(channelsLast(whole.y), channelsLast(gradients.dx)));
    const shuffled = fc.shuffledSubarray([...Array(N).keys()], { minLength: N });
    fc.assert(
      fc.property(shuffled, (order) => {
        const [px, pdy] = [samples(x, order), samples(dy, order)];
        const moved = forwardTraining(px, SHAPE, EXACT);
        const back = backward(pdy, px, SHAPE, { ...EXACT, ...given });
        assert.equal(bits(moved.mean, moved.variance, back.dgamma, back.dbeta), expected);
        assert.equal(bits(moved.y, back.dx), bits(samples(whole.y, order), samples(gradients.dx, order)));
      }),
      { numRuns: 20 },
    );
  });

  test('calls with other numbers of channels leave no sums behind', () => {
    const random = randomFor('channels');
    for (const channels of [9, 2, 8193, 30, 1]) {
      const shape = [3, channels];
      const x = Float32Array.from({ length: 3 * channels }, () => random.normal());
      const moments = new Moments(channels, EXACT).add(x, shape);
      const { mean, variance } = forwardTraining(x, shape, EXACT);
      assert.equal(bits(mean, variance), bits(moments.mean, moments.variance));
      const sums = new GradientSums(channels, EXACT).add(x, x, shape, { mean, variance });
      const { dbeta } = backward(x, x, shape, { mean, variance, ...EXACT });
      assert.equal(bits(dbeta), bits(Float32Array.from(sums.sumDy)));
    }
  });

  test('micro-batches of any size, by the four steps, are the whole batch', () => {
    const whole = forwardTraining(x, SHAPE, { ...EXACT, gamma, beta });
    const { mean, variance } = whole;
    const expected = backward(dy, x, SHAPE, { ...EXACT, mean, variance, gamma });
    const cuts = fc.uniqueArray(fc.integer({ min: 0, max: N }), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, (inner) => {
        const ends = [0, ...inner.sort((a, b) => a - b), N];
        const pieces = ends.slice(1).map((end, i) => [ends[i] * SAMPLE, end * SAMPLE]);
        const shapeOf = ([from, to]: number[]) => [(to - from) / SAMPLE, C, S];
        const part = (array: Float32Array, [from, to]: number[]) => array.subarray(from, to);
        // Merged from the last one on: no order matters.
        const moments = new Moments(C, EXACT);
        for (const piece of pieces.toReversed())
          moments.merge(new Moments(C, EXACT).add(part(x, piece), shapeOf(piece)));
        assert.equal(bits(moments.mean, moments.variance), bits(mean, variance));
        assert.equal(JSON.stringify(moments), JSON.stringify(new Moments(C, EXACT).add(x, SHAPE)));
        const sums = new GradientSums(C, EXACT);
        for (const piece of pieces)
          sums.add(part(dy, piece), part(x, piece), shapeOf(piece), { mean, variance, gamma });
        for (const piece of pieces) {
          const [xs, shape] = [part(x, piece), shapeOf(piece)];
          const y = forwardInference(xs, shape, { mean, variance, gamma, beta });
          assert.equal(bits(y), bits(part(whole.y, piece).slice()));
          const { dx, dgamma, dbeta } = backward(part(dy, piece), xs, shape, { mean, variance, gamma, sums });
          assert.equal(
            bits(dx, dgamma, dbeta),
            bits(part(expected.dx, piece).slice(), expected.dgamma, expected.dbeta),
          );
        }
      }),
      { numRuns: 20 },
    );
  });

  for (const size of [1, 2, 3, 4, 7]) {
    test(`${size} ranks with unequal and empty parts: ten training steps are those of one process`, () => {
      const options: BatchNormOptions<'float32'> = { ...EXACT, gradients: 'summed' };
      const train = (bn: BatchNorm, from: number, to: number) => {
        const results: unknown[] = [];
        for (let step = 0; step < 10; step++) {
          const [xs, dys] = [data(`x ${step}`), data(`dy ${step}`)].map((all) =>
            all.subarray(from * SAMPLE, to * SAMPLE),
          );
          const y = bn.forward(xs, [to - from, C, S]);
          const dx = bn.backward(dys);
          for (const { value, gradient } of bn.parameters()) for (let i = 0; i < C; i++) value[i] -= 0.01 * gradient[i];
          results.push(bits(y, dx));
        }
        return { results, state: JSON.stringify({ ...bn.state(), training: true }) };
      };
      const alone = ranksOf(1, (reducer) => train(new BatchNorm(C, { ...options, synchronize: reducer }), 0, N))[0];
      const ends = Array.from({ length: size + 1 }, (_, i) => (i === size ? N : Math.floor((i * i * N) / size ** 2)));
      const ranks = ranksOf(size, (reducer) =>
        train(new BatchNorm(C, { ...options, synchronize: reducer }), ends[reducer.rank], ends[reducer.rank + 1]),
      );
      for (const { state } of ranks) assert.is(state, alone.state);
      const joined = alone.results.map((_, step) =>
        [0, 1].map((k) => ranks.map(({ results }) => (results[step] as string[])[k]).join('')),
      );
      assert.equal(joined, alone.results);
    });
  }

  test('mergeRanks joins exact parts to the bit, ordered ones beside them', () => {
    const half = (N / 2) * SAMPLE;
    const merged = ranksOf(2, (reducer) => {
      const own = x.subarray(reducer.rank * half, (reducer.rank + 1) * half);
      const parts = [new Moments(C, EXACT).add(own, [N / 2, C, S]), new Moments(C).add(own, [N / 2, C, S])] as const;
      return mergeRanks(reducer, parts);
    });
    for (const [exact, ordered] of merged) {
      assert.is(JSON.stringify(exact), JSON.stringify(new Moments(C, EXACT).add(x, SHAPE)));
      assert.is(ordered.summation, 'ordered');
      assert.equal(ordered.count, exact.count);
    }
  });

  test('ghost batches, masks and batchMoments of a layer', async () => {
    const bn = new BatchNorm(C, { ...EXACT, ghostBatchSize: 5 });
    bn.forward(x, SHAPE);
    const whole = new Moments(C, EXACT).add(x, SHAPE);
    assert.is(JSON.stringify(bn.batchMoments), JSON.stringify(whole));
    assert.is(JSON.stringify(await populationStatistics([{ x, shape: SHAPE }], EXACT)), JSON.stringify(whole));
    const plain = new BatchNorm(C, EXACT);
    plain.forward(x, SHAPE);
    assert.is(JSON.stringify(plain.batchMoments), JSON.stringify(whole));
    plain.eval();
    plain.normalizeWith = 'running';
    plain.train().forward(x, SHAPE);
    assert.is(JSON.stringify(plain.batchMoments), JSON.stringify(whole));
    const mask = Uint8Array.from({ length: N * S }, (_, i) => (i % 5 === 0 ? 0 : 1));
    const masked = new BatchNorm(C, EXACT);
    const y = masked.forward(x, SHAPE, { mask });
    const dx = masked.backward(dy);
    const kept = [...mask.keys()].filter((position) => mask[position] === 1);
    const gather = (from: Float32Array) =>
      Float32Array.from(
        kept.flatMap((p) => [0, 1, 2].map((ch) => from[Math.floor(p / S) * SAMPLE + ch * S + (p % S)])),
      );
    const twin = new BatchNorm(C, EXACT);
    assert.equal(bits(gather(y)), bits(twin.forward(gather(x), [kept.length, C])));
    assert.equal(bits(gather(dx)), bits(twin.backward(gather(dy))));
    assert.equal(bits(masked.dgamma, masked.runningVariance), bits(twin.dgamma, twin.runningVariance));
  });

  test('what is exact and what is ordered is never mixed unnoticed', () => {
    const [exact, ordered] = [new Moments(C, EXACT), new Moments(C)];
    assert.throws(
      () => exact.merge(ordered),
      /Moments\.merge: "other\.summation" expected 'exact', as here, got 'ordered'/,
    );
    assert.throws(() => ordered.merge(exact), /expected 'ordered', as here, got 'exact'/);
    assert.throws(
      () => new GradientSums(C, EXACT).merge(new GradientSums(C)),
      /GradientSums\.merge: "other\.summation"/,
    );
    assert.throws(
      () => exact.add(new Float64Array(3), [1, 3]),
      /"x" expected a Float32Array .*'exact' .*float64 has 'ordered'/,
    );
    assert.throws(() => new BatchNorm(1, { ...EXACT, dtype: 'float64' }), /"summation" expected 'ordered' with dtype/);
    const weights = new Float64Array(N * S).fill(0.5);
    for (const call of [
      () => exact.add(x, SHAPE, { mask: weights }),
      () => forwardTraining(x, SHAPE, { ...EXACT, mask: weights }),
      () => new BatchNorm(C, EXACT).forward(x, SHAPE, { mask: weights }),
    ]) {
      assert.throws(call, /"mask\[0\]" expected 0 or 1 with summation: 'exact' \(weights have 'ordered'\), got 0\.5$/);
    }
    assert.throws(() => new Moments(1, { summation: 'precise' as never }), /"summation" expected 'ordered' or 'exact'/);
  });

  test('sums belong to one mean', () => {
    for (const options of [EXACT, {}]) {
      const given = { mean: [1, 2, 3], variance: [1, 1, 1] };
      const sums = new GradientSums(C, options).add(dy, x, SHAPE, given);
      const other = new GradientSums(C, options).add(dy, x, SHAPE, { ...given, mean: [1, 2, 4] });
      assert.throws(() => sums.merge(other), /"other\.mean\[2\]" expected 3, the mean of what was added before, got 4/);
      assert.throws(() => sums.add(dy, x, SHAPE, { ...given, mean: [0, 2, 3] }), /GradientSums\.add: "mean\[0\]"/);
      const copy = GradientSums.fromJSON(JSON.parse(JSON.stringify(sums)));
      assert.is(JSON.stringify(copy), JSON.stringify(sums));
      assert.equal(bits(copy.sumDyDeviation), bits(sums.sumDyDeviation));
      assert.throws(() => copy.merge(other), RangeError);
    }
  });

  test('JSON: earlier formats are ordered, and numbers that no sum has are refused', () => {
    const old = { format: 'batchnorm-moments/1', channels: 1, count: [2], mean: [1], variance: [1] };
    assert.is(Moments.fromJSON(old).summation, 'ordered');
    const sums = { format: 'batchnorm-gradient-sums/1', channels: 1, count: 2, sumDy: [1], sumDyDeviation: [1] };
    assert.is(GradientSums.fromJSON(sums).summation, 'ordered');
    const { summation: _, ...state } = new BatchNorm(1).state();
    assert.is(BatchNorm.fromState({ ...state, format: 'batchnorm/1' } as never).summation, 'ordered');
    const saved = JSON.parse(JSON.stringify(new Moments(1, EXACT).add(Float32Array.of(1, 3), [2, 1])));
    assert.is(JSON.stringify(Moments.fromJSON(saved)), JSON.stringify(saved));
    for (const [at, value] of [
      [0, -1],
      [0, 2 ** 32],
      [0, 0.5],
      [9, 2 ** 31],
      [10, -1],
      [34, 0.5],
    ]) {
      const sums = saved.sums.map((number: number, i: number) => (i === at ? value : number));
      assert.throws(
        () => Moments.fromJSON({ ...saved, sums }),
        new RegExp(`"sums\\[${at}\\]" expected an integer from`),
      );
    }
    assert.throws(() => Moments.fromJSON({ ...saved, count: [1.5] }), /"count\[0\]" expected an integer/);
  });

  test('sums that are not of the batch are refused by backward, and moments of another kind by commit', () => {
    for (const options of [EXACT, {}]) {
      const { mean, variance } = new Moments(C, options).add(x, SHAPE);
      const sums = new GradientSums(C, options).add(dy, x, SHAPE, { mean, variance });
      const given = { mean, variance, sums };
      assert.ok(backward(dy, x, SHAPE, given).dx.length > 0);
      const moved = mean.map((value, ch) => (ch === 1 ? value + 1 : value));
      assert.throws(() => backward(dy, x, SHAPE, { ...given, mean: moved }), /"mean\[1\]" expected .*"sums" are of/);
      const few = new GradientSums(C, options).add(dy.subarray(0, SAMPLE), x.subarray(0, SAMPLE), [1, C, S], {
        mean,
        variance,
      });
      assert.throws(
        () => backward(dy, x, SHAPE, { ...given, sums: few }),
        /"sums\.count" expected at least 48, .*got 4/,
      );
      const other = options === EXACT ? 'ordered' : 'exact';
      assert.throws(
        () => backward(dy, x, SHAPE, { ...given, summation: other }),
        /"summation" expected .*"sums" has it/,
      );
      const bn = new BatchNorm(C, options);
      const moments = new Moments(C, { summation: other }).add(x, SHAPE);
      assert.throws(() => bn.commit(moments), /"moments\.summation" expected .*as the layer has it/);
      assert.is(bn.batchesTracked, 0);
    }
  });

  test('JSON: counts that the sums cannot be of are refused', () => {
    const saved = JSON.parse(JSON.stringify(new Moments(1, EXACT).add(Float32Array.of(1, 2, 3, 4), [4, 1])));
    for (const count of [[1], [0], [3]]) {
      assert.throws(() => Moments.fromJSON({ ...saved, count }), /"count\[0\]" expected as many values/, `${count}`);
    }
    const empty = saved.sums.map((value: number, i: number) => (i >= 13 && i < 32 ? 0 : value));
    assert.throws(() => Moments.fromJSON({ ...saved, sums: empty }), RangeError);
    const odd = new Moments(1, EXACT).add(Float32Array.of(1, Infinity, NaN), [3, 1]);
    assert.is(JSON.stringify(Moments.fromJSON(JSON.parse(JSON.stringify(odd)))), JSON.stringify(odd));
  });
}
