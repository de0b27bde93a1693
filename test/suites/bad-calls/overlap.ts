// Outputs that overlap what they must not.
import { backward, forwardTraining } from 'batchnorm';
import { type BadCall, wrong } from './table.js';

export const overlapCalls: readonly BadCall[] = [
  [
    'out shares some of x',
    (f) => forwardTraining(f.x.subarray(0, 4), [2, 2], { out: f.x.subarray(2) }),
    RangeError,
    'forwardTraining: "out" expected "x" itself or memory of its own, got an overlap with "x"',
  ],
  [
    'out shares some of residual',
    () => {
      const all = new Float32Array(10);
      return forwardTraining(new Float32Array(6), [2, 3], { residual: all.subarray(0, 6), out: all.subarray(4) });
    },
    RangeError,
    'forwardTraining: "out" expected "residual" itself or memory of its own, got an overlap with "residual"',
  ],
  [
    'out over gamma',
    (f) => f.train({ gamma: f.out.subarray(3) }),
    RangeError,
    'forwardTraining: "out" expected memory of its own, got an overlap with "gamma"',
  ],
  [
    'out over beta',
    (f) => f.infer({ beta: f.out.subarray(0, 3) }),
    RangeError,
    'forwardInference: "out" expected memory of its own, got an overlap with "beta"',
  ],
  [
    'outMean over outVariance',
    (f) => f.train({ outVariance: f.outMean }),
    RangeError,
    'forwardTraining: "outMean" expected memory of its own, got an overlap with "outVariance"',
  ],
  [
    'out over outMean',
    (f) => f.train({ out: new Float32Array(f.outMean.buffer) }),
    RangeError,
    'forwardTraining: "out" expected memory of its own, got an overlap with "outMean"',
  ],
  [
    'outMean over x',
    () => {
      const x = new Float64Array(6);
      return forwardTraining(x, [2, 3], { outMean: x.subarray(0, 3) });
    },
    RangeError,
    'forwardTraining: "outMean" expected memory of its own, got an overlap with "x"',
  ],
  [
    'out over mean',
    (f) => f.infer({ mean: new Float64Array(f.out.buffer) }),
    RangeError,
    'forwardInference: "out" expected memory of its own, got an overlap with "mean"',
  ],
  [
    'out over a variance that would be copied',
    (f) => f.infer({ variance: wrong(f.out.subarray(3)) }),
    RangeError,
    'forwardInference: "out" expected memory of its own, got an overlap with "variance"',
  ],
  [
    'dx over x',
    (f) => f.back({ out: f.x }),
    RangeError,
    'backward: "out" expected memory of its own, got an overlap with "x"',
  ],
  [
    'dx over some of dy',
    () => {
      const all = new Float32Array(8);
      return backward(all.subarray(0, 6), new Float32Array(6), [2, 3], {
        mean: [0, 0, 0],
        variance: [1, 1, 1],
        out: all.subarray(2),
      });
    },
    RangeError,
    'backward: "out" expected "dy" itself or memory of its own, got an overlap with "dy"',
  ],
  [
    'dx and dresidual both over dy',
    (f) => f.back({ residual: f.x, out: f.dy, outResidual: f.dy }),
    RangeError,
    'backward: "out" expected memory of its own, got an overlap with "outResidual"',
  ],
  [
    'dresidual over the residual',
    (f) => {
      const residual = new Float32Array(6);
      return f.back({ residual, outResidual: residual });
    },
    RangeError,
    'backward: "outResidual" expected memory of its own, got an overlap with "residual"',
  ],
  [
    'dgamma over dbeta',
    (f) => f.back({ outGamma: f.outBeta }),
    RangeError,
    'backward: "outGamma" expected memory of its own, got an overlap with "outBeta"',
  ],
  [
    'dgamma over gamma',
    (f) => f.back({ gamma: f.outGamma }),
    RangeError,
    'backward: "outGamma" expected memory of its own, got an overlap with "gamma"',
  ],
  [
    'dbeta over dy',
    (f) => f.back({ outBeta: f.dy.subarray(0, 3) }),
    RangeError,
    'backward: "outBeta" expected memory of its own, got an overlap with "dy"',
  ],
];
