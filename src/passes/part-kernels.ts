/**
 * The kernels of a pass part by part, over tensors as a layer has them: those of floats are in `float-kernels.ts`,
 * those of 16 bits in `half-parts.ts`.
 */
import type { Affine, GradientSumArrays, KernelActivation, View } from '../kernels.js';
import type { AnyTensor } from '../types.js';
import type { Part } from './arrange.js';
import type { ExactMoments, Summation } from './exact.js';
import type { Share } from './grouped-gradient.js';
import type { Measure } from './measure.js';
import type { Selection } from './selection.js';
import type { Weights } from './weights.js';

/** `measure` gives the statistics of `affine`; null where they are not those of x. It matters to float64 alone. */
export interface PartKernels<T extends AnyTensor> {
  /** mean, variance ← of a part. */
  statistics(mean: Float64Array, variance: Float64Array, x: T, part: Part): void;

  /** mean, variance ← of what a mask has chosen of x, where it lies. */
  chosenStatistics(mean: Float64Array, variance: Float64Array, x: T, selection: Selection): void;

  /** Of all of x, which is not empty. */
  exactMoments(x: T, view: View): ExactMoments;

  /** y ← of x. */
  normalize(
    measure: Measure | null,
    y: T,
    x: T,
    residual: T | null,
    affine: Affine,
    activation: KernelActivation,
    view: View,
  ): void;

  /** y ← of all of x, and +0 wherever nothing was chosen. */
  normalizeInSitu(
    y: T,
    x: T,
    residual: T | null,
    affine: Affine,
    activation: KernelActivation,
    view: View,
    selection: Selection,
  ): void;

  gradientSums(
    measure: Measure | null,
    dy: T,
    x: T,
    residual: T | null,
    affine: Affine,
    activation: KernelActivation,
    view: View,
    summation: Summation,
  ): GradientSumArrays;

  /** dx, dresidual ← where `count` values had a part in the statistics, by weights of their rows if there are any. */
  gradientInput(
    measure: Measure | null,
    dx: T,
    dresidual: T | null,
    dy: T,
    x: T,
    residual: T | null,
    affine: Affine,
    activation: KernelActivation,
    sums: GradientSumArrays | null,
    count: number,
    weights: Weights | null,
    view: View,
  ): void;

  /** `groupedGradientInput` of x in groups of channels. */
  groupedInput(
    dx: T,
    dresidual: T | null,
    dy: T,
    x: T,
    residual: T | null,
    affine: Affine,
    activation: KernelActivation,
    share: Share,
    count: number,
    weights: Weights | null,
    view: View,
  ): void;

  /** dx ← 0, but for NaN. */
  clearSingleValues(dx: T): void;
}
