/** A batch in parts on several ranks, and the bounds between them and one process that has all of it. */
import * as assert from 'uvu/assert';
import { additions, ulp, W } from './bounds.js';
import type { ParallelBatch, ParallelResult } from './parallel-step.js';
import { randomFor } from './random.js';
import { momentsOf } from './variants-oracle.js';

const EPSILON = 1e-5;
const CONDITIONS = [0, 1e2, 1e3, 1e4, 1e6];
const LAYOUTS = [
  { c: 3, s: 9, axis: 1 },
  { c: 5, s: 1, axis: 1 },
];

export interface Problem {
  readonly title: string;
  readonly condition: number;
  readonly shares: readonly number[];
  readonly c: number;
  readonly s: number;
  readonly whole: ParallelBatch;
}

/**
 * At every condition (mean/std) and in both layouts.
 *
 * @param all for each division of a batch the samples of each rank
 */
export function problems(all: readonly (readonly number[])[]): Problem[] {
  return all.flatMap((shares) =>
    CONDITIONS.flatMap((condition) =>
      LAYOUTS.map(({ c, s, axis }) => {
        const title = `${shares} samples, mean/std ${condition}, [c, s] = [${c}, ${s}]`;
        const random = randomFor(title);
        const samples = shares.reduce((a, b) => a + b);
        const draw = (length: number, shift: number) => Float32Array.from({ length }, () => random.normal() + shift);
        const [gamma, beta] = [draw(c, 2), draw(c, 0)];
        const options = { axis, epsilon: EPSILON, activation: 'none' as const };
        const [x, dy] = [draw(samples * c * s, condition), draw(samples * c * s, 0)];
        return { title, condition, shares, c, s, whole: { options, gamma, beta, x, dy, shape: [samples, c, s] } };
      }),
    ),
  );
}

/** What this rank has of it. */
export function shareOf({ shares, c, s, whole }: Problem, rank: number): ParallelBatch {
  const from = shares.slice(0, rank).reduce((a, b) => a + b, 0) * c * s;
  const to = from + shares[rank] * c * s;
  return { ...whole, x: whole.x.slice(from, to), dy: whole.dy.slice(from, to), shape: [shares[rank], c, s] };
}

export const joined = (arrays: readonly Float32Array[]) => Float32Array.from(arrays.flatMap((array) => [...array]));
export const within = (error: number, bound: number, what: string) => {
  if (!(error <= bound)) assert.unreachable(`${what}: ${error} is more than ${bound}`);
};

/**
 * The bounds between the parts and the whole; those of the gradients of parameters are derived at `parameterBounds`.
 */
export function compareParts(problem: Problem, parts: readonly ParallelResult[], one: ParallelResult): void {
  const { title, c, s, whole } = problem;
  const { x, dy, gamma, beta } = whole;
  const [y, dx] = [joined(parts.map((part) => part.y)), joined(parts.map((part) => part.dx))];
  const m = x.length / c;
  for (let ch = 0; ch < c; ch++) {
    const at = Array.from({ length: m }, (_, i) => (Math.floor(i / s) * c + ch) * s + (i % s));
    const { mean, variance } = momentsOf(x, at);
    const size = Math.sqrt(variance + mean ** 2);
    const ratio = mean ** 2 / variance;
    const meanError = Math.abs(parts[0].mean[ch] - one.mean[ch]);
    const varianceError = Math.abs(parts[0].variance[ch] - one.variance[ch]);
    within(meanError, 1e-12 * size, `${title}: mean`);
    const relative = 1e-12 * (isCentredEverywhere(problem, ch) ? 1 : 1 + ratio);
    within(varianceError, relative * variance + mergeBound(problem, ch, mean), `${title}: variance`);

    const rstd = 1 / Math.sqrt(variance + EPSILON);
    const a = gamma[ch] * rstd;
    const sum = (sample: (k: number) => number) => at.reduce((total, k) => total + sample(k), 0);
    const [perDy, perDeviation] = [sum((k) => dy[k]) / m, (sum((k) => dy[k] * (x[k] - mean)) / m) * rstd * rstd];
    for (const k of at) {
      const largestOfY = Math.max(Math.abs((x[k] - mean) * a), Math.abs(beta[ch]));
      const largestOfDx = Math.max(...[dy[k], perDy, (x[k] - mean) * perDeviation].map((term) => Math.abs(term * a)));
      within(Math.abs(y[k] - one.y[k]), 2 * ulp(largestOfY, 'float32'), `${title}: y`);
      within(Math.abs(dx[k] - one.dx[k]), 2 * ulp(largestOfDx, 'float32'), `${title}: dx`);
    }
    const ranks = problem.shares.length;
    const bounds = parameterBounds(sum, { x, dy, mean, variance, rstd, meanError, varianceError }, { m, s, ranks });
    within(Math.abs(total(parts, 'dgamma', ch) - one.dgamma[ch]), bounds.dgamma, `${title}: dgamma`);
    within(Math.abs(total(parts, 'dbeta', ch) - one.dbeta[ch]), bounds.dbeta, `${title}: dbeta`);
  }
}

