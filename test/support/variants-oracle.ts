/**
 * The variants by their definitions, in float64, as naively as they can be written: values that share statistics are a
 * list of indices, and everything is computed from such lists. No line is shared with the library.
 */
import { sum } from './oracle.js';

type Numbers = ArrayLike<number>;

/** Where the values of a batch lie: `samples` samples of (rows, c, s). */
export interface Layout {
  readonly samples: number;
  readonly rows: number;
  readonly c: number;
  readonly s: number;
}

/** The group of each sample. */
export function groupsOf(samples: number, size: number, grouping: 'consecutive' | 'interleaved'): number[] {
  const groups = Math.ceil(samples / size);
  return Array.from({ length: samples }, (_, i) => (grouping === 'consecutive' ? Math.floor(i / size) : i % groups));
}

export interface Shared {
  readonly ch: number;
  readonly group: number;
  readonly indices: readonly number[];
}

/** Every list of values that share statistics. */
export function sharing({ samples, rows, c, s }: Layout, groups: readonly number[]): Shared[] {
  const lists = new Map<string, { ch: number; group: number; indices: number[] }>();
  let k = 0;
  for (let i = 0; i < samples; i++) {
    for (let row = 0; row < rows; row++) {
      for (let ch = 0; ch < c; ch++) {
        const key = `${ch} ${groups[i]}`;
        if (!lists.has(key)) lists.set(key, { ch, group: groups[i], indices: [] });
        for (let j = 0; j < s; j++) lists.get(key)!.indices.push(k++);
      }
    }
  }
  return [...lists.values()];
}

export function momentsOf(x: Numbers, indices: readonly number[]): { mean: number; variance: number } {
  const values = indices.map((k) => x[k]);
  const mean = sum(values) / values.length;
  const error = sum(values.map((value) => value - mean)) / values.length;
  return { mean: mean + error, variance: sum(values.map((value) => (value - mean - error) ** 2)) / values.length };
}

/** r and d of batch renormalization; 1 and 0 without. */
export interface Correction {
  readonly r: number;
  readonly d: number;
}

/** As Keras 3 and TensorFlow compute them. */
export function correctionOf(
  { mean, variance }: { mean: number; variance: number },
  { renormMean, renormDeviation }: { renormMean: number; renormDeviation: number },
  { rMin, rMax, dMax }: { rMin: number; rMax: number; dMax: number },
  epsilon: number,
): Correction {
  const reference = Math.max(renormDeviation, Math.sqrt(epsilon));
  const r = Math.sqrt(variance + epsilon) / reference;
  const d = (mean - renormMean) / reference;
  return { r: Math.min(Math.max(r, rMin), rMax), d: Math.min(Math.max(d, -dMax), dMax) };
}

export interface Problem {
  readonly x: Numbers;
  readonly dy: Numbers;
  readonly gamma: Numbers;
  readonly beta: Numbers;
  readonly epsilon: number;
  readonly lists: readonly Shared[];
  readonly corrections: readonly Correction[];
}

/** y = gamma·((x − mean)/√(variance + epsilon)·r + d) + beta */
export function normalize({ x, gamma, beta, epsilon, lists, corrections }: Problem): Float64Array {
  const y = new Float64Array(x.length);
  lists.forEach(({ ch, indices }, i) => {
    const { mean, variance } = momentsOf(x, indices);
    const { r, d } = corrections[i];
    for (const k of indices) {
      y[k] = gamma[ch] * (((x[k] - mean) / Math.sqrt(variance + epsilon)) * r + d) + beta[ch];
    }
  });
  return y;
}

/** By the chain rule through variance and mean, with r and d as constants. */
export function backward({ x, dy, gamma, epsilon, lists, corrections }: Problem, c: number) {
  const dx = new Float64Array(x.length);
  const [dgamma, dbeta] = [new Float64Array(c), new Float64Array(c)];
  lists.forEach(({ ch, indices }, i) => {
    const { mean, variance } = momentsOf(x, indices);
    const { r, d } = corrections[i];
    const m = indices.length;
    const root = Math.sqrt(variance + epsilon);
    const dxHat = (k: number) => dy[k] * gamma[ch] * r;
    const dVariance = sum(indices.map((k) => dxHat(k) * (x[k] - mean))) * (-1 / 2) * root ** -3;
    const dMean = -sum(indices.map(dxHat)) / root;
    for (const k of indices) dx[k] = dxHat(k) / root + (dVariance * 2 * (x[k] - mean)) / m + dMean / m;
    dgamma[ch] += sum(indices.map((k) => dy[k] * (((x[k] - mean) / root) * r + d)));
    dbeta[ch] += sum(indices.map((k) => dy[k]));
  });
  return { dx, dgamma, dbeta };
}
