/**
 * float64 near the ends of its range: docs/numerics.md, section 7. Multiplying by a power of two is exact, so that what
 * is expected, to the bit, is what tensors near 1 give, multiplied back; the other suites say that this is right.
 */
import { createHash } from 'node:crypto';
import { BatchNorm, backward, forwardInference, forwardTraining, GradientSums, Moments, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { near, same } from '../support/close.js';
import * as oracle from '../support/oracle.js';
import { Random } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

/** Exponents of 2 of x and dy, channel by channel; 1000 is 1.07e301, 530 is 3.5e159. */
const OF_X = [0, 1000, -1000, 530, -530, 505, -505];
const OF_DY = [0, 1000, -1000, -300, 300, 0, 0];
const CHANNELS = OF_X.length;
/** Columns, stacked columns with one channel in seven, short rows, long rows. */
const SHAPES = [
  [37, CHANNELS, 1],
  [9, CHANNELS, 5],
  [5, CHANNELS, 70],
  [1, CHANNELS, 5000],
];

interface Data {
  readonly shape: readonly number[];
  readonly x: Float64Array;
  readonly dy: Float64Array;
  readonly residual: Float64Array;
  readonly gamma: Float64Array;
  readonly beta: Float64Array;
}

/** Multiples of 2⁻²⁰, so that nothing near the smallest numbers is rounded. */
function dataOf(shape: readonly number[]): Data {
  const random = new Random(shape[0]);
  const draw = (length: number, shift: number) =>
    Float64Array.from({ length }, () => shift + Math.round(random.normal() * 2 ** 20) / 2 ** 20);
  const length = shape.reduce((a, b) => a * b);
  const [gamma, beta] = [draw(CHANNELS, 2), draw(CHANNELS, 0)];
  return { shape, x: draw(length, 0.5), dy: draw(length, 0.1), residual: draw(length, 0), gamma, beta };
}

/** Channel by channel times 2^(sign·exponent), by halves that do not overflow before the product does. */
function times(
  values: Float64Array,
  [, c, s]: readonly number[],
  exponents: readonly number[],
  sign = 1,
): Float64Array {
  return values.map((value, k) => {
    const exponent = sign * exponents[Math.floor(k / s) % c];
    const half = Math.trunc(exponent / 2);
    return value * 2 ** half * 2 ** (exponent - half);
  });
}

/** Values per channel. */
const perChannel = (values: Float64Array, exponents: readonly number[], sign = 1) =>
  times(values, [1, CHANNELS, 1], exponents, sign);

const OF_DX = OF_DY.map((exponent, ch) => exponent - OF_X[ch]);
const OF_VARIANCE = OF_X.map((exponent) => 2 * exponent);

export default function range(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'range');
  for (const shape of SHAPES) {
    test(`forward of (${shape})`, () => forwards(dataOf(shape)));
    test(`backward of (${shape})`, () => backwards(dataOf(shape)));
    test(`layers of (${shape})`, () => layers(dataOf(shape)));
    test(`sums of (${shape})`, () => sums(dataOf(shape)));
  }
  for (const unit of [1e160, 1e-160, 1e300, 1e-300]) test(`numbers of ${unit}`, () => decimal(unit));
  test('epsilon counts for what it is', epsilons);
  test('the largest and the smallest numbers', extremes);
  test('inference by variances near the ends', inference);
  test("onNonFinite: 'throw' says what is true", messages);
  test('a variance that is not known gives NaN, and not beta', unknown);
  test('a merged variance overflows only where it must', merged);
  test('has the digest of all backends', digest);
}

