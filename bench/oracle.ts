/** How far a result may be from what is right, and whether it is. No line is shared with the library. */
import type { Outputs, Problem } from './problem.js';
import type { ElementType } from './shapes.js';
import { each } from './truth.js';

/** How far a result may be off, in units of each quantity's own rounding. */
export interface Tolerance {
  readonly name: string;
  /** The largest error of y and dx where the largest term of the value is `scale`. */
  y(scale: number): number;
  dx(scale: number): number;
  /**
   * The largest error of Σdy and Σdy·(x − mean), relative to the sum of absolute terms, beyond the order of summation.
   */
  readonly sums: number;
}

const U = 2 ** -24;
const W = 2 ** -53;

/** docs/numerics.md, section 6: 5 ulp of y, 7½ ulp of dx given the sums, and float32 rounding in the sums. */
const FLOAT32: Tolerance = {
  name: 'the bounds of docs/numerics.md',
  y: (scale) => 5 * ulp(scale),
  dx: (scale) => 7.5 * ulp(scale),
  sums: 2 * U,
};

/**
 * Section 11: y, a sum of two terms, and dx, of three, are rounded once more.
 *
 * @param spacing of float32, in which that of 16 bits is 1
 * @param least the smallest spacing
 */
function half(spacing: number, least: number): Tolerance {
  const rounding = (value: number) => Math.max(spacing * ulp(value), least) / 2;
  return {
    ...FLOAT32,
    y: (scale) => FLOAT32.y(scale) + rounding(2 * scale),
    dx: (scale) => FLOAT32.dx(scale) + rounding(3 * scale),
  };
}

/** This library, by the type of the elements. */
export const OURS: Readonly<Record<ElementType, Tolerance>> = {
  float32: FLOAT32,
  float16: half(2 ** 13, 2 ** -24),
  bfloat16: half(2 ** 16, 2 ** -133),
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
  const exponent = (words[HIGH] >>> 20) & 0x7ff; // biased by 1023
  double[0] = 0;
  words[HIGH] = (Math.max(exponent, 1023 - 126) - 23) << 20;
  return double[0];
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
    const term = (x[k] - truth.mean[ch]) * truth.rstd[ch] * truth.gamma[ch];
    const error = Math.abs(y[k] - (term + truth.beta[ch]));
    if (!(error <= tolerance.y(Math.max(Math.abs(term), Math.abs(truth.beta[ch]))))) {
      wrong ??= `y[${k}] is ${y[k]}, expected ${term + truth.beta[ch]}`;
    }
  });
  return wrong;
}

function checkDx({ dx }: Outputs, { dy, x, view, truth }: Problem, tolerance: Tolerance): string | null {
  if (dx === undefined) return null;
  const m = view.n * view.s;
  let wrong = dx.length === x.length ? null : `dx has ${dx.length} values`;
  each(view, (ch, k) => {
    const rstd = truth.rstd[ch];
    const a = truth.gamma[ch] * rstd;
    const own = dy[k] * a;
    const shared = (truth.sum[ch] / m) * a;
    const deviation = ((x[k] - truth.mean[ch]) * rstd * rstd * a) / m;
    const slope = deviation * truth.sumDeviation[ch];
    const ofSum = tolerance.sums * Math.abs(deviation) * truth.absoluteDeviation[ch];
    const error = Math.abs(dx[k] - (own - shared - slope));
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
    ['mean', mean, (ch) => truth.mean[ch], (ch) => order * truth.magnitude[ch]],
    [
      'variance',
      variance,
      (ch) => truth.variance[ch],
      (ch) => 2 * order * (truth.variance[ch] + square(truth.mean[ch])),
    ],
    ['dbeta', dbeta, (ch) => truth.sum[ch], (ch) => (sums + order) * truth.absolute[ch]],
    [
      'dgamma',
      dgamma,
      (ch) => truth.sumDeviation[ch] * truth.rstd[ch],
      (ch) => (sums + order) * truth.absoluteDeviation[ch] * truth.rstd[ch],
    ],
  ];
  for (const [name, values, expected, bound] of quantities) {
    for (let ch = 0; values !== undefined && ch < view.c; ch++) {
      if (!(Math.abs(values[ch] - expected(ch)) <= bound(ch))) {
        return `${name}[${ch}] is ${values[ch]}, expected ${expected(ch)}`;
      }
    }
  }
  return x.length === m * view.c ? null : 'the case itself is of the wrong size';
}
