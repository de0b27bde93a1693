// The options of a BatchNorm, and the state of one.
import { BatchNorm, type BatchNormOptions, type BatchNormState } from 'batchnorm';
import { type BadCall, type Fixture, wrong } from './table.js';

function layer(options: unknown): BatchNorm {
  return new BatchNorm(3, wrong<BatchNormOptions<'float32'>>(options));
}

function restored(f: Fixture, changes: object): unknown {
  return BatchNorm.fromState({ ...f.bn.state(), ...changes } as BatchNormState);
}

const MOMENTUM =
  'BatchNorm: "momentum" is refused, because the word has two opposite meanings. momentum 0.9 of PyTorch is ' +
  'updateRate: 0.9 (running = (1 - updateRate)*running + updateRate*batch); momentum 0.9 of Keras, TensorFlow, ' +
  'flax and ONNX is decay: 0.9 (decay = 1 - updateRate, so updateRate: 0.1)';

const STATE_FIELDS =
  'format, channels, axis, epsilon, updateRate, debias, varianceEstimator, scale, center, activation, ' +
  'singleValue, dtype, summation, ghostBatchSize, grouping, groups, renorm, onNonFinite, training, normalizeWith, ' +
  'updateStatistics, learn, batchesTracked, valuesTracked, debiasWeight, gamma, beta, runningMean, ' +
  'runningVariance, renormMean, renormDeviation';

