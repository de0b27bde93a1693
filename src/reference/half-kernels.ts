// The kernels for 16 bits, made of those for float32: docs/numerics.md, section 11. Tensors are widened as a whole, so
// they read as the definition, and take as much memory beside their arguments as float32 does.
import type { ExactTensorKernels, HalfDtype, HalfKernels, Kernels, TensorKernels } from '../kernels.js';
import { round, widen } from './half.js';

type FloatKernels = TensorKernels<Float32Array, Float32Array> & { readonly exact: ExactTensorKernels<Float32Array> };

/** Adds the kernels for 16 bits to a backend that has none of its own. */
export function withHalfKernels(kernels: Omit<Kernels, HalfDtype>): Kernels {
  const float16 = halfKernels(kernels, 'float16');
  const bfloat16 = halfKernels(kernels, 'bfloat16');
  return Object.assign(kernels, { float16, bfloat16 });
}

function halfKernels(kernels: FloatKernels, dtype: HalfDtype): HalfKernels {
  function wide(tensor: Uint16Array): Float32Array;
  function wide(tensor: Uint16Array | null): Float32Array | null;
  function wide(tensor: Uint16Array | null): Float32Array | null {
    if (tensor === null) return null;
    const to = new Float32Array(tensor.length);
    widen(to, tensor, dtype);
    return to;
  }
  /** Room for an output that may be absent. */
  const roomFor = (tensor: Uint16Array | null) => (tensor === null ? null : new Float32Array(tensor.length));
  const write = (to: Uint16Array | null, from: Float32Array | null) => {
    if (to !== null && from !== null) round(to, from, dtype);
  };
  return {
    widen: (to, from) => widen(to, from, dtype),
    round: (to, from) => round(to, from, dtype),
    statistics: (mean, variance, x, view) => kernels.statistics(mean, variance, wide(x), view),
    rowSums: (sums, x, positions, weights, center, view) =>
      kernels.rowSums(sums, wide(x), positions, weights, center, view),
    normalize: (y, x, residual, affine, activation, view) => {
      const values = wide(x);
      kernels.normalize(values, values, wide(residual), affine, activation, view);
      write(y, values);
    },
    forward: (y, x, residual, affine, activation, view) => {
      const values = wide(x);
      kernels.forward(values, values, wide(residual), affine, activation, view);
      write(y, values);
    },
    gradientSums: (sums, dy, x, residual, affine, activation, view) =>
      kernels.gradientSums(sums, wide(dy), wide(x), wide(residual), affine, activation, view),
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, view) => {
      const [values, other] = [wide(dy), roomFor(dresidual)];
      kernels.gradientInput(values, other, values, wide(x), wide(residual), affine, activation, sums, count, view);
      write(dx, values);
      write(dresidual, other);
    },
    backward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
      const [values, other] = [wide(dy), roomFor(dresidual)];
      const inputs = [values, wide(x), wide(residual), affine, activation, batchStatistics, view] as const;
      kernels.backward(values, other, dgamma, dbeta, ...inputs);
      write(dx, values);
      write(dresidual, other);
    },
    exact: {
      exactSums: (records, x, view) => kernels.exact.exactSums(records, wide(x), view),
      exactGradientSums: (records, dy, x, residual, affine, activation, view) =>
        kernels.exact.exactGradientSums(records, wide(dy), wide(x), wide(residual), affine, activation, view),
      exactForward: (y, x, residual, affine, activation, records, view) => {
        const values = wide(x);
        kernels.exact.exactForward(values, values, wide(residual), affine, activation, records, view);
        write(y, values);
      },
      exactBackward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
        const [values, other] = [wide(dy), roomFor(dresidual)];
        const inputs = [values, wide(x), wide(residual), affine, activation, batchStatistics, view] as const;
        kernels.exact.exactBackward(values, other, dgamma, dbeta, ...inputs);
        write(dx, values);
        write(dresidual, other);
      },
    },
  };
}