function forwards(data: Data): void {
  const { shape, gamma, beta, residual } = data;
  const x = times(data.x, shape, OF_X);
  for (const more of [{}, { residual, activation: 'relu' }] as const) {
    const options = { gamma, beta, epsilon: 0, ...more };
    const expected = forwardTraining(data.x, shape, options);
    for (const out of [undefined, x.slice()]) {
      const { y, mean, variance } = forwardTraining(out ?? x, shape, { ...options, out });
      same(y, expected.y, 'y');
      same(mean, perChannel(expected.mean, OF_X), 'mean');
      same(variance, perChannel(expected.variance, OF_VARIANCE), 'variance');
    }
  }
  const inPlace = residual.slice();
  forwardTraining(x, shape, { gamma, beta, epsilon: 0, residual: inPlace, out: inPlace });
  same(inPlace, forwardTraining(data.x, shape, { gamma, beta, epsilon: 0, residual }).y, 'y over the residual');
}

function backwards(data: Data): void {
  const { shape, gamma, beta, residual } = data;
  const [x, dy] = [times(data.x, shape, OF_X), times(data.dy, shape, OF_DY)];
  const base = forwardTraining(data.x, shape, { epsilon: 0 });
  const far = forwardTraining(x, shape, { epsilon: 0 });
  for (const more of [{}, { residual, activation: 'relu' }] as const) {
    const options = { gamma, beta, epsilon: 0, ...more };
    const expected = backward(data.dy, data.x, shape, { ...options, mean: base.mean, variance: base.variance });
    const check = (actual: ReturnType<typeof backward<Float64Array>>, what: string) => {
      same(actual.dx, times(expected.dx, shape, OF_DX), `dx ${what}`);
      same(actual.dgamma, perChannel(expected.dgamma, OF_DY), `dgamma ${what}`);
      same(actual.dbeta, perChannel(expected.dbeta, OF_DY), `dbeta ${what}`);
      if (expected.dresidual) same(actual.dresidual!, times(expected.dresidual, shape, OF_DY), `dresidual ${what}`);
    };
    const { mean, variance } = far;
    check(backward(dy, x, shape, { ...options, mean, variance }), 'apart');
    const out = dy.slice();
    check(backward(out, x, shape, { ...options, mean, variance, out }), 'in place');
    if (more.residual === undefined) continue;
    const outResidual = dy.slice();
    check(backward(outResidual, x, shape, { ...options, mean, variance, outResidual }), 'dresidual in place');
  }
}

/** Every kind of pass: its y, and its gradients where the ranks of numbers are those of one channel. */
function layers(data: Data): void {
  const { shape, gamma, beta } = data;
  const positions = shape[0] * shape[2];
  const [x, dy] = [times(data.x, shape, OF_X), times(data.dy, shape, OF_DY)];
  const half = { mask: Uint8Array.from({ length: positions }, (_, k) => k % 2) };
  const weighted = { mask: Float32Array.from({ length: positions }, (_, k) => 1 + (k % 3)) };
  for (const [settings, options] of [
    [{}, {}],
    [{ onNonFinite: 'skip' }, {}],
    [{ activation: 'relu' }, half],
    [{}, weighted],
    [{ ghostBatchSize: Math.ceil(shape[0] / 2), singleValue: 'allow' }, {}],
  ] as const) {
    const [expected, actual] = [
      [data.x, data.dy],
      [x, dy],
    ].map(([ofX, ofDy]) => {
      const bn = new BatchNorm<Float64Array>(CHANNELS, { ...settings, epsilon: 0, dtype: 'float64' });
      bn.gamma!.set(gamma);
      bn.beta!.set(beta);
      return { y: bn.forward(ofX, shape, options), dx: bn.backward(ofDy), dgamma: bn.dgamma!, dbeta: bn.dbeta! };
    });
    const title = JSON.stringify([settings, Object.keys(options)]);
    same(actual.y, expected.y, `y ${title}`);
    same(actual.dgamma, perChannel(expected.dgamma, OF_DY), `dgamma ${title}`);
    same(actual.dbeta, perChannel(expected.dbeta, OF_DY), `dbeta ${title}`);
    same(actual.dx, times(expected.dx, shape, OF_DX), `dx ${title}`);
  }
}

