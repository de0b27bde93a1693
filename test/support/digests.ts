/**
 * The digests: a hash of all outputs for fixed seeds and shapes, so that a change of one bit is noticed. native/driver/
 * digest.cc computes the same without JavaScript. Everything here is integers and powers of two until kernels run.
 *
 * Data: xorshift32 (13, 17, 5) from the seed. A draw is its next state; a base is (draw >>> 8) − 2²³; what a kind of
 * data makes of it, `VALUES` says. Drawn in order: x, dy, residual (if any), gamma, beta; dy, residual, gamma and beta
 * are 'unit'.
 *
 * Of 16 bits the values are rounded to float32 first, and gamma and beta are float32.
 *
 * Hash: FNV-1a, 64 bits, over the little-endian bytes of the arrays in the order of `outputsOf`, each NaN as 7fc00000,
 * 7ff8000000000000, 7e00 (float16) or 7fc0 (bfloat16).
 */
import type { KernelActivation, Kernels } from '#dist/kernels.js';
import { isHalf, type KernelDtype, type KernelTensor, parameterDtype, tableOf, tensorOf, zeros } from './tensors.js';

export interface DigestCase {
  readonly name: string;
  readonly n: number;
  readonly c: number;
  readonly s: number;
  readonly dtype: KernelDtype;
  readonly data: keyof typeof VALUES;
  readonly residual: boolean;
  /** 'none', 'relu', or the parameters of another: 'slope low high'. */
  readonly activation: string;
  readonly seed: number;
  readonly digest: string;
}

type Draw = () => number;

const base = (draw: Draw) => (draw() >>> 8) - 2 ** 23;
const unit = (draw: Draw) => base(draw) * 2 ** -22;

const VALUES = {
  /** From −2 to 2. */
  unit,
  /** About 1000: mean² is 0.7·2²⁰ times the variance, so that only float64 takes the centred pass. */
  near: (draw: Draw) => unit(draw) + 1000,
  /** About 10,000. */
  offset: (draw: Draw) => unit(draw) + 10000,
  /** Subnormal float32. */
  tiny: (draw: Draw) => base(draw) * 2 ** -149,
  /** Times 2⁻⁶⁰ to 2⁶⁰. */
  decades: (draw: Draw) => unit(draw) * 2 ** (((draw() >>> 8) % 121) - 60),
  /** One in 64 is NaN, Infinity or −0; channel by channel, as it falls. */
  special: (draw: Draw) => [Number.NaN, Number.POSITIVE_INFINITY, -0][(draw() >>> 20) % 192] ?? unit(draw),
  constant: () => 3.25,
};

function xorshift32(seed: number): Draw {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function activationOf(name: string): KernelActivation {
  if (name === 'none') return 0;
  if (name === 'relu') return 1;
  const [slope, low, high] = name.split(' ').map(Number);
  return { slope, low, high };
}

/** All outputs of the kernels on the data of the case, in the order in which they are hashed. */
function outputsOf(kernels: Kernels, { n, c, s, dtype, data, residual, activation, seed }: DigestCase): KernelTensor[] {
  const ofParameters = parameterDtype(dtype);
  const draw = xorshift32(seed);
  const fill = (length: number, value: (draw: Draw) => number) => zeros(ofParameters, length).map(() => value(draw));
  const tensor = (value: (draw: Draw) => number) => tensorOf(dtype, fill(n * c * s, value));
  const x = tensor(VALUES[data]);
  const dy = tensor(unit);
  const r = residual ? tensor(unit) : null;
  const gamma = fill(c, unit);
  const beta = fill(c, unit);

  const view = { n, c, s };
  const affine = { mean: new Float64Array(c), variance: new Float64Array(c), gamma, beta, epsilon: 2 ** -17 };
  const code = activationOf(activation);
  const table = tableOf(kernels, dtype);
  const y = zeros(dtype, x.length);
  table.forward(y, x, r, affine, code, view);
  const outputs: KernelTensor[] = [affine.mean, affine.variance, y];
  for (const batchStatistics of [true, false]) {
    const [dx, dresidual] = [zeros(dtype, x.length), zeros(dtype, x.length)];
    const [dgamma, dbeta] = [zeros(ofParameters, c), zeros(ofParameters, c)];
    table.backward(dx, dresidual, dgamma, dbeta, dy, x, r, affine, code, batchStatistics, view);
    outputs.push(dx, dresidual, dgamma, dbeta);
  }
  return outputs;
}

const FNV_START = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** 16 hexadecimal digits. */
export function digestOf(kernels: Kernels, digestCase: DigestCase): string {
  let hash = FNV_START;
  for (const array of outputsOf(kernels, digestCase)) {
    for (const byte of canonicalBytes(array, digestCase.dtype))
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  }
  return hash.toString(16).padStart(16, '0');
}

/** Little-endian whatever the machine, and one NaN for all. */
function canonicalBytes(array: KernelTensor, dtype: KernelDtype): Uint8Array {
  if (array instanceof Uint16Array) return canonicalHalves(array, dtype);
  const size = array.BYTES_PER_ELEMENT;
  const bytes = new DataView(new ArrayBuffer(array.length * size));
  array.forEach((value: number, i: number) => {
    if (size === 4) {
      if (Number.isNaN(value)) bytes.setUint32(i * size, 0x7fc00000, true);
      else bytes.setFloat32(i * size, value, true);
    } else if (Number.isNaN(value)) bytes.setBigUint64(i * size, 0x7ff8000000000000n, true);
    else bytes.setFloat64(i * size, value, true);
  });
  return new Uint8Array(bytes.buffer);
}

function canonicalHalves(array: Uint16Array, dtype: KernelDtype): Uint8Array {
  if (!isHalf(dtype)) throw new Error(`expected tensors of ${dtype}, got 16 bits`);
  const [infinite, nan] = { float16: [0x7c00, 0x7e00], bfloat16: [0x7f80, 0x7fc0] }[dtype];
  const bytes = new DataView(new ArrayBuffer(2 * array.length));
  array.forEach((bits, i) => {
    bytes.setUint16(2 * i, (bits & 0x7fff) > infinite ? nan : bits, true);
  });
  return new Uint8Array(bytes.buffer);
}
