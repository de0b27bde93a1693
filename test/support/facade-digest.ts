import { createHash } from 'node:crypto';
import { backward, forwardTraining, type Tensor, useBackend } from 'batchnorm';
import { randomFor } from './random.js';
import { DTYPES, zeros } from './tensors.js';

/** Columns, short rows and long rows; the memory that kernels need grows on the way. */
const SHAPES = [
  [7, 3, 2],
  [8, 17, 49],
  [300, 65],
  [20, 9, 196],
  [2, 3, 8209],
];

/** A hash of what an instruction set of native computes through the public API, again and again. */
export function facadeDigest(isa: string, repetitions: number): string {
  useBackend('native', { isa });
  const hash = createHash('sha256');
  for (let k = 0; k < repetitions; k++) {
    for (const dims of SHAPES) {
      for (const dtype of DTYPES) {
        for (const output of outputsOf(dims, (length) => zeros(dtype, length))) hash.update(output);
      }
    }
  }
  return hash.digest('hex');
}

function outputsOf(dims: number[], make: (length: number) => Tensor): Tensor[] {
  const random = randomFor(dims.join());
  const fill = (length: number) => make(length).map(() => random.normal());
  const length = dims.reduce((a, b) => a * b);
  const [x, dy, gamma] = [fill(length), fill(length), fill(dims[1])];
  const { y, mean, variance } = forwardTraining<Tensor>(x, dims, { gamma, activation: 'relu' });
  const { dx, dgamma, dbeta } = backward<Tensor>(dy, x, dims, { gamma, mean, variance, activation: 'relu' });
  return [y, mean, variance, dx, dgamma, dbeta];
}
