/** Gradients of gradients, from the kernels of the forward and the backward: docs/numerics.md, section 5. */
import { kernelActivation } from '../arguments/activation.js';
import { newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { Affine, GradientSumArrays } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import { type BackwardPass, clearSingleValues } from './differentiate.js';
import { exactGradientSums } from './exact.js';
import type { Selection } from './selection.js';

/** The backward that is differentiated, and the gradients of the loss with respect to what it gave. */
export interface DoubleBackwardPass<T extends AnyTensor>
  extends Pick<
    BackwardPass<T>,
    'kind' | 'view' | 'dy' | 'x' | 'residual' | 'affine' | 'activation' | 'batchStatistics' | 'summation'
  > {
  /** Each is null where the loss does not depend on it. */
  readonly ddx: T | null;
  readonly ddgamma: Tensor | null;
  readonly ddbeta: Tensor | null;
  readonly ddresidual: T | null;
}

export interface DoubleGradients<T extends AnyTensor> {
  readonly dx: T;
  readonly ddy: T;
  readonly dgamma: Tensor;
}

/** @param selection what a mask has chosen; null for all of it */
export function doubleGradients<T extends Tensor>(
  pass: DoubleBackwardPass<T>,
  selection: Selection | null,
): DoubleGradients<T> {
  return selection === null ? ofAll(pass) : ofChosen(selection, pass);
}

/** Those of what a mask has chosen: gathered, computed, and scattered to its places; 0 elsewhere. */
function ofChosen<T extends Tensor>(order: Selection, pass: DoubleBackwardPass<T>): DoubleGradients<T> {
  const { kind, dy, x, residual, ddx, ddresidual } = pass;
  const gather = (tensor: T | null) => tensor && order.gather(kind, tensor);
  const { dgamma, ...ordered } = ofAll<T>({
    ...pass,
    view: order.view,
    dy: order.gather(kind, dy),
    x: order.gather(kind, x),
    residual: gather(residual),
    ddx: gather(ddx),
    ddresidual: gather(ddresidual),
  });
  const scatter = (tensor: T) => {
    const whole = newTensor<T>(kind, x.length);
    order.scatter(whole, tensor);
    return whole;
  };
  return { dx: scatter(ordered.dx), ddy: scatter(ordered.ddy), dgamma };
}

function ofAll<T extends Tensor>(pass: DoubleBackwardPass<T>): DoubleGradients<T> {
  const { kind, view, x, affine } = pass;
  const dx = newTensor<T>(kind, x.length);
  const ddy = newTensor<T>(kind, x.length);
  const dgamma = newTensor<Tensor>(kind, view.c);
  if (x.length === 0) return { dx, ddy, dgamma };
  const g = pass.activation === 'none' ? pass.dy : newTensor<T>(kind, x.length);
  passActivation(pass, g, pass.dy, dx);
  const sums = sumsOf(pass, g);
  writeDdy(pass, ddy, dx, sums);
  writeDx(pass, dx, g, sums);
  for (let ch = 0; ch < view.c; ch++) {
    const rstd = reciprocalDeviation(affine.variance[ch] + affine.epsilon);
    dgamma[ch] = rstd * projectedProduct(pass, sums, ch, rstd);
  }
  return { dx, ddy, dgamma };
}

/** Sums over a channel; zeros where there is no ddx, means of 0 where statistics are constants. */
interface Sums {
  /** Σ g and Σ g·(x − mean). */
  readonly g: GradientSumArrays;
  /** Σ ddx and Σ ddx·(x − mean). */
  readonly ddx: GradientSumArrays;
  /** Σ ddx·(g − its mean). */
  readonly product: Float64Array;
  /** The means of g and of ddx. */
  readonly means: { readonly g: Float64Array; readonly ddx: Float64Array };
}

function sumsOf<T extends Tensor>(pass: DoubleBackwardPass<T>, g: T): Sums {
  const { view, x, ddx, affine, batchStatistics } = pass;
  const m = view.n * view.s;
  const zeros = () => new Float64Array(view.c);
  const none = (): GradientSumArrays => ({ sumDy: zeros(), sumDyDeviation: zeros() });
  const ofG = batchStatistics ? sumsAgainst(pass, g, x, affine.mean) : none();
  const ofDdx = batchStatistics && ddx !== null ? sumsAgainst(pass, ddx, x, affine.mean) : none();
  const means = { g: ofG.sumDy.map((sum) => sum / m), ddx: ofDdx.sumDy.map((sum) => sum / m) };
  const product = ddx === null ? zeros() : sumsAgainst(pass, ddx, g, means.g).sumDyDeviation;
  return { g: ofG, ddx: ofDdx, product, means };
}

/** Σ a and Σ a·(b − mean). */
function sumsAgainst<T extends Tensor>(
  { view, summation }: DoubleBackwardPass<T>,
  a: T,
  b: T,
  mean: Float64Array,
): GradientSumArrays {
  const affine = affineOf(mean, null);
  if (summation === 'exact') return exactGradientSums(a, b, null, affine, 0, view);
  const sums = { sumDy: new Float64Array(view.c), sumDyDeviation: new Float64Array(view.c) };
  kernels().gradientSums(sums, a, b, null, affine, 0, view);
  return sums;
}

/** Σ ddx·dx/(gamma·rstd), of the dx that the backward gave. */
function projectedProduct<T extends Tensor>({ view }: DoubleBackwardPass<T>, sums: Sums, ch: number, rstd: number) {
  const m = view.n * view.s;
  return sums.product[ch] - ((rstd * sums.ddx.sumDyDeviation[ch]) / m) * (rstd * sums.g.sumDyDeviation[ch]);
}

/** ddy ← the sum of what each output of the backward takes from dy; `scratch` is overwritten. */
function writeDdy<T extends Tensor>(pass: DoubleBackwardPass<T>, ddy: T, scratch: T, sums: Sums): void {
  const { kind, view, x, ddx, ddgamma, ddbeta, ddresidual, affine, batchStatistics } = pass;
  const m = view.n * view.s;
  if (ddx !== null) {
    const given = batchStatistics ? sums.ddx : null;
    kernels().gradientInput(ddy, null, ddx, x, null, affine, 0, given, m, view);
    if (batchStatistics && m === 1) clearSingleValues(ddy);
  }
  if (ddgamma !== null || ddbeta !== null) {
    const gamma = ddgamma ?? newTensor<T>(kind, view.c);
    kernels().normalize(ddy, x, ddy, { ...affine, gamma, beta: ddbeta }, 0, view);
  }
  if (ddresidual !== null) {
    kernels().normalize(ddy, ddresidual, ddy, affineOf(new Float64Array(view.c), null), 0, view);
  }
  passActivation(pass, ddy, ddy, scratch);
}

/** dx ← (g − mean of g)·first + (ddx − mean of ddx)·second + (x − mean)·third: section 5 has the coefficients. */
function writeDx<T extends Tensor>(pass: DoubleBackwardPass<T>, dx: T, g: T, sums: Sums): void {
  const { kind, view, x, ddx, ddgamma, affine, batchStatistics } = pass;
  const m = view.n * view.s;
  const [first, second, third] = [0, 1, 2].map(() => newTensor<T>(kind, view.c));
  for (let ch = 0; ch < view.c; ch++) {
    const rstd = reciprocalDeviation(affine.variance[ch] + affine.epsilon);
    const gamma = affine.gamma === null ? 1 : affine.gamma[ch];
    const own = ddgamma === null ? 0 : ddgamma[ch];
    const a = (rstd * sums.ddx.sumDyDeviation[ch]) / m;
    const b = (rstd * sums.g.sumDyDeviation[ch]) / m;
    first[ch] = rstd * (own - gamma * rstd * a);
    second[ch] = -rstd * rstd * gamma * b;
    const product = sums.product[ch] / m - 3 * a * b;
    third[ch] = batchStatistics ? -rstd * rstd * (gamma * rstd * product + own * b) : 0;
  }
  const terms: [of: T, mean: Float64Array, by: T][] = [];
  if (ddgamma !== null || (ddx !== null && batchStatistics)) terms.push([g, sums.means.g, first]);
  if (batchStatistics && (ddx !== null || ddgamma !== null)) terms.push([x, affine.mean, third]);
  if (batchStatistics && ddx !== null) terms.push([ddx, sums.means.ddx, second]);
  if (terms.length === 0) dx.fill(0);
  terms.forEach(([of, mean, by], k) => {
    kernels().normalize(dx, of, k === 0 ? null : dx, affineOf(mean, by), 0, view);
  });
  if (batchStatistics && m === 1) clearSingleValues(dx);
}

/** (x − mean)·gamma, with a variance of 1. */
function affineOf<T extends Tensor>(mean: Float64Array, gamma: T | null): Affine<T> {
  return { mean, variance: new Float64Array(mean.length).fill(1), gamma, beta: null, epsilon: 0 };
}

/** to ← `gradient` where the activation passes, 0 where it stops; `scratch` is overwritten. Without one `to` is it. */
function passActivation<T extends Tensor>(pass: DoubleBackwardPass<T>, to: T, gradient: T, scratch: T): void {
  const { view, x, residual, affine, activation } = pass;
  if (activation === 'none') return;
  kernels().gradientInput(scratch, to, gradient, x, residual, affine, kernelActivation(activation), null, 0, view);
}
