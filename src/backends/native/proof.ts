/**
 * A tiny computation by every kernel and the digest of its bits: whether an addon computes what docs/numerics.md says.
 * A compiler that fuses, reorders or flushes (-Ofast, -ffp-contract=fast) makes other bits, and so do broken files.
 */
import type { HalfDtype, HalfKernels, KernelActivation, Kernels, View } from '../../kernels.js';
import { widen } from '../../reference/half.js';
import type { Tensor } from '../../types.js';

/** The result of `proofOf` for every backend; it changes with docs/numerics.md, and only then. */
export const PROOF = -950129022;

/** They reach every way of summation but that of rows above 2048, whole vectors of any width, and what is left over. */
const VIEWS: readonly View[] = [
  { n: 21, c: 3, s: 1 },
  { n: 2, c: 5, s: 7 },
  { n: 1, c: 1, s: 83 },
];
const THREE_LINES: KernelActivation = { slope: 0.3, low: -0.75, high: 1.5 };
const EPSILON = 1e-5;

/** 32 bits, of which one depends on each bit that the kernels give. Takes less than a millisecond. */
export function proofOf(kernels: Kernels): number {
  const numbers = Float64Array.from({ length: 250 }, xorshift32());
  let digest = 0;
  for (const Type of [Float32Array, Float64Array] as const) {
    const values = Type.from(numbers);
    for (const view of VIEWS) {
      for (const output of outputs(kernels, view, values)) digest = mix(digest, output);
    }
  }
  for (const dtype of ['float16', 'bfloat16'] as const) {
    for (const output of outputsOfHalves(kernels[dtype], dtype, Float32Array.from(numbers))) {
      digest = mix(digest, output);
    }
  }
  return digest;
}

/** What 16 bits add to the kernels of float32, with the same code for sums and formulas: reading and writing. */
function outputsOfHalves(table: HalfKernels, dtype: HalfDtype, values: Float32Array): Tensor[] {
  const least = { float16: 2 ** -24, bfloat16: 2 ** -133 }[dtype];
  const found: Float32Array[] = [];
  const halves = (floats: Float32Array) => {
    const to = new Uint16Array(floats.length);
    table.round(to, floats);
    return to;
  };
  const keep = (tensor: Uint16Array, by: typeof widen) => {
    const floats = new Float32Array(tensor.length);
    by(floats, tensor, dtype);
    found.push(floats);
  };
  // Subnormal numbers, half-way cases among them, and NaN.
  const ends = values.map((value, k) => (k % 2 === 0 ? value * 256 : Math.floor(value * 4) + 0.5) * least);
  ends[ends.length - 1] = Number.NaN;
  for (const floats of [values, ends]) keep(halves(floats), table.widen);
  for (const view of VIEWS) {
    const { n, c, s } = view;
    const [x, dy] = [0, 80].map((start) => halves(values.slice(start, start + n * c * s)));
    const [y, dx] = [x.slice(), x.slice()];
    const [gamma, dgamma, dbeta] = [40, 120, 160].map((start) => values.slice(start, start + c));
    const affine = { mean: new Float64Array(c), variance: new Float64Array(c), gamma, beta: null, epsilon: EPSILON };
    table.forward(y, x, null, affine, 1, view);
    table.backward(dx, null, dgamma, dbeta, dy, x, y, affine, THREE_LINES, true, view);
    keep(y, widen);
    keep(dx, widen);
    found.push(dgamma, dbeta);
  }
  return found;
}

function outputs(kernels: Kernels, view: View, values: Tensor): Tensor[] {
  const { n, c, s } = view;
  const [x, dy, residual] = [0, 80, 160].map((start) => values.slice(start, start + n * c * s));
  const [gamma, beta] = [40, 120].map((start) => values.slice(start, start + c));
  gamma[0] = x instanceof Float32Array ? 2 ** -133 : 2 ** -1030; // subnormal scales, which some flush to 0
  const affine = { mean: new Float64Array(c), variance: new Float64Array(c), gamma, beta, epsilon: EPSILON };
  const sums = { sumDy: new Float64Array(c), sumDyDeviation: new Float64Array(c) };
  const [y, dx, dresidual] = [x.slice(), x.slice(), x.slice()];
  const [dgamma, dbeta] = [gamma.slice(), gamma.slice()];
  const found: Tensor[] = [];
  const keep = (...arrays: readonly Tensor[]) => found.push(...arrays.map((array) => array.slice()));

  kernels.statistics(affine.mean, affine.variance, x, view);
  keep(affine.mean, affine.variance);
  x[x.length - 1] = Number.NaN; // relu passes it on, and -ffinite-math-only does not
  kernels.normalize(y, x, residual, affine, 1, view);
  keep(y);
  kernels.gradientSums(sums, dy, x, null, affine, THREE_LINES, view);
  keep(sums.sumDy, sums.sumDyDeviation);
  kernels.gradientInput(dx, dresidual, dy, x, residual, affine, THREE_LINES, null, n * s, view);
  keep(dx, dresidual);
  x[x.length - 1] = 3;
  kernels.forward(y, x, null, affine, 0, view);
  keep(y, affine.mean, affine.variance);
  kernels.backward(dx, null, dgamma, dbeta, dy, x, residual, affine, 1, true, view);
  keep(dx, dgamma, dbeta);
  return found;
}

/** FNV-1a over words of 32 bits, with their high bits folded down. NaN, which may only come last, counts as 1. */
function mix(digest: number, values: Tensor): number {
  if (Number.isNaN(values.at(-1))) values[values.length - 1] = 1;
  const words = new Int32Array(values.buffer);
  let mixed = digest;
  for (let i = 0; i < words.length; i++) {
    mixed = Math.imul(mixed ^ words[i], 0x01000193);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}

/** Values of both signs, with 24 bits and magnitudes so far apart that a sum depends on its order. */
function xorshift32(): () => number {
  let state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 8) - 2 ** 23) * 2 ** -(22 + (state & 15));
  };
}