function sums({ shape, x, dy, gamma }: Data): void {
  const [expected, actual] = [x, times(x, shape, OF_X)].map((values) => new Moments(CHANNELS).add(values, shape));
  same(actual.mean, perChannel(expected.mean, OF_X), 'mean');
  same(actual.variance, perChannel(expected.variance, OF_VARIANCE), 'variance');
  const sumsOf = (values: Float64Array, { mean, variance }: Moments) =>
    new GradientSums(CHANNELS).add(dy, values, shape, { mean, variance, gamma, activation: 'relu' });
  const [near1, far] = [sumsOf(x, expected), sumsOf(times(x, shape, OF_X), actual)];
  const ofDeviation = (sums: GradientSums) =>
    Float64Array.from((sums.toJSON() as { sumDyDeviation: number[] }).sumDyDeviation);
  const isHeld = (ch: number) => Math.abs(OF_X[ch]) < 512; // a variance that is Infinity or 0 says nothing
  OF_X.forEach((_, ch) => {
    if (!isHeld(ch)) return;
    assert.is(ofDeviation(far)[ch], perChannel(ofDeviation(near1), OF_X)[ch], `sumDyDeviation of channel ${ch}`);
  });
}

/** Against the chain rule, on numbers that are rounded when they are multiplied. */
function decimal(unit: number): void {
  const view = { n: 5, c: 1, s: 1 };
  const [x, dy] = [Float64Array.of(1, -2, 4, 7, 11), Float64Array.of(3, 1, -2, 5, 0.5)];
  const statistics = oracle.statistics(x, view);
  const rest = { gamma: null, beta: null, residual: null, relu: false, epsilon: 0 };
  const expected = oracle.backward(dy, x, statistics, rest, view);
  const far = x.map((value) => value * unit);
  const { y, mean, variance } = forwardTraining(far, [5, 1], { epsilon: 0 });
  near(y, oracle.normalize(x, statistics, rest, view), 1e-14, 'y');
  near([mean[0] / unit], statistics.mean, 1e-14, 'mean');
  const gradients = backward(
    dy.map((value) => value * unit),
    far,
    [5, 1],
    { mean, variance, epsilon: 0 },
  );
  near(gradients.dx, expected.dx, 1e-14, 'dx');
  near(
    gradients.dgamma.map((value) => value / unit),
    expected.dgamma,
    1e-14,
    'dgamma',
  );
  const bn = new BatchNorm<Float64Array>(1, { dtype: 'float64', epsilon: 0 });
  near(bn.forward(far, [5, 1]), y, 0, 'y of a layer');
  near(
    bn.backward(dy).map((value) => value * unit),
    expected.dx,
    1e-14,
    'dx of a layer',
  );
}

function epsilons(): void {
  const shape = [4, 1];
  const x = Float64Array.of(1, 2, 4, 9);
  for (const exponent of [600, -600, 1000, -1000]) {
    const far = x.map((value) => value * 2 ** exponent);
    const { y } = forwardTraining(far, shape, { epsilon: 2 ** -20 });
    const expected = exponent > 0 ? forwardTraining(x, shape, { epsilon: 0 }).y : null;
    if (expected !== null) same(y, expected, 'epsilon is nothing beside the variance');
    else
      near(
        y.map((value) => value * 2 ** -exponent),
        x.map((value) => (value - 4) * 2 ** 10),
        1e-12,
        'a tiny variance',
      );
  }
  const both = forwardTraining(
    x.map((value) => value * 2 ** -450),
    shape,
    { epsilon: 2 ** -900 },
  );
  same(both.y, forwardTraining(x, shape, { epsilon: 1 }).y, 'both tiny');
}

