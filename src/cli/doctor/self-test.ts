/**
 * A fixed computation by the public API, and the hash of its bits. It is the same on every backend, instruction set and
 * processor (docs/numerics.md); where it is not, what is installed computes something else.
 */
import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { backward, forwardInference, forwardTraining, Moments } from '../../index.js';

/** The digest of `selfTest()`. It changes with docs/numerics.md, and only then. */
export const DIGEST = 'b6e039695859151be7d09ccba0ffa3e79c9973ab252aa507d8ac303d433a89f5';

/** Between them they go every way of summation: stacked, columns, short and long rows. */
const SHAPES = [
  [60, 10],
  [4, 64, 7, 7],
  [6, 3, 40, 25],
  [1, 16, 1, 257],
];

/** 64 hexadecimal digits; of the backend in use. */
export function selfTest(seed = 1): string {
  const hash = createHash('sha256');
  const draw = xorshift32(seed);
  for (const shape of SHAPES) {
    for (const Type of [Float32Array, Float64Array] as const) {
      for (const array of outputs(shape, (length, offset) => new Type(length).map(() => draw() + offset))) {
        hash.update(littleEndian(array));
      }
    }
  }
  return hash.digest('hex');
}

/** Mean 0, mean 1000 and more: what cancels takes another way. */
function* outputs<T extends Float32Array | Float64Array>(
  shape: readonly number[],
  values: (length: number, offset: number) => T,
): Generator<Float32Array | Float64Array> {
  const length = shape.reduce((product, size) => product * size);
  const channels = shape[1];
  for (const offset of [0, 1000, 100_000]) {
    const [x, dy, residual] = [values(length, offset), values(length, 0), values(length, 0)];
    const [gamma, beta] = [values(channels, 1), values(channels, 0)];
    const options = { gamma, beta, residual, activation: 'relu', epsilon: 2 ** -17 } as const;
    const { y, mean, variance } = forwardTraining(x, shape, options);
    const gradients = backward(dy, x, shape, { ...options, mean, variance });
    const inferred = forwardInference(x, shape, { ...options, mean, variance });
    const moments = new Moments(channels).add(x, shape);
    yield* [y, mean, variance, gradients.dx, gradients.dgamma, gradients.dbeta, gradients.dresidual!];
    yield* [inferred, moments.mean, moments.variance];
  }
}

/** From −2 to 2 by the grain of 2⁻²², so that every value is a float32: integers and powers of two, no rounding. */
function xorshift32(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 8) - 2 ** 23) * 2 ** -22;
  };
}

function littleEndian(array: Float32Array | Float64Array): Uint8Array {
  const bytes = Buffer.from(array.slice().buffer);
  if (endianness() === 'LE') return bytes;
  return array instanceof Float32Array ? bytes.swap32() : bytes.swap64();
}
