// Given statistics, and the arguments of backward.
import { forwardInference } from 'batchnorm';
import { type BadCall, detached, wrong } from './table.js';

const F3 = 'Float32Array of length 3 (channels)';
const F6 = 'Float32Array of length 6 (shape [2, 3])';

export const statisticsCalls: readonly BadCall[] = [
  [
    'no options',
    (f) => forwardInference(f.x, f.shape, wrong(undefined)),
    TypeError,
    'forwardInference: "options" expected an object, got undefined',
  ],
  [
    'no mean',
    (f) => forwardInference(f.x, f.shape, wrong({ variance: [1, 1, 1] })),
    TypeError,
    'forwardInference: "mean" expected an array of 3 numbers (channels), got undefined',
  ],
  [
    'mean is a number',
    (f) => f.infer({ mean: wrong(0) }),
    TypeError,
    'forwardInference: "mean" expected an array of 3 numbers (channels), got 0',
  ],
  [
    'mean too short',
    (f) => f.infer({ mean: [1, 2] }),
    RangeError,
    'forwardInference: "mean" expected an array of 3 numbers (channels), got Array of length 2',
  ],
  [
    'mean of float64, too short',
    (f) => f.infer({ mean: f.mean.subarray(1) }),
    RangeError,
    'forwardInference: "mean" expected Float64Array of length 3 (channels), got Float64Array of length 2',
  ],
  [
    'mean of bigints',
    (f) => f.infer({ mean: wrong(new BigInt64Array(3)) }),
    TypeError,
    'forwardInference: "mean[0]" expected a number, got 0n',
  ],
  [
    'a hole in mean',
    (f) => f.infer({ mean: wrong({ length: 3, 0: 1, 2: 3 }) }),
    TypeError,
    'forwardInference: "mean[1]" expected a number, got undefined',
  ],
  [
    'mean detached',
    (f) => f.infer({ mean: detached(3) }),
    TypeError,
    'forwardInference: "mean" expected an array of 3 numbers (channels), got Float32Array whose buffer is detached',
  ],
  [
    'variance negative',
    (f) => f.infer({ variance: [1, -1e-9, 1] }),
    RangeError,
    'forwardInference: "variance[1]" expected a variance >= 0, got -1e-9',
  ],
  [
    'variance negative, backward',
    (f) => f.back({ variance: Float64Array.of(1, 1, -Infinity) }),
    RangeError,
    'backward: "variance[2]" expected a variance >= 0, got -Infinity',
  ],
  [
    'dy too short',
    (f) => f.back({}, f.dy.subarray(1)),
    RangeError,
    `backward: "dy" expected ${F6}, got Float32Array of length 5`,
  ],
  [
    'dy of the other type',
    (f) => f.back({}, wrong(new Float64Array(6))),
    TypeError,
    `backward: "dy" expected ${F6}, got Float64Array of length 6`,
  ],
  [
    'unknown statistics',
    (f) => f.back({ statistics: wrong('running') }),
    RangeError,
    'backward: "statistics" expected \'batch\' or \'given\', got "running"',
  ],
  [
    'a gradient of no residual',
    (f) => f.back({ outResidual: new Float32Array(6) }),
    TypeError,
    'backward: "outResidual" expected nothing without a residual, got Float32Array of length 6',
  ],
  [
    'outGamma too long',
    (f) => f.back({ outGamma: new Float32Array(4) }),
    RangeError,
    `backward: "outGamma" expected ${F3}, got Float32Array of length 4`,
  ],
  [
    'outBeta of the other type',
    (f) => f.back({ outBeta: wrong(new Float64Array(3)) }),
    TypeError,
    `backward: "outBeta" expected ${F3}, got Float64Array of length 3`,
  ],
  [
    'outResidual too short',
    (f) => f.back({ residual: f.x, outResidual: new Float32Array(1) }),
    RangeError,
    `backward: "outResidual" expected ${F6}, got Float32Array of length 1`,
  ],
  [
    'misspelt',
    (f) => f.back(wrong({ outGama: f.outGamma })),
    TypeError,
    'backward: "options" has no "outGama"; did you mean "outGamma"?',
  ],
];
