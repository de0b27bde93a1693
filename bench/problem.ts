/** One case: a shape in a layout, its data, and where results go. The same arrays at every repetition. */
import { fromBfloat16, fromFloat16, type HalfDtype, toBfloat16, toFloat16 } from 'batchnorm';
import { dimensions, type ElementType, type Layout, type ShapeName, type View, viewOf } from './shapes.js';
import { findTruth, type Truth } from './truth.js';

export const EPSILON = 1e-5;

export interface Problem {
  readonly shape: ShapeName;
  readonly layout: Layout;
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  readonly axis: number;
  readonly view: View;
  /** Of 16 bits: numbers that these hold. */
  readonly x: Float32Array;
  readonly dy: Float32Array;
  /** The tensors of 16 bits as their bits; null of float32. */
  readonly halves: Halves | null;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  /** Statistics of the batch, per channel, by the oracle: what backward and inference are given. */
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly truth: Truth;
  /** Where contenders that take outputs write. */
  readonly out: Outputs & { y: Float32Array; dx: Float32Array };
}

/** Tensors of 16 bits: those that are given, and those that contenders write. */
export interface Halves {
  readonly x: Uint16Array;
  readonly dy: Uint16Array;
  readonly y: Uint16Array;
  readonly dx: Uint16Array;
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

export function makeProblem(shape: ShapeName, layout: Layout, dtype: ElementType = 'float32'): Problem {
  const view = viewOf(shape, layout);
  const length = view.n * view.c * view.s;
  const x = noise(length, 1, 1);
  shift(x, view);
  const dy = noise(length, 2, 0.5);
  const halves = dtype === 'float32' ? null : halve(dtype, x, dy);
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
  const given = { x, dy, halves, gamma, beta };
  return { shape, layout, dtype, ...dimensions(shape, layout), view, ...given, mean, variance, truth, out };
}

/** The bits of both, which become the numbers that these stand for. */
function halve(dtype: HalfDtype, x: Float32Array, dy: Float32Array): Halves {
  const bits = (values: Float32Array) => {
    const rounded = dtype === 'float16' ? toFloat16(values) : toBfloat16(values);
    widen(dtype, rounded, values);
    return rounded;
  };
  return { x: bits(x), dy: bits(dy), y: new Uint16Array(x.length), dx: new Uint16Array(x.length) };
}

/** out ← the numbers. */
export function widen(dtype: HalfDtype, bits: Uint16Array, out: Float32Array): Float32Array {
  return dtype === 'float16' ? fromFloat16(bits, { out }) : fromBfloat16(bits, { out });
}

/** NaN of both types. */
const NO_HALF = 0x7fff;

/** So that a result is not taken for one that an earlier contender left. */
export function spoil({ out, halves }: Pick<Problem, 'out' | 'halves'>): void {
  for (const array of Object.values(out)) array.fill(NaN);
  for (const bits of [halves?.y, halves?.dx]) bits?.fill(NO_HALF);
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
