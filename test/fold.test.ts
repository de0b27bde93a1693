// Folding of batch normalization into weights: against the two layers, one after the other, as naively as can be.
import { BatchNorm, type FoldOptions, fold, type Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import { type Convolution, convolve, TRANSPOSED } from './support/convolve.js';
import { type Random, randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('fold');

/** Every layout, with groups where it has them: plain, grouped and depthwise in PyTorch's way. */
const CONVOLUTIONS: readonly Convolution[] = [
  { layout: 'OI', shape: [4, 3] },
  { layout: 'IO', shape: [3, 4] },
  { layout: 'OIW', shape: [4, 3, 2] },
  { layout: 'WIO', shape: [2, 3, 4] },
  { layout: 'OIHW', shape: [4, 3, 2, 3] },
  { layout: 'OIHW', shape: [6, 2, 2, 1], groups: 3 },
  { layout: 'OIHW', shape: [6, 1, 3, 2], groups: 3 },
  { layout: 'HWIO', shape: [3, 2, 3, 4] },
  { layout: 'HWIO', shape: [1, 2, 2, 6], groups: 2 },
  { layout: 'OHWI', shape: [4, 3, 2, 3] },
  { layout: 'OIDHW', shape: [4, 3, 2, 1, 2] },
  { layout: 'DHWIO', shape: [2, 1, 2, 3, 4] },
  { layout: 'IOW', shape: [3, 4, 2] },
  { layout: 'WOI', shape: [2, 4, 3] },
  { layout: 'IOHW', shape: [3, 4, 2, 3] },
  { layout: 'IOHW', shape: [6, 2, 2, 3], groups: 3 },
  { layout: 'HWOI', shape: [2, 3, 4, 3] },
  { layout: 'HWOI', shape: [2, 1, 2, 6], groups: 2 },
  { layout: 'IODHW', shape: [3, 2, 2, 1, 2] },
  { layout: 'DHWOI', shape: [2, 1, 2, 2, 3] },
  { layout: 'WIM', shape: [3, 2, 3] },
  { layout: 'HWIM', shape: [2, 3, 3, 2] },
  { layout: 'DHWIM', shape: [2, 1, 2, 3, 1] },
];

function normals(random: Random, length: number, kind: 'Float32Array' | 'Float64Array' = 'Float32Array'): Tensor {
  const values = Array.from({ length }, () => random.normal());
  return kind === 'Float32Array' ? Float32Array.from(values) : Float64Array.from(values);
}

const product = (shape: readonly number[]) => shape.reduce((all, size) => all * size, 1);

function countsOf({ layout, shape, groups = 1 }: Convolution): { inputs: number; outputs: number } {
  const size = (axis: string) => shape[layout.indexOf(axis)];
  if (layout.includes('M')) return { inputs: size('I'), outputs: size('I') * size('M') };
  return TRANSPOSED.has(layout)
    ? { inputs: size('I'), outputs: size('O') * groups }
    : { inputs: size('I') * groups, outputs: size('O') };
}

/** Statistics with a gamma that is 0 and one that is negative, and a constant channel. */
function layerOf(random: Random, channels: number, options: object = {}): BatchNorm<Tensor> {
  const bn = new BatchNorm<Tensor>(channels, { dtype: 'float64', ...options }).eval();
  for (let ch = 0; ch < channels; ch++) {
    bn.runningMean[ch] = random.normal();
    bn.runningVariance[ch] = ch === 1 ? 0 : random.uniform() + 0.1;
    if (bn.gamma) bn.gamma[ch] = ch === 0 ? 0 : (ch % 2 === 0 ? 1 : -1) * (random.uniform() + 0.5);
    if (bn.beta) bn.beta[ch] = random.normal();
  }
  return bn;
}

const LAYERS = [{}, { epsilon: 0 }, { scale: false }, { center: false }, { scale: false, center: false, epsilon: 0.1 }];

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function within(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, message: string): void {
  assert.is(actual.length, wanted.length, message);
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(actual[i] - wanted[i]);
    if (!(error <= tolerance)) assert.unreachable(`${message}: [${i}] is off by ${error}, more than ${tolerance}`);
  }
}

/** Both orders of the two layers on a random image, folded and not, in float64; x is channels first. */
function compare(convolution: Convolution, into: 'previous' | 'next', options: object, title: string): void {
  const random = randomFor(title);
  const { inputs, outputs } = countsOf(convolution);
  const image = [
    inputs,
    ...convolution.layout
      .replace(/[OIM]/g, '')
      .split('')
      .filter(Boolean)
      .map(() => 4),
  ];
  const bn = layerOf(random, into === 'previous' ? outputs : inputs, options);
  for (const kind of ['Float32Array', 'Float64Array'] as const) {
    const weights = normals(random, product(convolution.shape), kind);
    const bias = random.uniform() < 0.5 ? normals(random, outputs, kind) : null;
    const x = normals(random, product(image), 'Float64Array') as Float64Array;
    const folded = fold(bn, { ...convolution, weights, bias, into, ...(into === 'next' && { padding: 'none' }) });
    const pad = into === 'previous' ? 1 : 0;
    const run = (input: Float64Array, w: Tensor, b: Tensor | null) => convolve(convolution, w, b, input, image, pad);
    const normalize = (y: Float64Array, c: number) => bn.forward(y, [1, c, y.length / c]) as Float64Array;
    const unfolded =
      into === 'previous' ? normalize(run(x, weights, bias), outputs) : run(normalize(x, inputs), weights, bias);
    const { constant, perUnit } = folded.bound;
    const size = largest(unfolded) + perUnit * largest(x);
    within(run(x, folded.weights, folded.bias), unfolded, constant + perUnit * largest(x) + size * 1e-13, title + kind);
    const terms = largest(folded.weights) * weights.length * largest(x) + largest(folded.bias);
    const unit = kind === 'Float32Array' ? 2 ** -23 : 2 ** -47;
    assert.ok(perUnit * largest(x) + constant <= unit * terms, 'the bound is no excuse');
  }
}

for (const convolution of CONVOLUTIONS) {
  const { layout, groups = 1 } = convolution;
  const title = `${layout}${groups > 1 ? `, ${groups} groups` : ''} of shape [${convolution.shape}]`;
  test(`${title}: into the previous one, under padding as well`, () => {
    for (const options of LAYERS) compare(convolution, 'previous', options, `${title} ${JSON.stringify(options)}`);
  });
  if (TRANSPOSED.has(layout)) continue;
  test(`${title}: into the next one, without padding`, () => {
    for (const options of LAYERS) compare(convolution, 'next', options, `${title} ${JSON.stringify(options)} next`);
  });
}

test('each number is that of float64, rounded once', () => {
  const random = randomFor('once');
  const [weights, bias] = [normals(random, 12) as Float32Array, normals(random, 4) as Float32Array];
  const bn = layerOf(random, 4, { dtype: 'float32' });
  const folded = fold(bn, { weights, bias, shape: [4, 3], layout: 'OI' });
  for (let k = 0; k < 4; k++) {
    const a = bn.gamma![k] / Math.sqrt(bn.runningVariance[k] + bn.epsilon);
    const wanted = (bias[k] - bn.runningMean[k]) * a + bn.beta![k];
    assert.ok(Math.abs(folded.bias[k] - wanted) <= Math.abs(wanted) * 2 ** -23.99, `bias ${k}`);
    for (let i = 0; i < 3; i++) {
      const exact = weights[k * 3 + i] * a;
      assert.ok(Math.abs(folded.weights[k * 3 + i] - exact) <= Math.abs(exact) * 2 ** -23.99, `weight ${k}, ${i}`);
    }
  }
});

test('plain statistics, a layer, and one in training mode fold alike', () => {
  const random = randomFor('plain');
  const bn = layerOf(random, 3, { activation: 'none' });
  const { gamma, beta, runningMean, runningVariance: variance, epsilon } = bn;
  const options = { weights: normals(random, 6), shape: [2, 3], layout: 'IO' } as const;
  const expected = fold(bn, options);
  assert.equal(fold({ mean: [...runningMean], variance, gamma: [...gamma!], beta, epsilon }, options), expected);
  assert.equal(fold(bn.train(), options), expected);
  assert.equal(fold(bn.freeze(), options), expected);
});

test('in place', () => {
  const random = randomFor('in place');
  const bn = layerOf(random, 3);
  const [weights, bias] = [normals(random, 6), normals(random, 3)];
  const options = { shape: [2, 3], layout: 'IO', inputs: Float64Array.of(1, 2) } as const;
  const expected = fold(bn, { ...options, weights, bias });
  const result = fold(bn, { ...options, weights, bias, out: weights, outBias: bias });
  assert.is(result.weights, weights);
  assert.is(result.bias, bias);
  assert.equal(result, expected);
});

test('the measured deviation is within the bound, and reaches it on the worst inputs', () => {
  const random = randomFor('measured');
  const bn = layerOf(random, 1, { scale: false, epsilon: 0 });
  for (let round = 0; round < 20; round++) {
    const each = 1 + random.integer(20);
    const weights = normals(random, each);
    const options = { weights, shape: [1, each], layout: 'OI' } as const;
    const { weights: folded, bias, bound } = fold(bn, options);
    const a = 1 / Math.sqrt(bn.runningVariance[0]);
    const error = (folded: Tensor, i: number) => folded[i] - weights[i] * a;
    const constant = bias[0] - (bn.beta![0] - bn.runningMean[0] * a);
    const worst = Float64Array.from(weights, (_, i) => Math.sign(error(folded, i)) * Math.sign(constant) * 8);
    const { measured } = fold(bn, { ...options, inputs: worst });
    const most = bound.constant + 8 * bound.perUnit;
    assert.ok(measured! <= most, `${measured} above the bound, ${most}`);
    assert.ok(measured! >= most * 0.999, `${measured} far below the bound, ${most}`);
    const ordinary = fold(bn, { ...options, inputs: normals(random, each * 5) }).measured!;
    assert.ok(ordinary > 0 && ordinary < most);
  }
});

/** √n, rounded down. */
function root(n: bigint): bigint {
  let x = 1n << BigInt(n.toString(2).length);
  for (let next = (x + n / x) >> 1n; next < x; next = (x + n / x) >> 1n) x = next;
  return x;
}

test('in float64 the bound holds against integers of hundreds of bits', () => {
  const random = randomFor('bits');
  const whole = () => random.integer(2 ** 20) - 2 ** 19;
  const abs = (n: bigint) => (n < 0n ? -n : n);
  for (let round = 0; round < 500; round++) {
    const [weight, bias, mean, gamma, beta, variance] = [
      whole(),
      whole(),
      whole(),
      whole(),
      whole(),
      1 + random.integer(2 ** 20),
    ];
    const statistics = { mean: [mean], variance: [variance], gamma: [gamma], beta: [beta], epsilon: 0 };
    const options = {
      weights: Float64Array.of(weight),
      bias: Float64Array.of(bias),
      shape: [1, 1],
      layout: 'OI',
    } as const;
    const folded = fold(statistics, options);
    // In units of 2^-200: n·gamma/√variance.
    const times = (n: number) => {
      const product = BigInt(n) * BigInt(gamma);
      return (product < 0n ? -1n : 1n) * root((product * product * 2n ** 400n) / BigInt(variance));
    };
    const units = (n: number) => BigInt(n * 2 ** 70) * 2n ** 130n;
    const far = (got: number, wanted: bigint) => Number(abs(units(got) - wanted)) / 2 ** 200;
    const [ofWeight, ofBias] = [
      far(folded.weights[0], times(weight)),
      far(folded.bias[0], times(bias - mean) + BigInt(beta) * 2n ** 200n),
    ];
    const { perUnit, constant } = folded.bound;
    assert.ok(ofWeight <= perUnit && perUnit <= Math.abs(folded.weights[0]) * 2 ** -48, `${ofWeight} and ${perUnit}`);
    assert.ok(ofBias <= constant, `${ofBias} and ${constant}`);
  }
});

test('an activation between is refused; after, it is left to the caller who says so', () => {
  const bn = new BatchNorm(2, { activation: 'relu' });
  const options = { weights: new Float32Array(4), shape: [2, 2], layout: 'OI' } as const;
  const lost = /^batchnorm: fold: "layer" expected one without an activation, got one that has it; /;
  assert.throws(() => fold(bn, options), lost);
  assert.throws(() => fold(bn, { ...options, into: 'next', dropActivation: true }), lost);
  assert.equal(fold(bn, { ...options, dropActivation: true }), fold(new BatchNorm(2), options));
});

test('across zero padding, and into a transposed convolution that comes next, folding is refused', () => {
  const bn = new BatchNorm(2);
  const options = { weights: new Float32Array(36), shape: [2, 2, 3, 3], into: 'next' } as const;
  assert.throws(
    () => fold(bn, { ...options, layout: 'OIHW' }),
    /"padding" expected 'none' with into: 'next', got undefined; pass padding: 'none' where the convolution has none$/,
  );
  assert.throws(
    () => fold(bn, { ...options, layout: 'IOHW', padding: 'none' }),
    /"into" expected 'previous' for a trans/,
  );
});

test('numbers that are not finite, before or after, are refused by name, and nothing is written', () => {
  const weights = Float32Array.of(1, 2, 3, 4);
  const options = { weights, shape: [2, 2], layout: 'OI', out: weights } as const;
  for (const name of ['runningMean', 'runningVariance', 'gamma', 'beta'] as const) {
    for (const value of [NaN, Infinity]) {
      const bn = new BatchNorm(2);
      bn[name]![1] = value;
      assert.throws(() => fold(bn, options), `batchnorm: fold: "${name}[1]" expected a finite number, got ${value}`);
    }
  }
  const statistics = { mean: [0, NaN], variance: [1, 1], epsilon: 0 };
  assert.throws(() => fold(statistics, options), 'fold: "mean[1]" expected a finite number, got NaN');
  assert.throws(
    () => fold({ mean: [0, 0], variance: [1, 1e-300], epsilon: 0 }, options),
    'fold: "weights[2]" expected a finite number when folded, got Infinity',
  );
  assert.throws(() => fold({ mean: [0, 0], variance: [1, -1], epsilon: 0 }, options), /"variance\[1\]".*got -1/);
  const bad = { ...options, weights: Float32Array.of(1, NaN, 3, 4), out: undefined };
  assert.throws(() => fold(new BatchNorm(2), bad), 'fold: "weights[1]" expected a finite number, got NaN');
  assert.equal([...weights], [1, 2, 3, 4]);
});

test('what does not fit is refused with what was expected', () => {
  const weights = new Float32Array(24);
  const good = { weights, shape: [4, 6], layout: 'OI' } satisfies FoldOptions<Float32Array>;
  const cases: [object, RegExp][] = [
    [{ layout: 'NCHW' }, /"layout" expected 'OI', .*'DHWIM', got "NCHW"$/],
    [{ layout: undefined }, /"layout" expected/],
    [{ shape: [4, 6, 1] }, /"shape" expected 2 dimensions, those of layout 'OI', got 3 \(shape \[4, 6, 1\]\)$/],
    [{ shape: [4, 0] }, /"shape\[1\]" expected at least 1, got 0$/],
    [{ shape: 24 }, /"shape" expected the dimensions of the weights, got 24$/],
    [{ shape: [4, 5] }, /"weights" expected .* of length 20 \(shape \[4, 5\]\), got Float32Array of length 24$/],
    [{ layout: 'IO' }, /"layer" expected as many channels \(it has 4\) as the weights' outputs, got 6 outputs/],
    [{ into: 'next' }, /"layer" expected as many channels \(it has 4\) as the weights' inputs, got 6 inputs/],
    [{ into: 'after' }, /"into" expected 'previous' or 'next', got "after"$/],
    [{ padding: 1 }, /"padding" expected 'none', got 1$/],
    [{ groups: 2 }, /"groups" expected 1: a dense layout has no groups, got 2$/],
    [{ groups: 0 }, /"groups" expected at least 1, got 0$/],
    [
      { layout: 'OIW', shape: [4, 6, 1], groups: 3 },
      /"groups" expected a divisor of 4 \(axis O of shape \[4, 6, 1\]\), got 3$/,
    ],
    [
      { bias: new Float32Array(3) },
      /"bias" expected Float32Array of length 4 \(outputs\), got Float32Array of length 3$/,
    ],
    [{ bias: new Float64Array(4) }, /"bias" expected Float32Array of length 4/],
    [{ out: new Float32Array(3) }, /"out" expected Float32Array of length 24/],
    [{ outBias: weights.subarray(0, 4) }, /"outBias" expected memory of its own, got an overlap with "weights"$/],
    [{ inputs: new Float32Array(7) }, /"inputs" expected a multiple of 6 numbers/],
    [{ inputs: Float32Array.of(0, 0, NaN, 0, 0, 0) }, /"inputs\[2\]" expected a finite number, got NaN$/],
    [{ inputs: [1] }, /"inputs" expected Float32Array or Float64Array/],
    [{ weight: weights }, /did you mean "weights"\?$/],
    [{ dropActivation: 1 }, /"dropActivation" expected true or false, got 1$/],
  ];
  const bn = new BatchNorm(4);
  assert.equal(fold(bn, good).bound.constant >= 0, true);
  for (const [change, message] of cases) {
    assert.throws(() => fold(bn, { ...good, ...change } as FoldOptions<Float32Array>), message);
  }
  const plain = { mean: [0, 0, 0, 0], variance: [1, 1, 1, 1], epsilon: 0 };
  const others: [unknown, RegExp][] = [
    [null, /"layer" expected an object, got null$/],
    [{ ...plain, epsilon: undefined }, /"epsilon" expected a number, got undefined$/],
    [{ ...plain, mean: undefined }, /"mean" expected an array of numbers, one for each channel, got undefined$/],
    [{ ...plain, gamma: [1] }, /"gamma" expected 4 numbers \(channels\), got Array of length 1$/],
    [{ ...plain, beta: ['1', 2, 3, 4] }, /"beta\[0\]" expected a number, got "1"$/],
    [{ ...plain, momentum: 0.1 }, /"momentum"/],
    [{ state: () => 0 }, /"layer" expected a BatchNorm or its statistics/],
  ];
  for (const [layer, message] of others) assert.throws(() => fold(layer as BatchNorm, good), message);
  const batch = new BatchNorm(4);
  batch.normalizeWith = { sample: 0.1 };
  assert.throws(() => fold(batch, good), /"layer.normalizeWith" expected 'mode' or 'running': only constants/);
  batch.normalizeWith = 'batch';
  assert.throws(() => fold(batch, good), /"layer.normalizeWith" expected 'mode' or 'running': only constants/);
});
