// Whole passes with exact sums: docs/numerics.md, section 10.
import { type Affine, type KernelActivation, RECORD, type View } from '../kernels.js';
import { gradientInput, parameterGradients } from './backward.js';
import { exactGradientSums, exactGradients, exactStatistics, exactSums } from './exact.js';
import type { Scratch } from './layout.js';
import { normalize } from './normalize.js';

/** contract: src/kernels.ts, exactForward */
export function exactForward(
  y: Float32Array,
  x: Float32Array,
  residual: Float32Array | null,
  affine: Affine<Float32Array>,
  activation: KernelActivation,
  records: Float64Array | null,
  view: View,
  scratch: Scratch,
): void {
  const own = records?.fill(0) ?? noSums(scratch, view);
  exactSums(own, x, view);
  exactStatistics(affine.mean, affine.variance, own, view.n * view.s);
  normalize(y, x, residual, affine, activation, view, scratch);
}

/** contract: src/kernels.ts, exactBackward */
export function exactBackward(
  dx: Float32Array,
  dresidual: Float32Array | null,
  dgamma: Float32Array,
  dbeta: Float32Array,
  dy: Float32Array,
  x: Float32Array,
  residual: Float32Array | null,
  affine: Affine<Float32Array>,
  activation: KernelActivation,
  batchStatistics: boolean,
  view: View,
  scratch: Scratch,
): void {
  const { sums } = scratch;
  const records = noSums(scratch, view);
  exactGradientSums(records, dy, x, residual, affine, activation, view, scratch);
  exactGradients(sums, records, affine.mean);
  const given = batchStatistics ? sums : null;
  gradientInput(dx, dresidual, dy, x, residual, affine, activation, given, view.n * view.s, view, scratch);
  parameterGradients(dgamma, dbeta, sums, affine, view.c);
}

/** Records of no data, in memory that the next call has again. */
function noSums({ records }: Scratch, { c }: View): Float64Array {
  return records.subarray(0, RECORD.numbers * c).fill(0);
}
