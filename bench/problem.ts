/** One case: a shape in a layout, its data, and where results go. The same arrays at every repetition. */
import { dimensions, type Layout, type ShapeName, type View, viewOf } from './shapes.js';
import { findTruth, type Truth } from './truth.js';

export const EPSILON = 1e-5;

export interface Problem {
  readonly shape: ShapeName;
  readonly layout: Layout;
  readonly dims: readonly number[];
  readonly axis: number;
  readonly view: View;
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  /** Statistics of the batch, per channel, by the oracle: what backward and inference are given. */
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly truth: Truth;
  /** Where contenders that take outputs write. */
  readonly out: Outputs & { y: Float32Array; dx: Float32Array };
}

/** The results of a contender, as far as it has them. */
export interface Outputs {
  y?: Float32Array;
  mean?: Float64Array;
  variance?: Float64Array;
  dx?: Float32Array;
  dgamma?: Float32Array;
  dbeta?: Float32Array;
}

export function makeProblem(shape: ShapeName, layout: Layout): Problem {
  const view = viewOf(shape, layout);
  const length = view.n * view.c * view.s;
  const x = noise(length, 1, 1);
  shift(x, view);
  const dy = noise(length, 2, 0.5);
  const gamma = noise(view.c, 3, 0.25).map((value) => 1 + value);
  const beta = noise(view.c, 4, 1);
  const truth = findTruth(x, dy, gamma, beta, EPSILON, view);
  const { mean, variance } = truth;
  const out = {
    y: new Float32Array(length),
    mean: new Float64Array(view.c),
    variance: new Float64Array(view.c),
    dx: new Float32Array(length),
    dgamma: new Float32Array(view.c),
    dbeta: new Float32Array(view.c),
  };
  return { shape, layout, ...dimensions(shape, layout), view, x, dy, gamma, beta, mean, variance, truth, out };
}

/** So that a result is not taken for one that an earlier contender left. */
export function spoil(out: Outputs): void {
  for (const array of Object.values(out)) array.fill(NaN);
}

/** Uniform between ±amplitude: a linear congruential generator (Numerical Recipes' constants). */
function noise(length: number, seed: number, amplitude: number): Float32Array {
  const values = new Float32Array(length);
  let state = Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = (state / 2 ** 31) * amplitude;
  }
  return values;
}

/** Moves each channel elsewhere, between −1 and 1. */
function shift(x: Float32Array, { n, c, s }: View): void {
  const offsets = noise(c, 5, 1);
  let k = 0;
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (const end = k + s; k < end; k++) x[k] += offsets[ch];
    }
  }
}
