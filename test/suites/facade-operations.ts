// The operations without state: defaults, `out`, in place, axes, edge counts, what counts as an array.
import { runInNewContext } from 'node:vm';
import { allocate, backward, forwardInference, forwardTraining, release, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';

const SHAPE = [4, 3, 2];

/** Something without a pattern, the same each time. */
function data(length: number, seed = 1): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (i + seed) * 1.7) * 3 + seed);
}

/** From (n, c, s) to (n, s, c). */
function channelsLast<T extends Tensor>(x: T, n: number, c: number, s: number): T {
  const y = x.slice() as T;
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (let j = 0; j < s; j++) y[(i * s + j) * c + ch] = x[(i * c + ch) * s + j];
    }
  }
  return y;
}

function close(actual: Tensor, expected: Tensor, tolerance = 1e-5): void {
  assert.is(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]) <= tolerance, `[${i}]: ${value} is not ${expected[i]}`);
  });
}

const x = data(24);
const dy = data(24, 2);
const residual = data(24, 3);
const gamma = Float32Array.of(0.5, 2, -1);
const beta = Float32Array.of(1, -1, 0.25);

export default function operations(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'operations');

  test('by hand', () => {
    const two = Float32Array.of(1, 10, 3, 30);
    const { y, mean, variance } = forwardTraining(two, [2, 2], { epsilon: 0 });
    assert.equal(
      [[...y], [...mean], [...variance]],
      [
        [-1, -1, 1, 1],
        [2, 20],
        [1, 100],
      ],
    );
    const scaled = forwardTraining(two, [2, 2], {
      epsilon: 0,
      gamma: Float32Array.of(2, 1),
      beta: Float32Array.of(0, 5),
    });
    assert.equal([...scaled.y], [-2, 4, 2, 6]);
    const given = { mean: [0, 0], variance: [4, 25], epsilon: 0 };
    assert.equal([...forwardInference(two, [2, 2], given)], [0.5, 2, 1.5, 6]);
    const gradients = backward(Float32Array.of(1, 1, 2, 3), two, [2, 2], { ...given, statistics: 'given' });
    assert.equal([...gradients.dx], [0.5, Math.fround(0.2), 1, Math.fround(0.6)]);
    assert.equal([...gradients.dgamma, ...gradients.dbeta], [3.5, 20, 3, 4]);
    assert.is('dresidual' in gradients, false);
  });

  test('epsilon is 1e-5 unless given', () => {
    const { y } = forwardTraining(Float64Array.of(-1, 1), [2, 1]);
    close(
      y,
      Float64Array.of(-1, 1).map((value) => value / Math.sqrt(1 + 1e-5)),
      1e-15,
    );
  });

  test('relu and residual: y = relu(bn(x) + residual)', () => {
    const plain = forwardTraining(x, SHAPE, { gamma, beta }).y;
    const { y } = forwardTraining(x, SHAPE, { gamma, beta, residual, activation: 'relu' });
    close(
      y,
      plain.map((value, i) => Math.max(0, value + residual[i])),
    );
  });

  test('out, outMean and outVariance are what is returned, and written', () => {
    const fresh = forwardTraining(x, SHAPE, { gamma, beta });
    const out = new Float32Array(24);
    const outMean = new Float64Array(3);
    const outVariance = new Float64Array(3);
    const kept = forwardTraining(x, SHAPE, { gamma, beta, out, outMean, outVariance });
    assert.ok(kept.y === out && kept.mean === outMean && kept.variance === outVariance);
    assert.equal(kept, fresh);
    const { mean, variance } = fresh;
    assert.is(forwardInference(x, SHAPE, { gamma, beta, mean, variance, out }), out);
    assert.equal(out, fresh.y);
  });

  test('the gradients go where they are asked to', () => {
    const { mean, variance } = forwardTraining(x, SHAPE, { gamma, beta, residual, activation: 'relu' });
    const options = { mean, variance, gamma, beta, residual, activation: 'relu' } as const;
    const fresh = backward(dy, x, SHAPE, options);
    const outs = { out: new Float32Array(24), outResidual: new Float32Array(24) };
    const small = { outGamma: new Float32Array(3), outBeta: new Float32Array(3) };
    const kept = backward(dy, x, SHAPE, { ...options, ...outs, ...small });
    assert.ok(kept.dx === outs.out && kept.dresidual === outs.outResidual);
    assert.ok(kept.dgamma === small.outGamma && kept.dbeta === small.outBeta);
    assert.equal(kept, fresh);
  });

  test('in place: out is x, or the residual; also through another view of the same memory', () => {
    const options = { gamma, beta, residual, activation: 'relu' } as const;
    const { y } = forwardTraining(x, SHAPE, options);
    const own = x.slice();
    assert.equal(forwardTraining(own, SHAPE, { ...options, out: new Float32Array(own.buffer) }).y, y);
    assert.equal(own, y);
    const added = residual.slice();
    assert.equal(forwardTraining(x, SHAPE, { ...options, residual: added, out: added }).y, y);
    const known = { ...options, mean: [1, 2, 3], variance: [1, 2, 3] };
    const inferred = forwardInference(x, SHAPE, known);
    const again = x.slice();
    assert.equal(forwardInference(again, SHAPE, { ...known, out: again }), inferred);
  });

  test('in place: dx over dy, dresidual over dy, and the copy where both want it', () => {
    for (const activation of ['none', 'relu'] as const) {
      const { mean, variance } = forwardTraining(x, SHAPE, { gamma, beta, residual, activation });
      const options = { mean, variance, gamma, beta, residual, activation };
      const expected = backward(dy, x, SHAPE, { ...options, outResidual: new Float32Array(24) });
      const over = dy.slice();
      const replaced = backward(over, x, SHAPE, { ...options, out: over });
      assert.ok(replaced.dx === over && replaced.dresidual !== over);
      assert.equal(replaced, expected);
      const other = dy.slice();
      const kept = backward(other, x, SHAPE, { ...options, outResidual: other });
      assert.is(kept.dresidual, other);
      assert.equal(kept, expected);
    }
  });

  test('without an activation dresidual is dy itself', () => {
    const options = { mean: [0, 0, 0], variance: [1, 1, 1], residual };
    assert.is(backward(dy, x, SHAPE, options).dresidual, dy);
    const outResidual = new Float32Array(24);
    assert.is(backward(dy, x, SHAPE, { ...options, outResidual }).dresidual, outResidual);
    assert.equal(outResidual, dy);
  });

  test('axes and ranks: the same channels, the same numbers', () => {
    const [n, c, s] = SHAPE;
    const first = forwardTraining(x, SHAPE, { gamma, beta });
    for (const [shape, axis] of [
      [[2, 2, 3, 1, 2], 2],
      [[4, 3, 2, 1], -3],
      [[1, 4, 3, 2], 2],
    ] as const) {
      assert.equal(forwardTraining(x, shape, { gamma, beta, axis }), first);
    }
    const last = forwardTraining(channelsLast(x, n, c, s), [n, s, c], { gamma, beta, axis: -1 });
    close(last.y, channelsLast(first.y, n, c, s));
    const { mean, variance } = first;
    const dx = backward(dy, x, SHAPE, { mean, variance, gamma }).dx;
    const moved = backward(channelsLast(dy, n, c, s), channelsLast(x, n, c, s), [n, s, c], {
      ...{ mean, variance, gamma, axis: 2 },
    });
    close(moved.dx, channelsLast(dx, n, c, s));
  });

  test('rank 1 is one value per channel', () => {
    for (const axis of [0, -1]) {
      assert.equal(
        [...forwardInference(Float32Array.of(3, 5), [2], { mean: [1, 1], variance: [4, 4], epsilon: 0, axis })],
        [1, 2],
      );
    }
  });

  test('m = 0: empty outputs, NaN statistics, zero gradients', () => {
    const none = new Float32Array(0);
    for (const shape of [
      [0, 3],
      [2, 3, 0],
    ]) {
      const { y, mean, variance } = forwardTraining(none, shape, { gamma, beta, outMean: new Float64Array(3) });
      assert.equal([y, [...mean], [...variance]], [none, [NaN, NaN, NaN], [NaN, NaN, NaN]]);
      assert.equal(forwardInference(none, shape, { mean, variance }), none);
      const outGamma = Float32Array.of(7, 7, 7);
      const gradients = backward(none, none, shape, { mean, variance, outGamma, residual: none, outResidual: none });
      assert.equal(gradients, { dx: none, dgamma: new Float32Array(3), dbeta: new Float32Array(3), dresidual: none });
      assert.is(gradients.dgamma, outGamma);
    }
  });

  test('no channels at all', () => {
    const none = new Float64Array(0);
    assert.equal(forwardTraining(none, [5, 0]), { y: none, mean: none, variance: none });
    assert.equal(forwardTraining(none, [1, 0]).y, none);
    const options = { mean: [], variance: [] };
    assert.equal(backward(none, none, [5, 0], options), { dx: none, dgamma: none, dbeta: none });
  });

  test('m = 1, allowed: variance 0, y = beta, dx = 0', () => {
    const one = Float32Array.of(3, -7, 1e10);
    const { y, mean, variance } = forwardTraining(one, [1, 3], { gamma, beta, singleValue: 'allow' });
    assert.equal([y, [...mean], [...variance]], [beta, [3, -7, 1e10], [0, 0, 0]]);
    const { dx, dbeta } = backward(Float32Array.of(1, 2, 3), one, [1, 3], { mean, variance, gamma });
    assert.equal(
      [[...dx], [...dbeta]],
      [
        [0, 0, 0],
        [1, 2, 3],
      ],
    );
  });

  test('statistics come in any array of numbers; NaN and Infinity stay in their channel', () => {
    const expected = forwardInference(x, SHAPE, { mean: [1, 2, 3], variance: [4, 5, 6] });
    const kinds = [Float32Array.of(4, 5, 6), Int8Array.of(4, 5, 6), Float64Array.of(4, 5, 6)];
    for (const variance of [...kinds, { length: 3, 0: 4, 1: 5, 2: 6 }]) {
      assert.equal(forwardInference(x, SHAPE, { mean: [1, 2, 3], variance }), expected);
    }
    const y = forwardInference(x, SHAPE, { mean: [1, NaN, 3], variance: [4, 5, Infinity] });
    assert.equal([...y.subarray(0, 2)], [...expected.subarray(0, 2)]);
    assert.equal(
      [...y.subarray(2, 6)],
      [NaN, NaN, 0, 0].map((zero, i) => (i < 2 ? zero : Object.is(y[2 + i], -0) ? -0 : 0)),
    );
  });

  test('shared memory, subclasses, other realms and resizable buffers are good input', () => {
    const expected = forwardTraining(x, SHAPE, { gamma, beta });
    class Named extends Float32Array {}
    const foreign: Float32Array = runInNewContext('new Float32Array(24)');
    const resizable = Reflect.construct(ArrayBuffer, [96, { maxByteLength: 200 }]) as ArrayBuffer;
    const arrays = [new Float32Array(new SharedArrayBuffer(96)), new Named(24), foreign, new Float32Array(resizable)];
    for (const array of [...arrays, new Float32Array(new SharedArrayBuffer(200), 8, 24), allocate(24)]) {
      array.set(x);
      assert.equal([...forwardTraining(array, SHAPE, { gamma, beta }).y], [...expected.y]);
      const { y } = forwardTraining(x, SHAPE, { gamma, beta, out: array });
      assert.is(y, array);
      assert.equal([...y], [...expected.y]);
    }
  });

  test('options are read once, and may be undefined', () => {
    let reads = 0;
    const options = {
      gamma,
      beta,
      axis: undefined,
      out: undefined,
      get epsilon() {
        return reads++ === 0 ? 1e-5 : -1;
      },
    };
    assert.equal(forwardTraining(x, SHAPE, options), forwardTraining(x, SHAPE, { gamma, beta }));
  });

  test('allocate gives zeros, release takes them back at once', () => {
    const array = allocate(5, 'float64');
    assert.equal(array, new Float64Array(5));
    const part = array.subarray(1);
    release(array);
    for (const gone of [array, part]) {
      assert.throws(() => forwardTraining(gone, [gone.length, 1]), /got a released Float64Array$/);
    }
    const empty = allocate(0);
    assert.is(empty.length, 0);
    release(empty);
  });

  test('what was moved to a worker cannot be released here', () => {
    const array = allocate(8);
    if (!(array.buffer instanceof ArrayBuffer)) return; // shared memory is not moved
    structuredClone(array, { transfer: [array.buffer] });
    assert.throws(() => release(array), /got Float32Array whose buffer is detached$/);
  });
}