function extremes(): void {
  const { MAX_VALUE: most, MIN_VALUE: least } = Number;
  for (const unit of [most, least, 2 ** -1030]) {
    const signs = [1, -1, 1, -1];
    const x = Float64Array.from(signs, (sign) => sign * unit);
    const { y, mean } = forwardTraining(x, [4, 1], { epsilon: 0 });
    assert.equal([[...y], [...mean]], [signs, [0]], `${unit}`);
  }
  const large = Float64Array.of(most, most, most, most / 2);
  assert.ok(!(Math.abs(forwardTraining(large, [4, 1]).mean[0] / most - 0.875) > 1e-15), 'a sum that overflows');
  const constant = forwardTraining(Float64Array.of(most, most, most), [3, 1], { epsilon: 0, beta: Float64Array.of(5) });
  assert.equal([[...constant.y], [...constant.mean], [...constant.variance]], [[5, 5, 5], [most], [0]]);
  for (const bad of [Number.NaN, Infinity]) {
    const { y, variance } = forwardTraining(Float64Array.of(bad, 1e300, 1e300), [3, 1]);
    assert.ok(y.every(Number.isNaN) && Number.isNaN(variance[0]), `${bad} is still NaN`);
  }
}

function inference(): void {
  const x = Float64Array.of(-3, 1, 2);
  for (const exponent of [1000, -1000, -1070]) {
    const far = x.map((value) => value * 2 ** (exponent / 2));
    const y = forwardInference(far, [3, 1], { mean: [0], variance: [2 ** exponent], epsilon: 0 });
    assert.equal([...y], [...x], `variance 2^${exponent}`);
  }
}

function messages(): void {
  const forward = (values: number[]) =>
    new BatchNorm<Float64Array>(2, { dtype: 'float64', onNonFinite: 'throw' }).forward(
      Float64Array.from(values),
      [3, 2],
    );
  const textOf = (values: number[]) => {
    try {
      forward(values);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing';
  };
  assert.match(
    textOf([1, 1e160, 2, 2e160, 3, -1e160]),
    new RegExp(
      String.raw`^batchnorm: BatchNorm\.forward: "x" expected numbers whose variance float64 can hold, ` +
        String.raw`got a variance above 1\.79e308 in channel 1;`,
    ),
  );
  assert.match(textOf([1, 1e160, 2, 2e160, NaN, 3]), /got NaN or Infinity in channel 0;/);
  assert.is(textOf([1, 1e150, 2, 2e150, 3, -1e150]), 'nothing');
  assert.is(textOf([1, 1e-160, 2, 2e-160, 3, -1e-160]), 'nothing');
}

/** What renorm, and ranks that merge theirs, have of a batch is numbers that float64 holds. */
function unknown(): void {
  const x = Float64Array.of(1, 1e160, 2, 2e160, 4, -1e160);
  const near1 = new BatchNorm<Float64Array>(1, { dtype: 'float64', renorm: true });
  const expected = near1.forward(Float64Array.of(1, 2, 4), [3, 1]);
  const y = new BatchNorm<Float64Array>(2, { dtype: 'float64', renorm: true }).forward(x, [3, 2]);
  assert.equal(
    [...y],
    [...expected].flatMap((value) => [value, Number.NaN]),
  );
}

function merged(): void {
  const [a, b] = [1.2e154, -1.2e154].map((value) => new Moments(1).add(Float64Array.of(value, value), [2, 1]));
  assert.ok(!(Math.abs(a.merge(b).variance[0] / 1.44e308 - 1) > 1e-14), `${a.variance[0]}`);
}

/** The same on every backend and instruction set, and from one version to the next. */
const DIGEST = '697f4437befe6480333c55a90196423c5b76482625433f0de4793daddb008c8c';

function digest(): void {
  const hash = createHash('sha256');
  for (const shape of SHAPES) {
    const data = dataOf(shape);
    const [x, dy] = [times(data.x, shape, OF_X), times(data.dy, shape, OF_DY)];
    const { y, mean, variance } = forwardTraining(x, shape, { epsilon: 0, gamma: data.gamma });
    const gradients = backward(dy, x, shape, { epsilon: 0, gamma: data.gamma, mean, variance });
    const outputs: Tensor[] = [y, mean, variance, gradients.dx, gradients.dgamma, gradients.dbeta];
    for (const output of outputs) hash.update(Buffer.from(output.buffer, output.byteOffset, output.byteLength));
  }
  assert.is(hash.digest('hex'), DIGEST);
}
