// forward, backward and setStatistics of a BatchNorm.
import { allocate, BatchNorm, Moments, release } from 'batchnorm';
import { type BadCall, detached, wrong } from './table.js';

const F6 = 'Float32Array of length 6 (shape [2, 3])';
const AS_X = 'Float32Array of length 6 (as x)';

export const layerCalls: readonly BadCall[] = [
  [
    'x of the other type',
    (f) => f.bn.forward(wrong(new Float64Array(6)), f.shape),
    TypeError,
    `BatchNorm.forward: "x" expected ${F6}, got Float64Array of length 6`,
  ],
  [
    'other channels',
    (f) => f.bn.forward(f.x, [3, 2]),
    RangeError,
    'BatchNorm.forward: "shape" expected 3 channels on the channel axis, got 2 (shape [3, 2])',
  ],
  [
    'one value per channel',
    (f) => f.bn.forward(f.x.subarray(3), [1, 3]),
    RangeError,
    'BatchNorm.forward: "shape" expected more than one value per channel in training, got one (shape [1, 3]); ' +
      "pass singleValue: 'allow' for variance 0 (y = beta), or normalise by the running statistics with eval()",
  ],
  [
    'no such axis',
    (f) => f.bn.forward(f.x, [6]),
    RangeError,
    'BatchNorm.forward: "axis" expected an integer from -1 to 0 (rank 1), got 1',
  ],
  [
    'out of the wrong length',
    (f) => f.bn.forward(f.x, f.shape, { out: new Float32Array(5) }),
    RangeError,
    `BatchNorm.forward: "out" expected ${F6}, got Float32Array of length 5`,
  ],
  [
    'residual detached',
    (f) => f.bn.forward(f.x, f.shape, { residual: detached(6), out: f.out }),
    TypeError,
    `BatchNorm.forward: "residual" expected ${F6}, got Float32Array whose buffer is detached`,
  ],
  [
    'out over gamma',
    (f) => f.bn.forward(f.x.subarray(3), [1, 3], { out: f.bn.gamma! }),
    RangeError,
    'BatchNorm.forward: "out" expected memory of its own, got an overlap with "gamma"',
  ],
  [
    'out over the running mean',
    (f) => f.bn.forward(f.x, f.shape, { out: new Float32Array(f.bn.runningMean.buffer) }),
    RangeError,
    'BatchNorm.forward: "out" expected memory of its own, got an overlap with "runningMean"',
  ],
  [
    'misspelt',
    (f) => f.bn.forward(f.x, f.shape, wrong({ output: f.out })),
    TypeError,
    'BatchNorm.forward: "options" has no "output"; known are out, residual, mask, update, rMax, dMax',
  ],
  [
    'negative running variance',
    () => {
      const bn = new BatchNorm(2).eval();
      bn.runningVariance[1] = -1;
      return bn.forward(new Float32Array(4), [2, 2]);
    },
    RangeError,
    'BatchNorm.forward: "runningVariance[1]" expected a variance >= 0, got -1',
  ],
  [
    'gamma moved to a worker',
    () => {
      const bn = new BatchNorm(2);
      structuredClone(bn.gamma, { transfer: [bn.gamma!.buffer as ArrayBuffer] });
      return bn.forward(new Float32Array(4), [2, 2]);
    },
    TypeError,
    'BatchNorm.forward: "gamma" expected Float32Array of length 2 (channels), got Float32Array whose buffer is ' +
      'detached',
  ],
  [
    'before any forward',
    (f) => new BatchNorm(3).backward(f.dy),
    Error,
    'BatchNorm.backward: there is no forward before it whose input is kept',
  ],
  [
    'after forget',
    (f) => {
      const bn = new BatchNorm(3);
      bn.forward(f.x, f.shape);
      bn.forget();
      return bn.backward(f.dy);
    },
    Error,
    'BatchNorm.backward: there is no forward before it whose input is kept',
  ],
  [
    'after a forward in place',
    () => {
      const bn = new BatchNorm(2);
      const x = new Float32Array(4);
      bn.forward(x, [2, 2], { out: x });
      return bn.backward(new Float32Array(4));
    },
    Error,
    'BatchNorm.backward: the last forward wrote its result over x; give it another out, or none',
  ],
  [
    'over a residual that is needed',
    () => {
      const bn = new BatchNorm(2, { activation: 'relu' });
      const residual = new Float32Array(4);
      bn.forward(new Float32Array(4), [2, 2], { residual, out: residual });
      return bn.backward(new Float32Array(4));
    },
    Error,
    'BatchNorm.backward: the last forward wrote its result over the residual; give it another out, or none',
  ],
  [
    'x released',
    () => {
      const bn = new BatchNorm(2);
      const x = allocate(4);
      bn.forward(x, [2, 2]);
      release(x);
      return bn.backward(new Float32Array(4));
    },
    Error,
    'BatchNorm.backward: "x" of the last forward had length 4 and is now a released Float32Array',
  ],
  [
    'residual released',
    () => {
      const bn = new BatchNorm(2, { activation: 'relu' });
      const residual = allocate(4);
      bn.forward(new Float32Array(4), [2, 2], { residual });
      release(residual);
      return bn.backward(new Float32Array(4));
    },
    Error,
    'BatchNorm.backward: "residual" of the last forward had length 4 and is now a released Float32Array',
  ],
  [
    'dy too short',
    (f) => f.bn.backward(f.dy.subarray(1)),
    RangeError,
    `BatchNorm.backward: "dy" expected ${AS_X}, got Float32Array of length 5`,
  ],
  [
    'dx over x',
    (f) => f.bn.backward(f.dy, { out: f.x }),
    RangeError,
    'BatchNorm.backward: "out" expected memory of its own, got an overlap with "x"',
  ],
  [
    'dy over dgamma',
    () => {
      const bn = new BatchNorm(4, { singleValue: 'allow' });
      bn.forward(new Float32Array(4), [1, 4]);
      bn.backward(new Float32Array(4));
      return bn.backward(bn.dgamma!);
    },
    RangeError,
    'BatchNorm.backward: "dgamma" expected memory of its own, got an overlap with "dy"',
  ],
  [
    'a gradient of no residual',
    (f) => f.bn.backward(f.dy, { outResidual: f.out }),
    TypeError,
    'BatchNorm.backward: "outResidual" expected nothing without a residual in the forward, got Float32Array of ' +
      'length 6',
  ],
  [
    'misspelt',
    (f) => f.bn.backward(f.dy, wrong({ outresidual: f.out })),
    TypeError,
    'BatchNorm.backward: "options" has no "outresidual"; did you mean "outResidual"?',
  ],
  [
    'not moments',
    (f) => f.bn.setStatistics(wrong({ mean: [1, 2, 3] })),
    TypeError,
    'BatchNorm.setStatistics: "moments" expected Moments, got an object (Object)',
  ],
  [
    'other channels',
    (f) => f.bn.setStatistics(new Moments(2)),
    RangeError,
    'BatchNorm.setStatistics: "moments.channels" expected 3, got 2',
  ],
  [
    'of no data',
    (f) => f.bn.setStatistics(new Moments(3)),
    RangeError,
    'BatchNorm.setStatistics: "moments.count[0]" expected at least one value in each channel, got 0',
  ],
];
