/** A forward and a backward that are worth several threads, and the hash of all that they give. */
import { createHash } from 'node:crypto';
import { backward, forwardTraining } from 'batchnorm';

/** Walks by rows (three channels), and by tiles. */
const SHAPES = [
  [4, 3, 400, 100],
  [16, 64, 28, 28],
  [3000, 96],
];

export function digestOfTraining(): string {
  const hash = createHash('sha256');
  for (const shape of SHAPES) {
    const length = shape.reduce((product, size) => product * size);
    const x = Float32Array.from({ length }, (_, k) => ((k * 2654435761) % 1000003) / 1000003);
    const dy = Float32Array.from({ length }, (_, k) => ((k * 40503) % 65537) / 65537 - 0.5);
    const { y, mean, variance } = forwardTraining(x, shape, { activation: 'relu' });
    const { dx } = backward(dy, x, shape, { mean, variance, activation: 'relu' });
    for (const array of [y, mean, variance, dx]) hash.update(new Uint8Array(array.buffer));
  }
  return hash.digest('hex');
}
