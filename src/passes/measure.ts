/**
 * Mean and variance of the values that are normalised together: by the kernels where these lie in a tensor of their
 * own, and by sums over rows where a mask has chosen them or they count by weights: docs/numerics.md, sections 3 and 5.
 */
import { kernels } from '../backends/select.js';
import type { Positions, RowSums, TensorKernels, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import type { Selection } from './selection.js';
import type { Weights } from './weights.js';

/** mean, variance ← of x. */
export type Measure = (mean: Float64Array, variance: Float64Array, x: Tensor) => void;

/** Of a tensor of this view, [n, c] where it has weights. */
export function measureOf({ view, weights }: { readonly view: View; readonly weights: Weights | null }): Measure {
  if (weights === null) return (mean, variance, x) => kernels().statistics(mean, variance, x, view);
  return (mean, variance, x) => weightedFloats(mean, variance, x, { view, positions: null, weights });
}

/** Of what a mask has chosen in x, where it lies. For float32. */
export function measureChosen({ whole, positions, weights }: Selection): Measure {
  if (weights === null) return (mean, variance, x) => plainStatistics(kernels(), mean, variance, x, positions, whole);
  return (mean, variance, x) => weightedFloats(mean, variance, x, { view: whole, positions, weights });
}

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
const CENTRED_ABOVE = 2 ** 20;

/** What the kernel `statistics` makes of the rows at these positions, for float32 and 16 bits. */
export function plainStatistics<X>(
  table: Pick<TensorKernels<X, Tensor>, 'rowSums'>,
  mean: Float64Array,
  variance: Float64Array,
  x: X,
  positions: Positions,
  view: View,
): void {
  const m = positions.length;
  const sums = newSums(view.c);
  table.rowSums(sums, x, positions, null, null, view);
  const { first, second } = sums;
  const needsCentring = (ch: number) => mean[ch] * mean[ch] > CENTRED_ABOVE * variance[ch];
  let centring = false;
  for (let ch = 0; ch < mean.length; ch++) {
    mean[ch] = first[ch] / m;
    variance[ch] = clamped((second[ch] - first[ch] * mean[ch]) / m);
    centring ||= needsCentring(ch);
  }
  if (!centring) return;
  table.rowSums(sums, x, positions, null, mean, view);
  for (let ch = 0; ch < mean.length; ch++) {
    if (needsCentring(ch)) centre(mean, variance, ch, first[ch] / m, second[ch] / m);
  }
}

/** Rows of a tensor of this view that count by weights; all of it where `positions` is null. */
export interface WeightedRows {
  readonly view: View;
  readonly positions: Positions | null;
  readonly weights: Weights;
}

function weightedFloats(mean: Float64Array, variance: Float64Array, x: Tensor, rows: WeightedRows): void {
  weightedStatistics(kernels(), mean, variance, x, rows, (place) => x[place]);
}

/**
 * mean = Σ w·x / Σ w and variance = Σ w·(x − mean)² / Σ w.
 *
 * @param valueAt a value of x by its place
 */
export function weightedStatistics<X>(
  table: Pick<TensorKernels<X, Tensor>, 'rowSums'>,
  mean: Float64Array,
  variance: Float64Array,
  x: X,
  rows: WeightedRows,
  valueAt: (place: number) => number,
): void {
  const { view, positions, weights } = rows;
  const { each, total } = weights;
  const position = positions === null ? 0 : positions[0];
  const place = position * view.c - (position % view.s) * (view.c - 1);
  // About a value of the channel, so that the mean of a constant one is exact.
  for (let ch = 0; ch < view.c; ch++) {
    const value = valueAt(place + ch * view.s);
    mean[ch] = Number.isFinite(value) ? value : 0;
  }
  const sums = newSums(view.c);
  const { first, second } = sums;
  table.rowSums(sums, x, positions, each, mean, view);
  for (let ch = 0; ch < view.c; ch++) mean[ch] += first[ch] / total;
  table.rowSums(sums, x, positions, each, mean, view);
  for (let ch = 0; ch < view.c; ch++) centre(mean, variance, ch, first[ch] / total, second[ch] / total);
}

function newSums(channels: number): RowSums {
  return { first: new Float64Array(channels), second: new Float64Array(channels) };
}

/** mean += e, variance = q − e², where e and q are the means of x − mean and of its square. An infinite mean stays. */
function centre(mean: Float64Array, variance: Float64Array, ch: number, e: number, q: number): void {
  const finite = Number.isFinite(mean[ch]);
  variance[ch] = finite ? clamped(q - e * e) : NaN;
  if (finite) mean[ch] += e;
}

/** A variance that rounding made negative is 0; NaN stays. */
function clamped(variance: number): number {
  return variance < 0 ? 0 : variance;
}
