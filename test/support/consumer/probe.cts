/** A forward and a backward through the public API, of whichever module system found the package. */
import type batchnorm = require('batchnorm');

type Library = Pick<typeof batchnorm, 'backend' | 'backends' | 'backward' | 'forwardTraining'>;

const SHAPE = [5, 3, 11];

function probe(library: Library) {
  const x = Float64Array.from({ length: 165 }, (_, i) => ((i * 7919) % 101) / 16);
  const outputs = [...outputsOf(library, Float32Array.from(x)), ...outputsOf(library, x)];
  const { name, origin } = library.backend();
  return {
    backend: name,
    origin: origin ?? null,
    /** Why native is not available; null where it is. */
    reason: library.backends().find(({ name }) => name === 'native')?.reason ?? null,
    bits: outputs.map(hexadecimal).join(' '),
  };
}

function outputsOf<T extends batchnorm.Tensor>({ backward, forwardTraining }: Library, x: T): batchnorm.Tensor[] {
  const dy = x.map((value, i) => (i % 7) - value) as T;
  const gamma = x.slice(1, 4) as T;
  const { y, mean, variance } = forwardTraining(x, SHAPE, { gamma, activation: 'relu' });
  const { dx, dgamma, dbeta } = backward(dy, x, SHAPE, { mean, variance, gamma, activation: 'relu' });
  return [y, mean, variance, dx, dgamma, dbeta];
}

function hexadecimal({ buffer, byteOffset, byteLength }: batchnorm.Tensor): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export = probe;
