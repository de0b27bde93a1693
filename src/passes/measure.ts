/**
 * Mean and variance of the values that are normalised together: by the kernels where these lie in a tensor of their
 * own, and by sums over rows where a mask has chosen them or they count by weights: docs/numerics.md, sections 3 and 5.
 */
import { kernels } from '../backends/select.js';
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { type Rows, rowSums } from './row-sums.js';
import type { Positions, Selection } from './selection.js';
import type { Weights } from './weights.js';

/** mean, variance ← of x. */
export type Measure = (mean: Float64Array, variance: Float64Array, x: Tensor) => void;

/** Of a tensor of this view, [n, c] where it has weights. */
export function measureOf({ view, weights }: { readonly view: View; readonly weights: Weights | null }): Measure {
  if (weights === null) return (mean, variance, x) => kernels().statistics(mean, variance, x, view);
  const { n, c } = view;
  const locate = (places: Positions, row: number, count: number) => {
    for (let k = 0; k < count; k++) places[k] = (row + k) * c;
  };
  const rows = { count: n, channels: c, apart: 1, weights: weights.each, locate };
  return (mean, variance, x) => weightedStatistics(mean, variance, x, rows, weights.total);
}

/** Of what a mask has chosen in x, where it lies. For float32. */
export function measureChosen(selection: Selection): Measure {
  const { whole, view, weights } = selection;
  const locate = selection.locate.bind(selection);
  const rows = { count: view.n, channels: whole.c, apart: whole.s, weights: weights?.each ?? null, locate };
  return weights === null
    ? (mean, variance, x) => plainStatistics(mean, variance, x, rows)
    : (mean, variance, x) => weightedStatistics(mean, variance, x, rows, weights.total);
}

/** Beyond mean² = 2²⁰·variance, Σx² − m·mean² has lost too many bits: such channels take a second, centred pass. */
const CENTRED_ABOVE = 2 ** 20;

/** The kernel `statistics` of float32. */
function plainStatistics(mean: Float64Array, variance: Float64Array, x: Tensor, rows: Rows): void {
  const m = rows.count;
  const { first, second } = rowSums(x, rows, new Float64Array(rows.channels));
  const needsCentring = (ch: number) => mean[ch] * mean[ch] > CENTRED_ABOVE * variance[ch];
  let centring = false;
  for (let ch = 0; ch < mean.length; ch++) {
    mean[ch] = first[ch] / m;
    variance[ch] = clamped((second[ch] - first[ch] * mean[ch]) / m);
    centring ||= needsCentring(ch);
  }
  if (!centring) return;
  const about = rowSums(x, rows, mean);
  for (let ch = 0; ch < mean.length; ch++) {
    if (needsCentring(ch)) centre(mean, variance, ch, about.first[ch] / m, about.second[ch] / m);
  }
}

/** mean = Σ w·x / Σ w and variance = Σ w·(x − mean)² / Σ w. */
function weightedStatistics(mean: Float64Array, variance: Float64Array, x: Tensor, rows: Rows, total: number): void {
  const { channels, apart } = rows;
  const place = new Float64Array(1);
  rows.locate(place, 0, 1);
  // About a value of the channel, so that the mean of a constant one is exact.
  for (let ch = 0; ch < channels; ch++) {
    const value = x[place[0] + ch * apart];
    mean[ch] = Number.isFinite(value) ? value : 0;
  }
  const { first } = rowSums(x, rows, mean);
  for (let ch = 0; ch < channels; ch++) mean[ch] += first[ch] / total;
  const about = rowSums(x, rows, mean);
  for (let ch = 0; ch < channels; ch++) {
    centre(mean, variance, ch, about.first[ch] / total, about.second[ch] / total);
  }
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
