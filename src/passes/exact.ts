/** Exact sums of float32: docs/numerics.md, section 10. They add as integers, so that nothing depends on an order. */
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { checkChoice } from '../arguments/validate.js';
import { kernels } from '../backends/select.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import {
  type Affine,
  type GradientSumArrays,
  type HalfDtype,
  type KernelActivation,
  type Positions,
  RECORD,
  type View,
} from '../kernels.js';
import { carry } from '../reference/limbs.js';
import type { Tensor } from '../types.js';
import type { Backward } from './range.js';
import type { Weights } from './weights.js';

/**
 * How statistics and gradient sums are summed (docs/numerics.md): 'ordered' in one order that is the same on every
 * backend (numerics/1), or 'exact', rounded once, the same for any layout, order, split and number of ranks
 * (numerics/2; float32, and no weights in masks).
 */
export type Summation = 'ordered' | 'exact';

export const SUMMATIONS = ['ordered', 'exact'] as const satisfies readonly Summation[];

export function checkSummation(call: string, summation: Summation): void {
  checkChoice(call, 'summation', summation, SUMMATIONS);
}

/** Moments with the exact sums that they come from: [channels · 35], as RECORD says. */
export interface ExactMoments extends MomentArrays {
  readonly records: Float64Array;
}

/** Gradient sums with the exact ones that they come from, which belong to one mean. */
export interface ExactGradientSums extends GradientSumArrays {
  readonly records: Float64Array;
  /** What deviations were taken from. */
  readonly mean: Float64Array;
}

/** What a mask has chosen. */
interface Chosen {
  readonly positions: Positions;
  readonly weights: Weights | null;
}

/** @throws TypeError, RangeError for what exact sums are not defined for; the error names what is */
export function checkExact(call: string, x: { BYTES_PER_ELEMENT: number }, chosen: Chosen | null): void {
  if (x.BYTES_PER_ELEMENT === 8) {
    throw wrongKind(call, 'x', "a Float32Array with summation: 'exact' (float64 has 'ordered')", x);
  }
  if (chosen === null || chosen.weights === null) return;
  const { each } = chosen.weights;
  const row = each.findIndex((weight) => weight !== 1);
  const wanted = "0 or 1 with summation: 'exact' (weights have 'ordered')";
  throw wrongValue(call, `mask[${chosen.positions[row]}]`, wanted, each[row]);
}

export function newRecords(channels: number): Float64Array {
  return newTensor<Float64Array>('Float64Array', channels * RECORD.numbers);
}

/** The sums of both. */
export function addRecords(first: Float64Array, second: Float64Array): Float64Array {
  return carried(first.map((value, i) => value + second[i]));
}

/** records ← as RECORD says, from what was added number by number. */
export function carried(records: Float64Array): Float64Array {
  for (let at = 0; at < records.length; at += RECORD.numbers) {
    for (const { at: start, limbs } of [RECORD.first, RECORD.second]) carry(records, at + start, limbs);
  }
  return records;
}

/** Of no data yet. */
export function noExactMoments(channels: number): ExactMoments {
  return momentsOfRecords(new Float64Array(channels), newRecords(channels));
}

/** Mean and variance of what was summed, each rounded once. */
export function momentsOfRecords(count: Float64Array, records: Float64Array): ExactMoments {
  const [mean, variance] = [count.slice(), count.slice()];
  kernels().exact.exactStatistics(mean, variance, records, count);
  return { count, mean, variance, records };
}

/** y ← of x by its own statistics, which go to `affine`: the kernel `exactForward`. y may be x or residual. */
export function exactForward(
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
  records: Float64Array | null = null,
): void {
  const [to, from, added] = [y, x, residual] as [Float32Array, Float32Array, Float32Array | null];
  kernels().exact.exactForward(to, from, added, affine as Affine<Float32Array>, activation, records, view);
}

export function exactMoments(x: Float32Array, view: View): ExactMoments {
  return addedMoments(new Float64Array(view.c), newRecords(view.c), x, view);
}

/** Moments of what was seen, which stays as it is, and of x. */
export function addExact({ count, records }: ExactMoments, x: Float32Array, view: View): ExactMoments {
  return addedMoments(count.slice(), records.slice(), x, view);
}

/** The same of x of 16 bits. */
export function addExactHalf(seen: ExactMoments, dtype: HalfDtype, x: Uint16Array, view: View): ExactMoments {
  const [count, records] = [seen.count.slice(), seen.records.slice()];
  kernels()[dtype].exact.exactSums(records, x, view);
  return countedMoments(count, records, view);
}

/** Adds x to both. */
function addedMoments(count: Float64Array, records: Float64Array, x: Float32Array, view: View): ExactMoments {
  kernels().exact.exactSums(records, x, view);
  return countedMoments(count, records, view);
}

/** Of what was summed, whose count still lacks a tensor. */
function countedMoments(count: Float64Array, records: Float64Array, view: View): ExactMoments {
  const m = view.n * view.s;
  for (let ch = 0; ch < view.c; ch++) count[ch] += m;
  return momentsOfRecords(count, records);
}

/** Moments of both: the bits of all their values at once. */
export function mergeExact(first: ExactMoments, second: ExactMoments): ExactMoments {
  const count = first.count.map((value, ch) => value + second.count[ch]);
  return momentsOfRecords(count, addRecords(first.records, second.records));
}

export function isExact(moments: MomentArrays): moments is ExactMoments {
  return (moments as Partial<ExactMoments>).records !== undefined;
}

/** @param records what was summed before with the same mean, to which these are added */
export function exactGradientSums(
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
  records: Float64Array = newRecords(view.c),
): ExactGradientSums {
  const [by, from, added] = [dy, x, residual] as [Float32Array, Float32Array, Float32Array | null];
  const { exact } = kernels();
  exact.exactGradientSums(records, by, from, added, affine as Affine<Float32Array>, activation, view);
  return sumsOfRecords(records, affine.mean);
}

/** All gradients: the kernel `exactBackward`. dx or dresidual may be dy. */
export function exactBackward({ dx, dresidual, dgamma, dbeta, dy, x, residual, ...rest }: Backward): void {
  const outputs = [dx, dresidual, dgamma, dbeta] as [Float32Array, Float32Array | null, Float32Array, Float32Array];
  const inputs = [dy, x, residual] as [Float32Array, Float32Array, Float32Array | null];
  const affine = rest.affine as Affine<Float32Array>;
  kernels().exact.exactBackward(...outputs, ...inputs, affine, rest.activation, rest.batch, rest.view);
}

/** Of no data yet, and no mean. */
export function noExactSums(channels: number): ExactGradientSums {
  const zeros = () => new Float64Array(channels);
  return { sumDy: zeros(), sumDyDeviation: zeros(), records: newRecords(channels), mean: zeros().fill(NaN) };
}

/** @param mean the one that deviations were taken from */
export function sumsOfRecords(records: Float64Array, mean: Float64Array): ExactGradientSums {
  const [sumDy, sumDyDeviation] = [new Float64Array(mean.length), new Float64Array(mean.length)];
  kernels().exact.exactGradients({ sumDy, sumDyDeviation }, records, mean);
  return { sumDy, sumDyDeviation, records, mean };
}

export function isExactSums(sums: GradientSumArrays): sums is ExactGradientSums {
  return (sums as Partial<ExactGradientSums>).records !== undefined;
}
