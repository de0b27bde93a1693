/**
 * Batch normalization whose statistics are over some of the rows only, in float64, channels last. Gradients follow the
 * chain rule through variance and mean; every row depends on these, so that every row sends something back through
 * them.
 */
import { sum } from './oracle.js';

interface Case {
  x: number[];
  dy: number[];
  gamma: number[];
  beta: number[];
  epsilon: number;
}

export function maskedTruth({ x, dy, gamma, beta, epsilon }: Case, mask: number[]) {
  const c = gamma.length;
  const truth = {
    y: new Float64Array(x.length),
    dx: new Float64Array(x.length),
    dgamma: [] as number[],
    dbeta: [] as number[],
    mean: [] as number[],
    variance: [] as number[],
  };
  for (let ch = 0; ch < c; ch++) {
    const all = mask.map((_, row) => row * c + ch);
    const counted = all.filter((_, row) => mask[row] !== 0);
    const n = counted.length;
    const mean = sum(counted.map((k) => x[k])) / n;
    const deviation = (k: number) => x[k] - mean;
    const variance = sum(counted.map((k) => deviation(k) ** 2)) / n;
    const root = Math.sqrt(variance + epsilon);
    const dNormalized = (k: number) => dy[k] * gamma[ch];
    const dVariance = sum(all.map((k) => dNormalized(k) * deviation(k))) * (-1 / 2) * root ** -3;
    const dMean = -sum(all.map(dNormalized)) / root + (dVariance * sum(counted.map((k) => -2 * deviation(k)))) / n;
    for (const k of all) {
      truth.y[k] = (gamma[ch] * deviation(k)) / root + beta[ch];
      truth.dx[k] = dNormalized(k) / root;
    }
    for (const k of counted) truth.dx[k] += (dVariance * 2 * deviation(k) + dMean) / n;
    truth.dgamma.push(sum(all.map((k) => (dy[k] * deviation(k)) / root)));
    truth.dbeta.push(sum(all.map((k) => dy[k])));
    truth.mean.push(mean);
    truth.variance.push(variance);
  }
  return truth;
}