export const settingsCalls: readonly BadCall[] = [
  ['channels negative', () => new BatchNorm(-1), RangeError, 'BatchNorm: "channels" expected an integer >= 0, got -1'],
  [
    'options in place of channels',
    () => new BatchNorm(wrong({})),
    TypeError,
    'BatchNorm: "channels" expected an integer >= 0, got an object (Object)',
  ],
  ['momentum', () => layer({ momentum: 0.9 }), TypeError, MOMENTUM],
  [
    'momentum, of nothing',
    () => layer({ momentum: undefined }),
    TypeError,
    MOMENTUM.replaceAll('0.9', '0.1').replace('so updateRate: 0.1', 'so updateRate: 0.9'),
  ],
  [
    'both conventions',
    () => layer({ updateRate: 0.1, decay: 0.9 }),
    TypeError,
    'BatchNorm: "decay" expected nothing beside updateRate (= 1 - decay), got 0.9',
  ],
  [
    'updateRate too large',
    () => layer({ updateRate: 1.5 }),
    RangeError,
    "BatchNorm: \"updateRate\" expected a number from 0 to 1, 'cumulative' or 'pooled', got 1.5",
  ],
  [
    'updateRate NaN',
    () => layer({ updateRate: NaN }),
    RangeError,
    "BatchNorm: \"updateRate\" expected a number from 0 to 1, 'cumulative' or 'pooled', got NaN",
  ],
  [
    'updateRate misspelt',
    () => layer({ updateRate: 'cummulative' }),
    RangeError,
    'BatchNorm: "updateRate" expected a number from 0 to 1, \'cumulative\' or \'pooled\', got "cummulative"',
  ],
  [
    'updateRate null',
    () => layer({ updateRate: null }),
    TypeError,
    "BatchNorm: \"updateRate\" expected a number from 0 to 1, 'cumulative' or 'pooled', got null",
  ],
  [
    'decay negative',
    () => layer({ decay: -0.1 }),
    RangeError,
    'BatchNorm: "decay" expected a number from 0 to 1, got -0.1',
  ],
  [
    'varianceEstimator',
    () => layer({ varianceEstimator: 'sample' }),
    RangeError,
    'BatchNorm: "varianceEstimator" expected \'unbiased\' or \'biased\', got "sample"',
  ],
  ['scale 1', () => layer({ scale: 1 }), TypeError, 'BatchNorm: "scale" expected true or false, got 1'],
  ['center null', () => layer({ center: null }), TypeError, 'BatchNorm: "center" expected true or false, got null'],
  [
    'activation null',
    () => layer({ activation: null }),
    TypeError,
    "BatchNorm: \"activation\" expected 'none', 'relu', 'relu6', leakyRelu(slope) or clip(min, max), got null",
  ],
  [
    'activation misspelt in a state',
    (f) => restored(f, { activation: 'relu7' }),
    RangeError,
    "BatchNorm.fromState: \"activation\" expected 'none', 'relu', 'relu6', leakyRelu(slope) or clip(min, max), " +
      'got "relu7"',
  ],
  [
    'a bound in a state in words',
    (f) => restored(f, { activation: { name: 'clip', min: 'zero', max: 6 } }),
    RangeError,
    "BatchNorm.fromState: \"activation.min\" expected a number, 'NaN', 'Infinity', '-Infinity' or '-0', got \"zero\"",
  ],
  ['axis NaN', () => layer({ axis: NaN }), RangeError, 'BatchNorm: "axis" expected an integer, got NaN'],
  ['axis in words', () => layer({ axis: 'last' }), TypeError, 'BatchNorm: "axis" expected an integer, got "last"'],
  [
    'epsilon negative',
    () => layer({ epsilon: -1 }),
    RangeError,
    'BatchNorm: "epsilon" expected a finite number >= 0, got -1',
  ],
  [
    'dtype',
    () => layer({ dtype: 'float8' }),
    RangeError,
    "BatchNorm: \"dtype\" expected 'float32', 'float64', 'float16' or 'bfloat16', got \"float8\"",
  ],
  [
    'misspelt',
    () => layer({ updaterate: 0.1 }),
    TypeError,
    'BatchNorm: "options" has no "updaterate"; did you mean "updateRate"?',
  ],
  [
    'of another library',
    () => layer({ affine: true }),
    TypeError,
    'BatchNorm: "options" has no "affine"; known are axis, epsilon, updateRate, decay, debias, ' +
      'varianceEstimator, scale, center, activation, singleValue, dtype, summation, ghostBatchSize, grouping, ' +
      'groups, renorm, onNonFinite, synchronize, gradients',
  ],
  [
    'no state',
    () => BatchNorm.fromState(wrong<BatchNormState>(undefined)),
    TypeError,
    'BatchNorm.fromState: "state" expected an object, got undefined',
  ],
  [
    'another format',
    (f) => restored(f, { format: 'batchnorm/3' }),
    RangeError,
    'BatchNorm.fromState: "format" expected \'batchnorm/2\', got "batchnorm/3"',
  ],
  [
    'a field is missing',
    (f) => restored(f, { epsilon: undefined }),
    TypeError,
    'BatchNorm.fromState: "state" lacks "epsilon"',
  ],
  [
    'a field too many',
    (f) => restored(f, { weights: [] }),
    TypeError,
    `BatchNorm.fromState: "state" has no "weights"; known are ${STATE_FIELDS}`,
  ],
  [
    'both conventions',
    (f) => restored(f, { decay: 0.9 }),
    TypeError,
    `BatchNorm.fromState: "state" has no "decay"; known are ${STATE_FIELDS}`,
  ],
  [
    'channels differ',
    (f) => restored(f, { channels: 4 }),
    RangeError,
    'BatchNorm.fromState: "runningVariance" expected an array of 4 numbers (channels), got Array of length 3',
  ],
  [
    'training 1',
    (f) => restored(f, { training: 1 }),
    TypeError,
    'BatchNorm.fromState: "training" expected true or false, got 1',
  ],
  [
    'batchesTracked negative',
    (f) => restored(f, { batchesTracked: -1 }),
    RangeError,
    'BatchNorm.fromState: "batchesTracked" expected an integer >= 0, got -1',
  ],
  [
    'runningVariance negative',
    (f) => restored(f, { runningVariance: [1, -1, 1] }),
    RangeError,
    'BatchNorm.fromState: "runningVariance[1]" expected a variance >= 0, got -1',
  ],
  [
    'runningMean null',
    (f) => restored(f, { runningMean: [1, null, 1] }),
    TypeError,
    "BatchNorm.fromState: \"runningMean[1]\" expected a number, 'NaN', 'Infinity', '-Infinity' or '-0', got null",
  ],
  [
    'gamma too precise',
    (f) => restored(f, { gamma: [1, 0.1, 1] }),
    RangeError,
    'BatchNorm.fromState: "gamma[1]" expected a float32 value, got 0.1',
  ],
  [
    'gamma missing',
    (f) => restored(f, { gamma: null }),
    TypeError,
    'BatchNorm.fromState: "gamma" expected an array of 3 numbers (channels), got null',
  ],
  [
    'beta without center',
    (f) => restored(f, { center: false }),
    TypeError,
    'BatchNorm.fromState: "beta" expected null (center is false), got Array of length 3',
  ],
  [
    'updateRate wrong',
    (f) => restored(f, { updateRate: 2 }),
    RangeError,
    "BatchNorm.fromState: \"updateRate\" expected a number from 0 to 1, 'cumulative' or 'pooled', got 2",
  ],
];
