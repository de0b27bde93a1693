// Variants that make no sense, alone or together.
import { BatchNorm, type BatchNormOptions, type Reducer } from 'batchnorm';
import { type BadCall, wrong } from './table.js';

const layer = (options: object) => new BatchNorm(3, wrong<BatchNormOptions>(options));
const reducer: Reducer = { rank: 0, size: 1, exchange: (values) => [values] };

export const variantsCalls: readonly BadCall[] = [
  [
    'ghost batches of nothing',
    () => layer({ ghostBatchSize: 0 }),
    RangeError,
    'BatchNorm: "ghostBatchSize" expected at least 1 sample, got 0',
  ],
  [
    'half a sample',
    () => layer({ ghostBatchSize: 1.5 }),
    RangeError,
    'BatchNorm: "ghostBatchSize" expected an integer >= 0, got 1.5',
  ],
  [
    'ghost batches of channels',
    () => layer({ ghostBatchSize: 2, axis: 0 }),
    RangeError,
    'BatchNorm: "axis" expected another axis than that of the samples, for ghostBatchSize, got 0',
  ],
  [
    'ghost batches over workers',
    () => layer({ ghostBatchSize: 2, synchronize: reducer }),
    TypeError,
    'BatchNorm: "synchronize" expected nothing beside ghostBatchSize, got an object (Object)',
  ],
  [
    'grouping',
    () => layer({ grouping: 'random' }),
    RangeError,
    'BatchNorm: "grouping" expected \'consecutive\' or \'interleaved\', got "random"',
  ],
  [
    'grouping of nothing',
    () => layer({ grouping: 'interleaved' }),
    TypeError,
    'BatchNorm: "grouping" expected nothing without ghostBatchSize, got "interleaved"',
  ],
  ['no groups', () => layer({ groups: 0 }), RangeError, 'BatchNorm: "groups" expected at least 1 group, got 0'],
  [
    'groups that do not divide',
    () => layer({ groups: 2 }),
    RangeError,
    'BatchNorm: "groups" expected a divisor of the number of channels, 3, got 2',
  ],
  [
    'onNonFinite',
    () => layer({ onNonFinite: 'ignore' }),
    RangeError,
    "BatchNorm: \"onNonFinite\" expected 'propagate', 'skip' or 'throw', got \"ignore\"",
  ],
  [
    'debiased and cumulative',
    () => layer({ debias: true, updateRate: 'cumulative' }),
    RangeError,
    'BatchNorm: "updateRate" expected a number, for debias, got "cumulative"',
  ],
  ['renorm 1', () => layer({ renorm: 1 }), TypeError, 'BatchNorm: "renorm" expected true, false or an object, got 1'],
  [
    'rMax below 1',
    () => layer({ renorm: { rMax: 0.5 } }),
    RangeError,
    'BatchNorm: "renorm.rMax" expected a number >= 1, got 0.5',
  ],
  [
    'dMax negative',
    () => layer({ renorm: { dMax: -1 } }),
    RangeError,
    'BatchNorm: "renorm.dMax" expected a number >= 0, got -1',
  ],
  [
    'limits without renorm',
    (f) => f.bn.forward(f.x, f.shape, { rMax: 2, out: f.out }),
    TypeError,
    'BatchNorm.forward: "rMax" expected nothing without renorm, got 2',
  ],
  [
    'update in words',
    (f) => f.bn.forward(f.x, f.shape, wrong({ update: 'no', out: f.out })),
    TypeError,
    'BatchNorm.forward: "update" expected true or false, got "no"',
  ],
  [
    'a mask with a negative weight',
    (f) => f.bn.forward(f.x, f.shape, { mask: [-0.5, 1], out: f.out }),
    RangeError,
    'BatchNorm.forward: "mask[0]" expected 0, 1 or a finite weight >= 0, got -0.5',
  ],
  [
    'a mask that leaves one value',
    (f) => f.bn.forward(f.x, f.shape, { mask: [1, 0], out: f.out }),
    RangeError,
    'BatchNorm.forward: "shape" expected more than one value per channel in training, got one (shape [2, 3], ' +
      'masked); ' +
      "pass singleValue: 'allow' for variance 0 (y = beta), or normalise by the running statistics with eval()",
  ],
  [
    'a mixture without its weight',
    (f) => Object.assign(f.bn, { normalizeWith: { running: 0.5 } }),
    TypeError,
    'BatchNorm: "normalizeWith.sample" expected a weight from 0 to 1, got undefined',
  ],
  [
    'a mixture above 1',
    (f) => Object.assign(f.bn, { normalizeWith: { sample: 1.5 } }),
    RangeError,
    'BatchNorm: "normalizeWith.sample" expected a weight from 0 to 1, got 1.5',
  ],
  [
    'weights that are not 1 together',
    (f) => Object.assign(f.bn, { normalizeWith: { sample: 0.25, running: 0.25 } }),
    RangeError,
    'BatchNorm: "normalizeWith.running" expected 1 - sample, 0.75, got 0.25',
  ],
  [
    'a mixture of what is unknown',
    (f) => Object.assign(f.bn, { normalizeWith: { sample: 0.25, batch: 0.75 } }),
    TypeError,
    'BatchNorm: "normalizeWith" has no "batch"; known are sample, running',
  ],
  [
    'samples of channels',
    (f) => Object.assign(new BatchNorm(2, { axis: 0 }).eval(), { normalizeWith: { sample: 0.5 } }).forward(f.x, [2, 3]),
    RangeError,
    'BatchNorm.forward: "shape" expected an axis of samples before that of the channels, for normalizeWith, got [2, 3]',
  ],
  [
    'normalizeWith',
    (f) => Object.assign(f.bn, { normalizeWith: 'both' }),
    RangeError,
    "BatchNorm: \"normalizeWith\" expected 'mode', 'batch' or 'running', got \"both\"",
  ],
];
