/**
 * The kernels where float64 data leave the range of float64 on the way: squares of deviations beyond 10¹⁵⁴ overflow,
 * those below 10⁻¹⁵⁴ underflow. Such channels are multiplied by a power of two, which is exact, go through the same
 * kernels, and come back: docs/numerics.md, section 7. Everything else is one kernel call, float32 untouched. What
 * decides is numbers per channel, so that no element is looked at where all is well.
 */

import { isSame } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { Affine, GradientSumArrays, KernelActivation, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import { type Measure, measureOf } from './measure.js';
import { type Factors, factorsOf, largest, multiplied, multiply } from './powers-of-two.js';
import { weightedGradientInput } from './weighted-gradient.js';
import type { Weights } from './weights.js';

/** A call whose channels are multiplied by factors. Its variances have epsilon in them. */
interface Scaled {
  readonly x: Tensor;
  readonly affine: Affine;
  readonly factors: Factors;
}

/** Elementwise, variances between 2⁻⁸⁰⁰ and 2⁸⁰⁰ lose nothing; a gradient multiplies some of them. */
const ELEMENTWISE = 2 ** 800;
const GRADIENT = 2 ** 400;
/** Gradient sums up to this have not overflown on the way, and those above its inverse have lost nothing. */
const SUMS = 2 ** 500;

/** mean, variance ← of x: the kernel `statistics`. A variance that float64 can't hold is Infinity, or rounded to 0. */
export function statistics(mean: Float64Array, variance: Float64Array, x: Tensor, view: View): void {
  measureInRange(measureOf({ view, weights: null }), mean, variance, x, view);
}

/** The same by any way of measuring. */
export function measureInRange(
  measure: Measure,
  mean: Float64Array,
  variance: Float64Array,
  x: Tensor,
  view: View,
): void {
  measure(mean, variance, x);
  if (x.BYTES_PER_ELEMENT === 8) correct(measure, mean, variance, x, view);
}

/** Measures anew what left the range; whether there was anything. */
function correct(measure: Measure, mean: Float64Array, variance: Float64Array, x: Tensor, view: View): boolean {
  if (areRepresented(variance)) return false;
  const factors = factorsOf(view.c, (ch) => (isRepresented(variance[ch]) ? 1 : largest(x, view, ch)));
  if (factors === null) return false;
  measure(mean, variance, multiplied(x, factors, view));
  for (let ch = 0; ch < view.c; ch++) {
    mean[ch] /= factors[ch];
    variance[ch] = variance[ch] / factors[ch] / factors[ch];
  }
  return true;
}

/** y ← of x and its own statistics, which go to `affine`: the kernel `forward`. y may be x or residual. */
export function forward(
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
): void {
  if (x.BYTES_PER_ELEMENT === 4) {
    kernels().forward(y, x, residual, affine, activation, view);
    return;
  }
  const { mean, variance } = affine;
  const measure = measureOf({ view, weights: null });
  // What is written over x would be gone when the statistics say that it is needed again.
  const isInPlace = isSame(y, x) || (residual !== null && isSame(y, residual));
  if (isInPlace) measure(mean, variance, x);
  else kernels().forward(y, x, residual, affine, activation, view);
  if (!isInPlace && areWithin(variance, 0, ELEMENTWISE)) return;
  const isCorrected = correct(measure, mean, variance, x, view);
  const scaled = scale(measure, x, affine, ELEMENTWISE, view);
  if (!isInPlace && !isCorrected && scaled === null) return;
  kernels().normalize(y, scaled?.x ?? x, residual, scaled?.affine ?? affine, activation, view);
}

/** y ← of x: the kernel `normalize`. `measure` gives the statistics of `affine`; null where they are not those of x. */
export function normalize(
  measure: Measure | null,
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
): void {
  const scaled = scale(measure, x, affine, ELEMENTWISE, view);
  kernels().normalize(y, scaled?.x ?? x, residual, scaled?.affine ?? affine, activation, view);
}

/** sums ← of dy and x: the kernel `gradientSums`. `measure` as for `normalize`. */
export function gradientSums(
  measure: Measure | null,
  sums: GradientSumArrays,
  dy: Tensor,
  x: Tensor,
  residual: Tensor | null,
  affine: Affine,
  activation: KernelActivation,
  view: View,
): void {
  const scaled = scale(measure, x, affine, GRADIENT, view);
  kernels().gradientSums(sums, dy, scaled?.x ?? x, residual, scaled?.affine ?? affine, activation, view);
  if (scaled !== null) multiplySums(sums, (ch) => 1 / scaled.factors[ch]);
}

/** dx by a kernel that is given these statistics and sums, or what stands for them. `measure` as for `normalize`. */
export function gradientInput<Sums extends GradientSumArrays | null>(
  measure: Measure | null,
  dx: Tensor,
  x: Tensor,
  affine: Affine,
  sums: Sums,
  view: View,
  run: (x: Tensor, affine: Affine, sums: Sums | GradientSumArrays) => void,
): void {
  const scaled = scale(measure, x, affine, GRADIENT, view);
  if (scaled === null) {
    run(x, affine, sums);
    return;
  }
  const { factors } = scaled;
  const given = sums && { sumDy: sums.sumDy, sumDyDeviation: sums.sumDyDeviation.slice() };
  if (given !== null) multiplySums(given, (ch) => factors[ch]);
  run(scaled.x, scaled.affine, given as Sums);
  multiply(dx, view, factors);
}

export interface Backward {
  readonly dx: Tensor;
  readonly dresidual: Tensor | null;
  readonly dgamma: Tensor;
  readonly dbeta: Tensor;
  readonly dy: Tensor;
  readonly x: Tensor;
  readonly residual: Tensor | null;
  readonly affine: Affine;
  readonly activation: KernelActivation;
  /** Whether the statistics are those of x. */
  readonly batch: boolean;
  /** Of the rows, where they count by weights in the statistics of x. */
  readonly weights: Weights | null;
  readonly view: View;
}

/** All gradients: the kernel `backward`. dx or dresidual may be dy. */
export function backward(call: Backward): void {
  const { dx, dresidual, dgamma, dbeta, dy, view } = call;
  if (call.x.BYTES_PER_ELEMENT === 4) {
    run(call);
    return;
  }
  const scaled = scale(call.batch ? measureOf(call) : null, call.x, call.affine, GRADIENT, view);
  const inRange = scaled === null ? call : { ...call, x: scaled.x, affine: scaled.affine };
  const sums = isSame(dx, dy) || (dresidual !== null && isSame(dresidual, dy)) ? parameterGradients(inRange) : null;
  if (sums === null) run(inRange);
  const factors = areRight(dgamma, dbeta) ? null : factorsOfSums(call);
  if (factors !== null) {
    run({ ...inRange, dy: multiplied(dy, factors, view) });
    for (const sum of [dgamma, dbeta]) multiply(sum, { n: 1, c: view.c, s: 1 }, null, factors);
    if (dresidual !== null) multiply(dresidual, view, null, factors);
  } else if (sums !== null) input(inRange, sums);
  if (scaled !== null || factors !== null) multiply(dx, view, scaled?.factors ?? null, factors);
}

function run(call: Backward): void {
  const { dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, weights, view } = call;
  if (weights !== null) input(call, parameterGradients(call));
  else kernels().backward(dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, view);
}

/** What `run` does after dgamma and dbeta. */
function input(call: Backward, sums: GradientSumArrays): void {
  const { dx, dresidual, dy, x, residual, affine, activation, batch, weights, view } = call;
  if (weights !== null) {
    const { each, total } = weights;
    weightedGradientInput(dx, dresidual, dy, x, residual, affine, activation, sums, total, each, view);
  } else {
    const given = batch ? sums : null;
    kernels().gradientInput(dx, dresidual, dy, x, residual, affine, activation, given, view.n * view.s, view);
  }
}

/** dgamma and dbeta alone, where dy is going to be written over before it is known that they are right. */
function parameterGradients({ dgamma, dbeta, dy, x, residual, affine, activation, view }: Backward): GradientSumArrays {
  const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
  kernels().gradientSums(sums, dy, x, residual, affine, activation, view);
  for (let ch = 0; ch < view.c; ch++) {
    dgamma[ch] = sums.sumDyDeviation[ch] * reciprocalDeviation(affine.variance[ch] + affine.epsilon);
    dbeta[ch] = sums.sumDy[ch];
  }
  return sums;
}

/** The call with channels of `bound` < variance or variance < 1/`bound` multiplied; null where that changes nothing. */
function scale(measure: Measure | null, x: Tensor, affine: Affine, bound: number, view: View): Scaled | null {
  const { mean, variance, epsilon } = affine;
  if (x.BYTES_PER_ELEMENT === 4 || areWithin(variance, epsilon, bound)) return null;
  const factors = factorsOf(view.c, (ch) => {
    const sum = variance[ch] + epsilon;
    if (isWithin(sum, bound)) return 1;
    return measure === null ? Math.sqrt(sum) : Math.max(Math.sqrt(epsilon), largest(x, view, ch));
  });
  if (factors === null) return null;
  const near = multiplied(x, factors, view);
  const [means, variances] = [mean.slice(), variance.slice()];
  // What a variance has lost is in x.
  measure?.(means, variances, near);
  for (let ch = 0; ch < view.c; ch++) {
    const factor = factors[ch];
    const isGiven = measure === null || factor === 1;
    if (isGiven) means[ch] = mean[ch] * factor;
    variances[ch] = (isGiven ? variance[ch] * factor * factor : variances[ch]) + epsilon * factor * factor;
  }
  return { x: near, affine: { ...affine, mean: means, variance: variances, epsilon: 0 }, factors };
}

function isWithin(variance: number, bound: number): boolean {
  return variance <= bound && variance >= 1 / bound;
}

function areWithin(variance: Float64Array, epsilon: number, bound: number): boolean {
  const least = 1 / bound;
  for (let ch = 0; ch < variance.length; ch++) {
    const sum = variance[ch] + epsilon;
    if (!(sum <= bound && sum >= least)) return false;
  }
  return true;
}

/** Squares that underflow add up to less than float64 can hold: 0 is right, whatever was lost. */
function isRepresented(variance: number): boolean {
  return variance === 0 || isWithin(variance, ELEMENTWISE);
}

function areRepresented(variance: Float64Array): boolean {
  for (let ch = 0; ch < variance.length; ch++) if (!isRepresented(variance[ch])) return false;
  return true;
}

function areRight(dgamma: Tensor, dbeta: Tensor): boolean {
  for (let ch = 0; ch < dgamma.length; ch++) if (!isRight(dgamma[ch], dbeta[ch])) return false;
  return true;
}

function isRight(dgamma: number, dbeta: number): boolean {
  const a = Math.abs(dgamma);
  const b = Math.abs(dbeta);
  return a <= SUMS && b <= SUMS && (a >= 1 / SUMS || b >= 1 / SUMS);
}

function factorsOfSums({ dgamma, dbeta, dy, view }: Backward): Factors | null {
  return factorsOf(view.c, (ch) => (isRight(dgamma[ch], dbeta[ch]) ? 1 : largest(dy, view, ch)));
}

function multiplySums(sums: GradientSumArrays, factor: (ch: number) => number): void {
  for (let ch = 0; ch < sums.sumDyDeviation.length; ch++) sums.sumDyDeviation[ch] *= factor(ch);
}
