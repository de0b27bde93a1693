/** The error bounds of docs/numerics.md, section 6, as functions. */
import type { View } from '#dist/kernels.js';
import type { Dtype } from './tensors.js';

/** Half a unit in the last place of float64, relative. */
export const W = 2 ** -53;

/** The same of a tensor's type. */
export function unitOf(dtype: Dtype): number {
  return dtype === 'float32' ? 2 ** -24 : W;
}

const exponentOf = new DataView(new ArrayBuffer(8));

/** The spacing of the numbers of a type at t. */
export function ulp(t: number, dtype: Dtype): number {
  exponentOf.setFloat64(0, t);
  const exponent = ((exponentOf.getUint16(0) >> 4) & 0x7ff) - 1023;
  return dtype === 'float32' ? 2 ** (Math.max(exponent, -126) - 23) : 2 ** (Math.max(exponent, -1022) - 52);
}

/** D: through how many additions a term of a sum passes at most. */
export function additions({ n, s }: View): number {
  const rows = Math.max(1, Math.floor(4096 / s));
  const groups = Math.ceil(n / rows) * Math.ceil(s / 4096);
  return (s < 64 ? Math.min(n, rows) + Math.ceil(s / 16) : 256) + 8 + groups;
}

/** What is true of a channel, for the bounds to refer to. */
export interface Truth {
  mean: number;
  variance: number;
  /** The mean of |x|. */
  magnitude: number;
}

/** Of the mean and of the variance, both absolute. The centred pass is taken for granted where it surely is taken. */
export function statisticsBounds(
  { mean, variance, magnitude }: Truth,
  view: View,
  dtype: Dtype,
): { mean: number; variance: number } {
  const D = additions(view);
  const ratio = mean ** 2 / variance || 0;
  if (dtype === 'float64' || ratio > 1.01 * 2 ** 20) {
    return {
      mean: (D + 2) * W * Math.sqrt(variance) + W * Math.abs(mean),
      variance: (D + 6) * W * variance + Number.MIN_VALUE,
    };
  }
  return {
    mean: (D + 2) * W * magnitude,
    variance: (3 * D + 4) * W * (1 + ratio) * variance + Number.MIN_VALUE,
  };
}
