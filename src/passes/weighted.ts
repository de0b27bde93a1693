/**
 * Statistics in which positions count by weights, and their gradient: docs/numerics.md, section 5. There is no kernel for them:
 * weights in the place of dy make Σ w and Σ w·(x − mean) of the gradient sums of a backward, in the one order of summation and
 * in float64, on any backend. What is elementwise is done here.
 */
import { kernels } from '../backends/select.js';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { Affine, GradientSums, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';

/** mean, variance ← of x, by the kernels. */
export type Measure = (mean: Float64Array, variance: Float64Array, x: Tensor) => void;

/** Rows of a tensor with the channels last, each with its weight > 0. */
export interface Weights {
  /** [n] */
  readonly each: Float64Array;
  /** Their sum, in order. */
  readonly total: number;
}

/** With their sum, in order. */
export function weightsOf(each: Float64Array): Weights {
  let total = 0;
  for (const weight of each) total += weight;
  return { each, total };
}

/** How statistics are measured, with weights or without. */
export function measureOf({ view, weights }: { readonly view: View; readonly weights: Weights | null }): Measure {
  return weights === null
    ? (mean, variance, x) => kernels().statistics(mean, variance, x, view)
    : (mean, variance, x) => weightedStatistics(mean, variance, x, weights, view);
}

/** mean = Σ w·x / Σ w and variance = Σ w·(x − mean)² / Σ w; x is [n, c]. */
function weightedStatistics(
  mean: Float64Array,
  variance: Float64Array,
  x: Tensor,
  { each, total }: Weights,
  view: View,
): void {
  const { n, c } = view;
  const wide = Float64Array.from(x);
  const factors = new Float64Array(wide.length);
  for (let i = 0, k = 0; i < n; i++) for (let ch = 0; ch < c; ch++, k++) factors[k] = each[i];
  // About a value of the channel, so that the mean of a constant one is exact.
  for (let ch = 0; ch < c; ch++) mean[ch] = Number.isFinite(wide[ch]) ? wide[ch] : 0;
  const first = sumsAbout(mean, factors, wide, view);
  for (let ch = 0; ch < c; ch++) mean[ch] += first.sumDyDeviation[ch] / total;

  for (let i = 0, k = 0; i < n; i++) for (let ch = 0; ch < c; ch++, k++) factors[k] *= wide[k] - mean[ch];
  const { sumDy, sumDyDeviation } = sumsAbout(mean, factors, wide, view);
  for (let ch = 0; ch < c; ch++) {
    const e = sumDy[ch] / total;
    const finite = Number.isFinite(mean[ch]);
    const central = finite ? sumDyDeviation[ch] / total - e * e : NaN;
    variance[ch] = central < 0 ? 0 : central;
    if (finite) mean[ch] += e;
  }
}

/** Σ f and Σ f·(x − mean), in float64. */
function sumsAbout(mean: Float64Array, factors: Float64Array, x: Float64Array, view: View): GradientSums {
  const { c } = view;
  const sums = { sumDy: new Float64Array(c), sumDyDeviation: new Float64Array(c) };
  const affine = { mean, variance: new Float64Array(c), gamma: null, beta: null, epsilon: 1 };
  kernels().gradientSums(sums, factors, x, null, affine, 0, view);
  return sums;
}

/**
 * `gradientInput` of the kernels where position i had the weight w in the statistics:
 *
 *     dx = gamma·rstd·(g − w·(sumDy/count + (x − mean)·rstd²·sumDyDeviation/count)),  count = Σ w
 *
 * With weights of 1 the bits are those of the kernels. Tensors are [n, c].
 */
export function weightedGradientInput(
  dx: Tensor,
  dresidual: Tensor | null,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  sums: GradientSums,
  count: number,
  weights: Float64Array,
  view: View,
): void {
  const { n, c } = view;
  const fl = x.BYTES_PER_ELEMENT === 4 ? Math.fround : (value: number) => value;
  const { center, slope, level } = inputCoefficients(affine, sums, count, fl);
  kernels().gradientInput(dx, dresidual, dy, x, residual, affine, activation, null, 0, view);
  for (let i = 0, k = 0; i < n; i++) {
    const weight = fl(weights[i]);
    for (let ch = 0; ch < c; ch++, k++) {
      const rest = fl(fl(fl(x[k] - center[ch]) * slope[ch]) + level[ch]);
      dx[k] -= fl(weight * rest);
    }
  }
}

/** What dx = g·scale − (d·slope + level) needs beside scale: docs/numerics.md, section 5. */
function inputCoefficients(
  { mean, variance, gamma, epsilon }: Affine,
  { sumDy, sumDyDeviation }: GradientSums,
  count: number,
  fl: (value: number) => number,
) {
  const [center, slope, level] = [mean.slice(), mean.slice(), mean.slice()];
  for (let ch = 0; ch < mean.length; ch++) {
    const rstd = reciprocalDeviation(variance[ch] + epsilon);
    const a = (gamma === null ? 1 : gamma[ch]) * rstd;
    const k = (rstd * rstd * sumDyDeviation[ch]) / count;
    center[ch] = fl(mean[ch]);
    slope[ch] = fl(a * k);
    level[ch] = fl(a * (sumDy[ch] / count - (mean[ch] - center[ch]) * k));
  }
  return { center, slope, level };
}
