// allocate, release, and arrays that have been released.
import { allocate, forwardTraining, release } from 'batchnorm';
import { type BadCall, wrong } from './table.js';

const F6 = 'Float32Array of length 6 (shape [2, 3])';
const X6 = 'Float32Array or Float64Array of length 6 (shape [2, 3])';

export const memoryCalls: readonly BadCall[] = [
  ['length negative', () => allocate(-1), RangeError, 'allocate: "length" expected an integer >= 0, got -1'],
  ['length in words', () => allocate(wrong('8')), TypeError, 'allocate: "length" expected an integer >= 0, got "8"'],
  [
    'unknown type',
    () => allocate(8, wrong('float8')),
    RangeError,
    "allocate: \"dtype\" expected 'float32', 'float64', 'float16' or 'bfloat16', got \"float8\"",
  ],
  [
    'not allocated',
    () => release(new Float32Array(3)),
    TypeError,
    'release: "array" expected an array that allocate returned, got Float32Array of length 3',
  ],
  [
    'nothing',
    () => release(wrong(undefined)),
    TypeError,
    'release: "array" expected an array that allocate returned, got undefined',
  ],
  [
    'a part',
    () => release(allocate(8).subarray(1)),
    RangeError,
    'release: "array" expected the whole of what allocate returned, got Float32Array of length 7',
  ],
  [
    'twice',
    () => {
      const a = allocate(8);
      release(a);
      release(a);
    },
    TypeError,
    'release: "array" expected an array that allocate returned, got a released Float32Array',
  ],
  [
    'x released',
    (f) => {
      const x = allocate(6);
      release(x);
      return forwardTraining(x, f.shape);
    },
    TypeError,
    `forwardTraining: "x" expected ${X6}, got a released Float32Array`,
  ],
  [
    'a part of what is released',
    (f) => {
      const x = allocate(8);
      const part = x.subarray(2);
      release(x);
      return f.back({ residual: part });
    },
    TypeError,
    `backward: "residual" expected ${F6}, got a released Float32Array`,
  ],
  [
    'released, and empty anyway',
    () => {
      const x = allocate(0);
      release(x);
      return forwardTraining(x, [0, 3]);
    },
    TypeError,
    'forwardTraining: "x" expected Float32Array or Float64Array of length 0 (shape [0, 3]), got a released ' +
      'Float32Array',
  ],
];
