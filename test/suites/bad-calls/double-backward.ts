// Wrong arguments of doubleBackward; what it has in common with backward is checked by the same functions.
import { type BadCall, wrong } from './table.js';

const F3 = 'Float32Array of length 3 (channels)';
const F6 = 'Float32Array of length 6 (shape [2, 3])';

export const doubleBackwardCalls: readonly BadCall[] = [
  [
    'dy too short, twice',
    (f) => f.backTwice({}, f.dy.subarray(1)),
    RangeError,
    `doubleBackward: "dy" expected ${F6}, got Float32Array of length 5`,
  ],
  [
    'ddx too short',
    (f) => f.backTwice({ ddx: f.x.subarray(3) }),
    RangeError,
    `doubleBackward: "ddx" expected ${F6}, got Float32Array of length 3`,
  ],
  [
    'ddgamma of the other type',
    (f) => f.backTwice({ ddgamma: wrong(f.mean) }),
    TypeError,
    `doubleBackward: "ddgamma" expected ${F3}, got Float64Array of length 3`,
  ],
  [
    'ddbeta is a number',
    (f) => f.backTwice({ ddbeta: wrong(1) }),
    TypeError,
    `doubleBackward: "ddbeta" expected ${F3}, got 1`,
  ],
  [
    'ddresidual of no residual',
    (f) => f.backTwice({ ddresidual: f.x }),
    TypeError,
    'doubleBackward: "ddresidual" expected nothing without a residual, got Float32Array of length 6',
  ],
  [
    'ddresidual too short',
    (f) => f.backTwice({ residual: f.x, ddresidual: f.x.subarray(1) }),
    RangeError,
    `doubleBackward: "ddresidual" expected ${F6}, got Float32Array of length 5`,
  ],
  [
    'a mask with weights, twice',
    (f) => f.backTwice({ mask: [1, 0.5] }),
    RangeError,
    'doubleBackward: "mask[1]" expected 0 or 1, got 0.5',
  ],
  [
    'sums of a whole batch, twice',
    (f) => f.backTwice(wrong({ sums: null })),
    TypeError,
    'doubleBackward: "options" has no "sums"; known are dtype, axis, epsilon, mean, variance, statistics, summation, ' +
      'gamma, beta, residual, activation, mask, ddx, ddgamma, ddbeta, ddresidual',
  ],
  [
    'variance negative, twice',
    (f) => f.backTwice({ variance: [1, 1, -1] }),
    RangeError,
    'doubleBackward: "variance[2]" expected a variance >= 0, got -1',
  ],
  [
    'unknown statistics, twice',
    (f) => f.backTwice({ statistics: wrong('running') }),
    RangeError,
    'doubleBackward: "statistics" expected \'batch\' or \'given\', got "running"',
  ],
];
