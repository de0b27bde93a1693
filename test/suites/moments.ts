// Count, mean and variance of data that comes in parts.
import { forwardTraining, Moments } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';

/** Values of one channel. */
const VALUES = Float64Array.from({ length: 200 }, (_, i) => Math.sin(i) * 10 + 3);

function of(values: ArrayLike<number>): Moments {
  return new Moments(1).add(Float64Array.from(values), [values.length, 1]);
}

function close(actual: number, expected: number, relative = 1e-14): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`);
}

export default function moments(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'moments');

  test('no data: count 0, everything else NaN', () => {
    const none = new Moments(2);
    assert.equal([...none.count], [0, 0]);
    for (const values of [none.mean, none.variance, none.sampleVariance]) assert.equal([...values], [NaN, NaN]);
    none.add(new Float32Array(0), [0, 2]).merge(new Moments(2));
    assert.equal([...none.count], [0, 0]);
  });

  test('one batch is what forwardTraining returns, to the bit', () => {
    const x = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * i));
    const { mean, variance } = forwardTraining(x, [5, 3, 4]);
    const moments = new Moments(3).add(x, [5, 3, 4]);
    assert.equal(moments.mean, mean);
    assert.equal(moments.variance, variance);
    assert.equal([...moments.count], [20, 20, 20]);
  });

  test('by hand: 1, 2, 3 and then 6', () => {
    const parts = of([1, 2, 3]).add(Float32Array.of(6), [1, 1]);
    assert.equal([parts.count[0], parts.mean[0], parts.variance[0]], [4, 3, 3.5]);
    close(parts.sampleVariance[0], 14 / 3);
  });

  test('one value: variance 0, sample variance NaN', () => {
    const one = of([5]);
    assert.equal([one.mean[0], one.variance[0], one.sampleVariance[0]], [5, 0, NaN]);
  });

  test('any grouping agrees', () => {
    const whole = of(VALUES);
    for (const size of [1, 7, 64, 199]) {
      const left = new Moments(1);
      const parts: Moments[] = [];
      for (let i = 0; i < VALUES.length; i += size) {
        const part = VALUES.subarray(i, i + size);
        left.add(part, [part.length, 1]);
        parts.unshift(of(part));
      }
      const right = parts.reduce((sum, part) => sum.merge(part), new Moments(1));
      for (const grouped of [left, right]) {
        assert.is(grouped.count[0], 200);
        close(grouped.mean[0], whole.mean[0]);
        close(grouped.variance[0], whole.variance[0]);
      }
    }
  });

  test('a mean far above the deviation keeps its digits', () => {
    const shifted = (offset: number) => {
      const parts = new Moments(1);
      for (let i = 0; i < 100; i++) parts.add(Float64Array.of(offset, offset + 1), [2, 1]);
      return parts.variance[0];
    };
    assert.is(shifted(1e9), 0.25);
    assert.is(shifted(0), 0.25);
  });

  test('merging with itself counts everything twice', () => {
    const twice = of([1, 2, 6]);
    const { mean, variance } = twice;
    twice.merge(twice);
    assert.equal([twice.count[0], twice.mean[0]], [6, mean[0]]);
    close(twice.variance[0], variance[0]);
  });

  test('merging leaves the other as it is', () => {
    const other = of([1, 2]);
    const before = JSON.stringify(other);
    of([7]).merge(other).add(Float64Array.of(8), [1, 1]);
    new Moments(1).merge(other).add(Float64Array.of(8), [1, 1]);
    assert.is(JSON.stringify(other), before);
  });

  test('NaN and Infinity stay in their channel', () => {
    const rows = new Moments(3).add(Float64Array.of(1, NaN, Infinity), [1, 3]);
    rows.add(Float64Array.of(3, 1, 2), [1, 3]).add(Float64Array.of(5, 1, 3), [1, 3]);
    assert.equal([...rows.mean], [3, NaN, Infinity]);
    close(rows.variance[0], 8 / 3);
    assert.equal([...rows.variance.subarray(1)], [NaN, NaN]);
  });

  test('what is read is a copy', () => {
    const kept = of([1, 3]);
    const { count, mean, variance } = kept;
    for (const values of [count, mean, variance]) values.fill(-1);
    assert.equal([kept.count[0], kept.mean[0], kept.variance[0]], [2, 2, 1]);
    const before = kept.mean;
    kept.add(Float64Array.of(100), [1, 1]);
    assert.is(before[0], 2);
  });

  test('axes: channels last, negative, rank 1 and rank 5', () => {
    const x = Float32Array.of(1, 10, 3, 30);
    for (const [shape, axis] of [
      [[2, 2], -1],
      [[2, 2], 1],
      [[1, 2, 1, 1, 2], 4],
      [[2, 1, 1, 2], -1],
    ] as const) {
      assert.equal([...new Moments(2).add(x, shape, { axis }).mean], [2, 20]);
    }
    assert.equal([...new Moments(4).add(x, [4], { axis: 0 }).mean], [1, 10, 3, 30]);
    assert.equal([...new Moments(4).add(x, [4], { axis: -1 }).count], [1, 1, 1, 1]);
  });

  test('JSON keeps every bit', () => {
    const x = Float64Array.of(0.1, NaN, Infinity, 0, 1e-320, -Infinity);
    const json = new Moments(6).add(x, [1, 6]).toJSON() as { mean: unknown[] };
    json.mean[3] = '-0';
    const kept = Moments.fromJSON(json);
    assert.ok(Object.is(kept.mean[3], -0));
    const copy = Moments.fromJSON(JSON.parse(JSON.stringify(kept)));
    for (const key of ['count', 'mean', 'variance'] as const) {
      for (let ch = 0; ch < 6; ch++) assert.ok(Object.is(copy[key][ch], kept[key][ch]), `${key}[${ch}]`);
    }
    assert.equal(Moments.fromJSON(JSON.parse(JSON.stringify(new Moments(2)))).count, new Float64Array(2));
    assert.equal([...copy.merge(kept).count], [2, 2, 2, 2, 2, 2]);
  });

  test('no channels at all', () => {
    const none = new Moments(0).add(new Float32Array(0), [4, 0]);
    assert.is(none.mean.length, 0);
    assert.is(Moments.fromJSON(JSON.parse(JSON.stringify(none))).channels, 0);
  });
}