function indicesOf(part: Float32Array, ch: number, { c, s }: Problem): number[] {
  return Array.from({ length: part.length / c }, (_, i) => (Math.floor(i / s) * c + ch) * s + (i % s));
}

/** Mean and variance of the channel in each part that has values. */
function momentsOfParts(problem: Problem, ch: number) {
  const parts = problem.shares.map((_, rank) => shareOf(problem, rank).x).filter((part) => part.length > 0);
  return parts.map((part) => ({ length: part.length, ...momentsOf(part, indicesOf(part, ch, problem)) }));
}

/**
 * Whether every part is above the threshold of the centred pass. The rule is local: around the threshold a part may be
 * below it where the whole is above, and then has the error of the sums that are not centred.
 */
function isCentredEverywhere(problem: Problem, ch: number): boolean {
  return momentsOfParts(problem, ch).every(({ mean, variance }) => mean ** 2 > 1.01 * 2 ** 20 * variance);
}

/** What the rounding of the means adds to the variance when parts are merged: docs/numerics.md, section 6. */
function mergeBound(problem: Problem, ch: number, mean: number): number {
  const parts = momentsOfParts(problem, ch);
  if (parts.length === 1) return 0;
  const between = parts.reduce(
    (sum, part) => sum + (part.length / problem.whole.x.length) * (part.mean - mean) ** 2,
    0,
  );
  return 2 * (parts.length + 1) * W * Math.abs(mean) * Math.sqrt(between);
}

function total(parts: readonly ParallelResult[], name: 'dgamma' | 'dbeta', ch: number): number {
  return parts.reduce((sum, part) => sum + part[name][ch], 0);
}

interface Channel {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly mean: number;
  readonly variance: number;
  readonly rstd: number;
  readonly meanError: number;
  readonly varianceError: number;
}

/**
 * With A = Σ|dy·(x − mean)|·rstd and B = Σ|dy|: by docs/numerics.md each side of dgamma is within (u + (D + 3)·w)·A
 * before its last rounding, which is at most u·A over all parts; the two sides differ by another mean, which moves the
 * sum by |Δmean|·B·rstd, and another variance, which moves rstd by half its relative difference.
 */
function parameterBounds(
  sum: (sample: (k: number) => number) => number,
  { x, dy, mean, variance, rstd, meanError, varianceError }: Channel,
  { m, s, ranks }: { m: number; s: number; ranks: number },
) {
  const u = 2 ** -24;
  const D = additions({ n: m / s, c: 1, s }) + ranks;
  const A = sum((k) => Math.abs(dy[k] * (x[k] - mean))) * rstd;
  const B = sum((k) => Math.abs(dy[k]));
  const moved = meanError * B * rstd + (varianceError / (variance + EPSILON)) * A;
  return { dgamma: 2 * (2 * u + (D + 3) * W) * A + moved, dbeta: 2 * (u + D * W) * B };
}
