// Wrong arguments of forwardTraining; forwardInference checks by the same functions.
import { clip, forwardTraining, leakyRelu } from 'batchnorm';
import { type BadCall, detached, shrunk, wrong } from './table.js';

const ACTIVATION = "'none', 'relu', 'relu6', leakyRelu(slope) or clip(min, max)";
const F3 = 'Float32Array of length 3 (channels)';
const F6 = 'Float32Array of length 6 (shape [2, 3])';
const X6 = 'Float32Array or Float64Array of length 6 (shape [2, 3])';

export const forwardCalls: readonly BadCall[] = [
  [
    'x is an array',
    (f) => forwardTraining(wrong<Float32Array>([1, 2]), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got Array of length 2; Float32Array.from(x) makes one`,
  ],
  [
    'x holds integers',
    (f) => forwardTraining(wrong<Float32Array>(new Int32Array(6)), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got Int32Array of length 6; Float32Array.from(x) makes one`,
  ],
  [
    'x is a DataView',
    (f) => forwardTraining(wrong<Float32Array>(new DataView(new ArrayBuffer(24))), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got an object (DataView); new Float32Array(x.buffer, x.byteOffset, ` +
      'x.byteLength / 4) makes one',
  ],
  [
    'x pretends',
    (f) => forwardTraining(Object.create(Float32Array.prototype), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got an object (Object)`,
  ],
  [
    'x is missing',
    (f) => forwardTraining(wrong<Float32Array>(undefined), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got undefined`,
  ],
  [
    'x too short',
    (f) => forwardTraining(f.x.subarray(1), f.shape),
    RangeError,
    `forwardTraining: "x" expected ${X6}, got Float32Array of length 5`,
  ],
  [
    'x detached',
    (f) => forwardTraining(detached(6), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got Float32Array whose buffer is detached`,
  ],
  [
    'x detached, and empty anyway',
    () => forwardTraining(detached(0), [0, 3]),
    TypeError,
    'forwardTraining: "x" expected Float32Array or Float64Array of length 0 (shape [0, 3]), got Float32Array ' +
      'whose buffer is detached',
  ],
  [
    'x lost its buffer',
    (f) => forwardTraining(shrunk(0, 6, 5), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got Float32Array outside its buffer, which has shrunk`,
  ],
  [
    'x lost its start',
    (f) => forwardTraining(shrunk(2, undefined, 1), f.shape),
    TypeError,
    `forwardTraining: "x" expected ${X6}, got Float32Array outside its buffer, which has shrunk`,
  ],
  [
    'x follows its buffer',
    (f) => forwardTraining(shrunk(2, undefined, 7), f.shape),
    RangeError,
    `forwardTraining: "x" expected ${X6}, got Float32Array of length 5 over a resizable buffer`,
  ],
  [
    'shape is a number',
    (f) => forwardTraining(f.x, wrong(6)),
    TypeError,
    'forwardTraining: "shape" expected an array of dimensions, got 6',
  ],
  [
    'shape is empty',
    (f) => forwardTraining(f.x, []),
    RangeError,
    'forwardTraining: "shape" expected at least one dimension, that of the channels, got Array of length 0',
  ],
  [
    'a negative dimension',
    (f) => f.train({}, [-2, -3]),
    RangeError,
    'forwardTraining: "shape[0]" expected an integer >= 0, got -2',
  ],
  [
    'half a dimension',
    (f) => f.train({}, [4, 1.5]),
    RangeError,
    'forwardTraining: "shape[1]" expected an integer >= 0, got 1.5',
  ],
  [
    'NaN is no dimension',
    (f) => f.train({}, [NaN, 3]),
    RangeError,
    'forwardTraining: "shape[0]" expected an integer >= 0, got NaN',
  ],
  [
    'a dimension of words',
    (f) => f.train({}, wrong(['2', 3])),
    TypeError,
    'forwardTraining: "shape[0]" expected an integer >= 0, got "2"',
  ],
  [
    'the product is not the length',
    (f) => f.train({}, [2, 4]),
    RangeError,
    'forwardTraining: "x" expected Float32Array or Float64Array of length 8 (shape [2, 4]), got Float32Array of ' +
      'length 6',
  ],
  [
    'the default axis does not exist',
    (f) => f.train({}, [6]),
    RangeError,
    'forwardTraining: "axis" expected an integer from -1 to 0 (rank 1), got 1 (the default)',
  ],
  [
    'axis too large',
    (f) => f.train({ axis: 2 }),
    RangeError,
    'forwardTraining: "axis" expected an integer from -2 to 1 (rank 2), got 2',
  ],
  [
    'axis too small',
    (f) => f.train({ axis: -3 }),
    RangeError,
    'forwardTraining: "axis" expected an integer from -2 to 1 (rank 2), got -3',
  ],
  [
    'half an axis',
    (f) => f.train({ axis: 0.5 }),
    RangeError,
    'forwardTraining: "axis" expected an integer from -2 to 1 (rank 2), got 0.5',
  ],
  [
    'axis in words',
    (f) => f.train({ axis: wrong('1') }),
    TypeError,
    'forwardTraining: "axis" expected an integer, got "1"',
  ],
  [
    'epsilon negative',
    (f) => f.train({ epsilon: -1e-5 }),
    RangeError,
    'forwardTraining: "epsilon" expected a finite number >= 0, got -0.00001',
  ],
  [
    'epsilon NaN',
    (f) => f.train({ epsilon: NaN }),
    RangeError,
    'forwardTraining: "epsilon" expected a finite number >= 0, got NaN',
  ],
  [
    'epsilon infinite',
    (f) => f.train({ epsilon: Infinity }),
    RangeError,
    'forwardTraining: "epsilon" expected a finite number >= 0, got Infinity',
  ],
  [
    'epsilon in words',
    (f) => f.train({ epsilon: wrong('1e-5') }),
    TypeError,
    'forwardTraining: "epsilon" expected a number, got "1e-5"',
  ],
  [
    'gamma too short',
    (f) => f.train({ gamma: new Float32Array(2) }),
    RangeError,
    `forwardTraining: "gamma" expected ${F3}, got Float32Array of length 2`,
  ],
  [
    'gamma of the other type',
    (f) => f.train({ gamma: wrong(new Float64Array(3)) }),
    TypeError,
    `forwardTraining: "gamma" expected ${F3}, got Float64Array of length 3`,
  ],
  [
    'gamma null',
    (f) => f.train({ gamma: wrong(null) }),
    TypeError,
    `forwardTraining: "gamma" expected ${F3}, got null`,
  ],
  [
    'beta is an array',
    (f) => f.train({ beta: wrong([0, 0, 0]) }),
    TypeError,
    `forwardTraining: "beta" expected ${F3}, got Array of length 3; Float32Array.from(beta) makes one`,
  ],
  [
    'residual too long',
    (f) => f.train({ residual: new Float32Array(7) }),
    RangeError,
    `forwardTraining: "residual" expected ${F6}, got Float32Array of length 7`,
  ],
  [
    'unknown activation',
    (f) => f.train({ activation: wrong('gelu') }),
    RangeError,
    `forwardTraining: "activation" expected ${ACTIVATION}, got "gelu"`,
  ],
  [
    'activation is a function',
    (f) => f.train({ activation: wrong(Math.tanh) }),
    TypeError,
    `forwardTraining: "activation" expected ${ACTIVATION}, got a function`,
  ],
  [
    'activation without a name',
    (f) => f.train({ activation: wrong({ slope: 0.1 }) }),
    TypeError,
    `forwardTraining: "activation" expected ${ACTIVATION}, got an object (Object)`,
  ],
  [
    'activation of another name',
    (f) => f.infer({ activation: wrong({ name: 'elu', alpha: 1 }) }),
    RangeError,
    'forwardInference: "activation.name" expected \'leakyRelu\' or \'clip\', got "elu"',
  ],
  [
    'slope of Keras',
    (f) => f.train({ activation: wrong({ name: 'leakyRelu', negative_slope: 0.3 }) }),
    TypeError,
    'forwardTraining: "activation" has no "negative_slope"; known are name, slope',
  ],
  [
    'slope missing',
    (f) => f.back({ activation: wrong({ name: 'leakyRelu' }) }),
    TypeError,
    'backward: "activation.slope" expected a finite number, got undefined',
  ],
  [
    'slope infinite',
    () => leakyRelu(Infinity),
    RangeError,
    'leakyRelu: "slope" expected a finite number, got Infinity',
  ],
  [
    'slope in words',
    () => leakyRelu(wrong('0.1')),
    TypeError,
    'leakyRelu: "slope" expected a finite number, got "0.1"',
  ],
  ['clip from NaN', () => clip(NaN, 1), RangeError, 'clip: "min" expected a number, got NaN'],
  ['clip to NaN', () => clip(0, NaN), RangeError, 'clip: "max" expected a number above min, 0, got NaN'],
  ['clip to nothing', () => clip(1, 1), RangeError, 'clip: "max" expected a number above min, 1, got 1'],
  [
    'clip without max',
    () => clip(0, wrong(undefined)),
    TypeError,
    'clip: "max" expected a number above min, 0, got undefined',
  ],
  [
    'clip that JSON has spoilt',
    (f) => f.train({ activation: JSON.parse(JSON.stringify(clip(0, Infinity))) }),
    TypeError,
    'forwardTraining: "activation.max" expected a number above min, 0, got null',
  ],
  [
    'singleValue true',
    (f) => f.train({ singleValue: wrong(true) }),
    TypeError,
    "forwardTraining: \"singleValue\" expected 'throw' or 'allow', got true",
  ],
  [
    'one value per channel',
    (f) => forwardTraining(f.x, [1, 6], { out: f.out }),
    RangeError,
    'forwardTraining: "shape" expected more than one value per channel in training, got one (shape [1, 6]); pass ' +
      "singleValue: 'allow' for variance 0 (y = beta), or normalise by known statistics with forwardInference",
  ],
  [
    'out too short',
    (f) => f.train({ out: f.out.subarray(0, 5) }),
    RangeError,
    `forwardTraining: "out" expected ${F6}, got Float32Array of length 5`,
  ],
  [
    'outMean in float32',
    (f) => f.train({ outMean: wrong(new Float32Array(3)) }),
    TypeError,
    'forwardTraining: "outMean" expected Float64Array of length 3 (channels), got Float32Array of length 3',
  ],
  [
    'outVariance detached',
    (f) => f.train({ outVariance: wrong(detached(3)) }),
    TypeError,
    'forwardTraining: "outVariance" expected Float64Array of length 3 (channels), got Float32Array whose buffer ' +
      'is detached',
  ],
  [
    'options in their place',
    (f) => forwardTraining(f.x, f.shape, wrong(f.out)),
    TypeError,
    'forwardTraining: "options" expected an object, got Float32Array of length 6',
  ],
  [
    'options null',
    (f) => forwardTraining(f.x, f.shape, wrong(null)),
    TypeError,
    'forwardTraining: "options" expected an object, got null',
  ],
  [
    'a letter too many',
    (f) => f.train(wrong({ epsillon: 1e-3 })),
    TypeError,
    'forwardTraining: "options" has no "epsillon"; did you mean "epsilon"?',
  ],
  [
    'abbreviated',
    (f) => f.train(wrong({ eps: 1e-3 })),
    TypeError,
    'forwardTraining: "options" has no "eps"; did you mean "epsilon"?',
  ],
  [
    'capital letters',
    (f) => f.train(wrong({ outmean: undefined })),
    TypeError,
    'forwardTraining: "options" has no "outmean"; did you mean "outMean"?',
  ],
  [
    'nothing like it',
    (f) => f.infer(wrong({ training: false })),
    TypeError,
    'forwardInference: "options" has no "training"; known are dtype, axis, epsilon, mean, variance, gamma, ' +
      'beta, residual, activation, mask, out',
  ],
  [
    'momentum',
    (f) => f.train(wrong({ momentum: 0.9 })),
    TypeError,
    'forwardTraining: "momentum" belongs to running statistics, and this function keeps none; see updateRate and ' +
      'decay of BatchNorm',
  ],
];
