/**
 * Batch normalization by the formulas of the paper, in float64, as naively as they can be written: no line is shared
 * with the library, gradients follow the chain rule through variance and mean (arXiv 1502.03167, section 3) instead of
 * the simplified form. Sums are compensated, so that they are right on hard data too.
 */
import type { View } from '#dist/kernels.js';

type Numbers = ArrayLike<number>;

/** Σ terms with the rounding errors added back: Neumaier, ZAMM 54, 1974. */
export function sum(terms: Iterable<number>): number {
  let total = 0;
  let lost = 0;
  for (const term of terms) {
    const next = total + term;
    lost += Math.abs(total) >= Math.abs(term) ? total - next + term : term - next + total;
    total = next;
  }
  return total + lost;
}

/** The indices of the values of channel ch. */
export function indices({ n, c, s }: View, ch: number): number[] {
  return Array.from({ length: n * s }, (_, k) => (Math.floor(k / s) * c + ch) * s + (k % s));
}

export interface Statistics {
  mean: number[];
  variance: number[];
}

/** mean = Σx/m, variance = Σ(x − mean)²/m */
export function statistics(x: Numbers, view: View): Statistics {
  const m = view.n * view.s;
  const channels = Array.from({ length: view.c }, (_, ch) => indices(view, ch).map((k) => x[k]));
  const mean = channels.map((values) => sum(values) / m);
  const variance = channels.map((values, ch) => {
    // The mean is rounded; Σ(x − mean)/m tells by how much.
    const error = sum(values.map((value) => value - mean[ch])) / m;
    return sum(values.map((value) => (value - mean[ch] - error) ** 2)) / m;
  });
  return { mean, variance };
}

/** What is applied to x̂. */
export interface Rest {
  gamma: Numbers | null;
  beta: Numbers | null;
  residual: Numbers | null;
  relu: boolean;
  epsilon: number;
}

const at = (values: Numbers | null, ch: number, otherwise: number) => (values === null ? otherwise : values[ch]);

/** x̂ = (x − mean)/√(variance + epsilon), y = gamma·x̂ + beta, plus the residual, through the activation. */
export function normalize(x: Numbers, { mean, variance }: Statistics, rest: Rest, view: View): Float64Array {
  const y = new Float64Array(x.length);
  for (let ch = 0; ch < view.c; ch++) {
    for (const k of indices(view, ch)) {
      const xHat = (x[k] - mean[ch]) / Math.sqrt(variance[ch] + rest.epsilon);
      const z = at(rest.gamma, ch, 1) * xHat + at(rest.beta, ch, 0) + at(rest.residual, k, 0);
      y[k] = rest.relu ? Math.max(z, 0) : z;
    }
  }
  return y;
}

export interface Gradients {
  dx: Float64Array;
  dgamma: number[];
  dbeta: number[];
}

/** The six equations of the paper. `dy` is the gradient of what stands before the activation. */
export function backward(
  dy: Numbers,
  x: Numbers,
  { mean, variance }: Statistics,
  { gamma, epsilon }: Pick<Rest, 'gamma' | 'epsilon'>,
  view: View,
): Gradients {
  const m = view.n * view.s;
  const result: Gradients = { dx: new Float64Array(x.length), dgamma: [], dbeta: [] };
  for (let ch = 0; ch < view.c; ch++) {
    const own = indices(view, ch);
    const deviation = (k: number) => x[k] - mean[ch];
    const root = Math.sqrt(variance[ch] + epsilon);
    const dxHat = (k: number) => dy[k] * at(gamma, ch, 1);

    const dVariance = sum(own.map((k) => dxHat(k) * deviation(k))) * (-1 / 2) * root ** -3;
    const dMean = -sum(own.map(dxHat)) / root + (dVariance * sum(own.map((k) => -2 * deviation(k)))) / m;
    for (const k of own) result.dx[k] = dxHat(k) / root + (dVariance * 2 * deviation(k)) / m + dMean / m;
    result.dgamma.push(sum(own.map((k) => (dy[k] * deviation(k)) / root)));
    result.dbeta.push(sum(own.map((k) => dy[k])));
  }
  return result;
}

/** The same where mean and variance are constants: dx = dx̂/√(variance + epsilon). */
export function backwardGiven(...args: Parameters<typeof backward>): Gradients {
  const [dy, , { variance }, { gamma, epsilon }, view] = args;
  const result = backward(...args);
  for (let ch = 0; ch < view.c; ch++) {
    for (const k of indices(view, ch)) result.dx[k] = (dy[k] * at(gamma, ch, 1)) / Math.sqrt(variance[ch] + epsilon);
  }
  return result;
}
