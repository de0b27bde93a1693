// Moments and the JSON of them.
import { Moments } from 'batchnorm';
import { type BadCall, wrong } from './table.js';

function json(changes: object): unknown {
  return {
    format: 'batchnorm-moments/2',
    channels: 2,
    summation: 'ordered',
    count: [2, 2],
    mean: [1, 2],
    variance: [1, 2],
    ...changes,
  };
}

export const momentsCalls: readonly BadCall[] = [
  ['half a channel', () => new Moments(0.5), RangeError, 'Moments: "channels" expected an integer >= 0, got 0.5'],
  [
    'no channels',
    () => new Moments(wrong(undefined)),
    TypeError,
    'Moments: "channels" expected an integer >= 0, got undefined',
  ],
  [
    'other channels',
    (f) => f.moments.add(f.x, [3, 2]),
    RangeError,
    'Moments.add: "shape" expected 3 channels on the channel axis, got 2 (shape [3, 2])',
  ],
  [
    'other length',
    (f) => f.moments.add(f.x, [3, 3]),
    RangeError,
    'Moments.add: "x" expected Float32Array or Float64Array of length 9 (shape [3, 3]), got Float32Array of length 6',
  ],
  [
    'misspelt',
    (f) => f.moments.add(f.x, f.shape, wrong({ axes: 1 })),
    TypeError,
    'Moments.add: "options" has no "axes"; did you mean "axis"?',
  ],
  [
    'merging with data',
    (f) => f.moments.merge(wrong(f.x)),
    TypeError,
    'Moments.merge: "other" expected Moments, got Float32Array of length 6',
  ],
  [
    'merging other channels',
    (f) => f.moments.merge(new Moments(2)),
    RangeError,
    'Moments.merge: "other.channels" expected 3, got 2',
  ],
  ['JSON of nothing', () => Moments.fromJSON(null), TypeError, 'Moments.fromJSON: "json" expected an object, got null'],
  ['JSON in text', () => Moments.fromJSON('{}'), TypeError, 'Moments.fromJSON: "json" expected an object, got "{}"'],
  ['JSON without', () => Moments.fromJSON({}), TypeError, 'Moments.fromJSON: "json" lacks "format"'],
  [
    'JSON of another format',
    () => Moments.fromJSON(json({ format: 'batchnorm/1' })),
    RangeError,
    'Moments.fromJSON: "format" expected \'batchnorm-moments/2\', got "batchnorm/1"',
  ],
  [
    'JSON with more',
    () => Moments.fromJSON(json({ m2: [] })),
    TypeError,
    'Moments.fromJSON: "json" has no "m2"; known are format, channels, summation, count, mean, variance',
  ],
  [
    'JSON too short',
    () => Moments.fromJSON(json({ mean: [1] })),
    RangeError,
    'Moments.fromJSON: "mean" expected an array of 2 numbers (channels), got Array of length 1',
  ],
  [
    'JSON with null for NaN',
    () => Moments.fromJSON(json({ mean: [1, null] })),
    TypeError,
    "Moments.fromJSON: \"mean[1]\" expected a number, 'NaN', 'Infinity', '-Infinity' or '-0', got null",
  ],
  [
    'JSON with other words',
    () => Moments.fromJSON(json({ mean: [1, '2'] })),
    RangeError,
    "Moments.fromJSON: \"mean[1]\" expected a number, 'NaN', 'Infinity', '-Infinity' or '-0', got \"2\"",
  ],
  [
    'JSON with a negative variance',
    () => Moments.fromJSON(json({ variance: [1, -1] })),
    RangeError,
    'Moments.fromJSON: "variance[1]" expected a variance >= 0, got -1',
  ],
  [
    'JSON with a negative count',
    () => Moments.fromJSON(json({ count: [-1.5, 1] })),
    RangeError,
    'Moments.fromJSON: "count[0]" expected a finite number >= 0, got -1.5',
  ],
  [
    'JSON with a mean of nothing',
    () => Moments.fromJSON(json({ count: [0, 1] })),
    RangeError,
    'Moments.fromJSON: "mean[0]" expected \'NaN\' where count is 0, got 1',
  ],
];
