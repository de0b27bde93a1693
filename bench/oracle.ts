/**
 * Batch normalization in float64, as it is defined and without any care for speed or for the order of a sum; and how far
 * from it a result may be. No line is shared with the library.
 */
import type { View } from '#dist/kernels.js';
import type { Outputs, Problem } from './problem.js';

/** Per channel, [c]. */
export interface Truth {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** 1/√(variance + epsilon) */
  readonly rstd: Float64Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  /** Σdy, Σdy·(x − mean), and the same sums of absolute values. */
  readonly sum: Float64Array;
  readonly sumDeviation: Float64Array;
  readonly absolute: Float64Array;
  readonly absoluteDeviation: Float64Array;
  /** Mean of |x|. */
  readonly magnitude: Float64Array;
}

/** How far a result may be off, in units of each quantity's own rounding. */
export interface Tolerance {
  readonly name: string;
  /** Of y and dx: the largest error where the largest term of the value is `scale`. */
  y(scale: number): number;
  dx(scale: number): number;
  /** Of Σdy and Σdy·(x − mean), relative to what they add up, beyond the order of summation. */
  readonly sums: number;
}

const U = 2 ** -24;
const W = 2 ** -53;

/** docs/numerics.md, section 6: 5 ulp of y, 7½ ulp of dx given the sums, and float32 rounding in the sums. */
export const OURS: Tolerance = {
  name: 'the bounds of docs/numerics.md',
  y: (scale) => 5 * ulp(scale),
  dx: (scale) => 7.5 * ulp(scale),
  sums: 2 * U,
};

/** Libraries that sum in float32: is it batch normalization at all? */
export const PEERS: Tolerance = {
  name: 'a thousandth',
  y: (scale) => 1e-3 * scale,
  dx: (scale) => 1e-3 * scale,
  sums: 1e-3,
};

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** The spacing of float32 at `value`, made from its exponent: a power takes ten times as long. */
export function ulp(value: number): number {
  double[0] = value;
  const exponent = (words[HIGH]! >>> 20) & 0x7ff; // biased by 1023
  double[0] = 0;
  words[HIGH] = (Math.max(exponent, 1023 - 126) - 23) << 20;
  return double[0]!;
}

/** Calls body(channel, index) for every element. */
function each({ n, c, s }: View, body: (ch: number, k: number) => void): void {
  let k = 0;
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (const end = k + s; k < end; k++) body(ch, k);
    }
  }
}

export function findTruth(
  x: Float32Array,
  dy: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
  view: View,
): Truth {
  const m = view.n * view.s;
  const zeros = () => new Float64Array(view.c);
  const [mean, variance, magnitude] = [zeros(), zeros(), zeros()];
  const [sum, sumDeviation, absolute, absoluteDeviation] = [zeros(), zeros(), zeros(), zeros()];
  each(view, (ch, k) => {
    mean[ch] += x[k]! / m;
    magnitude[ch] += Math.abs(x[k]!) / m;
  });
  each(view, (ch, k) => {
    const deviation = x[k]! - mean[ch]!;
    variance[ch] += (deviation * deviation) / m;
    sum[ch] += dy[k]!;
    absolute[ch] += Math.abs(dy[k]!);
    sumDeviation[ch] += dy[k]! * deviation;
    absoluteDeviation[ch] += Math.abs(dy[k]! * deviation);
  });
  const rstd = variance.map((value) => 1 / Math.sqrt(value + epsilon));
  return { mean, variance, rstd, gamma, beta, sum, sumDeviation, absolute, absoluteDeviation, magnitude };
}

/** The first thing that is wrong with the results, or null. NaN is wrong. */
export function check(outputs: Outputs, problem: Problem, tolerance: Tolerance): string | null {
  return (
    checkChannels(outputs, problem, tolerance) ??
    checkY(outputs, problem, tolerance) ??
    checkDx(outputs, problem, tolerance)
  );
}

function checkY({ y }: Outputs, { x, view, truth }: Problem, tolerance: Tolerance): string | null {
  if (y === undefined) return null;
  let wrong = y.length === x.length ? null : `y has ${y.length} values`;
  each(view, (ch, k) => {
    const term = (x[k]! - truth.mean[ch]!) * truth.rstd[ch]! * truth.gamma[ch]!;
    const error = Math.abs(y[k]! - (term + truth.beta[ch]!));
    if (!(error <= tolerance.y(Math.max(Math.abs(term), Math.abs(truth.beta[ch]!))))) {
      wrong ??= `y[${k}] is ${y[k]}, expected ${term + truth.beta[ch]!}`;
    }
  });
  return wrong;
}

function checkDx({ dx }: Outputs, { dy, x, view, truth }: Problem, tolerance: Tolerance): string | null {
  if (dx === undefined) return null;
  const m = view.n * view.s;
  let wrong = dx.length === x.length ? null : `dx has ${dx.length} values`;
  each(view, (ch, k) => {
    const rstd = truth.rstd[ch]!;
    const a = truth.gamma[ch]! * rstd;
    const own = dy[k]! * a;
    const shared = (truth.sum[ch]! / m) * a;
    const deviation = ((x[k]! - truth.mean[ch]!) * rstd * rstd * a) / m;
    const slope = deviation * truth.sumDeviation[ch]!;
    const ofSum = tolerance.sums * Math.abs(deviation) * truth.absoluteDeviation[ch]!;
    const error = Math.abs(dx[k]! - (own - shared - slope));
    if (!(error <= ofSum + tolerance.dx(Math.max(Math.abs(own), Math.abs(shared), Math.abs(slope))))) {
      wrong ??= `dx[${k}] is ${dx[k]}, expected ${own - shared - slope}`;
    }
  });
  return wrong;
}

/**
 * What is per channel. A sum of m terms in any order is within m·w of the sum of their absolute values (Higham, section
 * 4.2), twice that since ours is such a sum too.
 */
function checkChannels(outputs: Outputs, { view, truth, x }: Problem, { sums }: Tolerance): string | null {
  const m = view.n * view.s;
  const order = 2 * (m + 4) * W;
  const { mean, variance, dgamma, dbeta } = outputs;
  const square = (value: number) => value * value;
  const quantities: [string, ArrayLike<number> | undefined, (ch: number) => number, (ch: number) => number][] = [
    ['mean', mean, (ch) => truth.mean[ch]!, (ch) => order * truth.magnitude[ch]!],
    [
      'variance',
      variance,
      (ch) => truth.variance[ch]!,
      (ch) => 2 * order * (truth.variance[ch]! + square(truth.mean[ch]!)),
    ],
    ['dbeta', dbeta, (ch) => truth.sum[ch]!, (ch) => (sums + order) * truth.absolute[ch]!],
    [
      'dgamma',
      dgamma,
      (ch) => truth.sumDeviation[ch]! * truth.rstd[ch]!,
      (ch) => (sums + order) * truth.absoluteDeviation[ch]! * truth.rstd[ch]!,
    ],
  ];
  for (const [name, values, expected, bound] of quantities) {
    for (let ch = 0; values !== undefined && ch < view.c; ch++) {
      if (!(Math.abs(values[ch]! - expected(ch)) <= bound(ch))) {
        return `${name}[${ch}] is ${values[ch]}, expected ${expected(ch)}`;
      }
    }
  }
  return x.length === m * view.c ? null : 'the case itself is of the wrong size';
}
