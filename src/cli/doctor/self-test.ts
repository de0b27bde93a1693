/**
 * A fixed computation by the public API, and the hash of its bits. It is the same on every backend, instruction set and
 * processor (docs/numerics.md); where it is not, what is installed computes something else.
 */
import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { backward, forwardInference, forwardTraining, Moments, toBfloat16, toFloat16 } from '../../index.js';

/** The digest of `selfTest()`. It changes with docs/numerics.md, and only then. */
export const DIGEST = '3d219bd7e2c8bffce965fa3255f8b1345886aa88f266614d8152ec863fac7d35';

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
      const values = (length: number, offset: number) => new Type(length).map(() => draw() + offset);
      for (const array of outputs(shape, {
        tensor: values,
        parameter: values,
        offsets: [0, 1000, 100_000],
        type: {},
      })) {
        hash.update(littleEndian(array));
      }
    }
    for (const [dtype, round] of [['float16', toFloat16] as const, ['bfloat16', toBfloat16] as const]) {
      const values = (length: number, offset: number) => new Float32Array(length).map(() => draw() + offset);
      const tensor = (length: number, offset: number) => round(values(length, offset));
      // float16 ends at 65504.
      const draws = { tensor, parameter: values, offsets: [0, 1000], type: { dtype } } as object as Draws<Float32Array>;
      for (const array of outputs(shape, draws)) hash.update(littleEndian(array));
    }
  }
  return hash.digest('hex');
}

/** How numbers are drawn: tensors of 16 bits go where float32 goes, with an option that says what they are. */
interface Draws<T> {
  readonly tensor: (length: number, offset: number) => T;
  readonly parameter: (length: number, offset: number) => T;
  /** Mean 0, mean 1000 and more: what cancels takes another way. */
  readonly offsets: readonly number[];
  readonly type: { dtype?: never };
}

function* outputs<T extends Float32Array | Float64Array>(
  shape: readonly number[],
  { tensor, parameter, offsets, type }: Draws<T>,
): Generator<Float32Array | Float64Array> {
  const length = shape.reduce((product, size) => product * size);
  const channels = shape[1];
  for (const offset of offsets) {
    const [x, dy, residual] = [tensor(length, offset), tensor(length, 0), tensor(length, 0)];
    const [gamma, beta] = [parameter(channels, 1), parameter(channels, 0)];
    const options = { gamma, beta, residual, activation: 'relu', epsilon: 2 ** -17, ...type } as const;
    const { y, mean, variance } = forwardTraining(x, shape, options);
    const gradients = backward(dy, x, shape, { ...options, mean, variance });
    const inferred = forwardInference(x, shape, { ...options, mean, variance });
    const moments = new Moments(channels).add(x, shape, type);
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
  const width = array.BYTES_PER_ELEMENT as number;
  return width === 2 ? bytes.swap16() : width === 4 ? bytes.swap32() : bytes.swap64();
}
