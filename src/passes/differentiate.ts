/** Gradients of one part: by one kernel call where that is possible. */
import { type Activation, kernelActivation } from '../arguments/activation.js';
import { type ArrayKind, isSame, newTensor } from '../arguments/typed-arrays.js';
import { kernels } from '../backends/select.js';
import { reciprocalDeviation } from '../channels/moment-arrays.js';
import type { Affine, GradientSumArrays, View } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import type { Arrangement, Order } from './arrange.js';
import { exactBackward, type Summation } from './exact.js';
import { type Backward, backward as backwardOf, gradientInput } from './range.js';
import { weightedGradientInput } from './weighted-gradient.js';
import type { Weights } from './weights.js';

export interface BackwardPass<T extends AnyTensor> {
  /** Of dy, x, residual and the outputs. */
  readonly kind: ArrayKind;
  readonly view: View;
  readonly dy: T;
  readonly x: T;
  /** Whether the forward had a residual; with activation 'none' its values are not needed. */
  readonly hasResidual: boolean;
  readonly residual: T | null;
  readonly affine: Affine;
  readonly activation: Activation;
  readonly batchStatistics: boolean;
  /** Those of a whole batch, of which x is a part; null where x is all of it. */
  readonly sums: (GradientSumArrays & { readonly count: number }) | null;
  /** Of the rows, where they count by weights in the statistics: tensors are [n, c] then. */
  readonly weights: Weights | null;
  readonly summation: Summation;
  /** Whether dgamma and dbeta are wanted; they may be written in any case. */
  readonly learn: boolean;
  readonly dgamma: Tensor;
  readonly dbeta: Tensor;
  readonly out: T | undefined;
  readonly outResidual: T | undefined;
}

/** dx and, with a residual, its gradient; dgamma and dbeta are written. */
export function computeGradients<T extends Tensor>(pass: BackwardPass<T>): Places<T> {
  const { kind, dy, x, activation, out, sums } = pass;
  const dx = out ?? newTensor<T>(kind, x.length);
  const dresidual = pass.hasResidual ? residualGradient(kind, dy, activation, pass.outResidual, dx) : null;
  if (x.length > 0) {
    const untouched = dresidual !== null && activation === 'none' && isSame(dresidual, dy);
    writeGradients(pass, dx, untouched ? null : dresidual);
  }
  if (sums !== null) {
    writeParameterGradients(pass.dgamma, pass.dbeta, sums, pass.affine);
  } else if (x.length === 0) {
    pass.dgamma.fill(0);
    pass.dbeta.fill(0);
  }
  return { dx, dresidual };
}

/** The gradients of what is arranged: gathered, computed, and scattered to its places; 0 elsewhere. */
export function arrangedGradients<T extends Tensor>(
  { order, parts }: Arrangement,
  pass: BackwardPass<T>,
): { dx: T; dresidual: T | null } {
  if (order === null) return computeGradients(pass);
  const { kind, x, residual } = pass;
  const places = placesFor(pass);
  const dy = order.gather(kind, pass.dy);
  const { view, weights } = parts[0];
  const from = {
    dy,
    x: order.gather(kind, x),
    residual: residual && order.gather(kind, residual),
    view,
    weights,
    out: dy,
    outResidual: undefined,
  };
  const ordered = computeGradients<T>({ ...pass, ...from });
  return scatterGradients(order, ordered, places);
}

export interface Places<T extends AnyTensor> {
  readonly dx: T;
  readonly dresidual: T | null;
}

/** Memory for gradients as the caller has them: before anything is written, since there may be none. */
export function placesFor<T extends AnyTensor>({
  kind,
  dy,
  hasResidual,
  out,
  outResidual,
}: Pick<BackwardPass<T>, 'kind' | 'dy' | 'hasResidual' | 'out' | 'outResidual'>): Places<T> {
  const dx = out ?? newTensor<T>(kind, dy.length);
  return { dx, dresidual: hasResidual ? (outResidual ?? newTensor<T>(kind, dy.length)) : null };
}

export function scatterGradients<T extends AnyTensor>(order: Order, ordered: Places<T>, places: Places<T>): Places<T> {
  order.scatter(places.dx, ordered.dx);
  if (places.dresidual !== null) order.scatter(places.dresidual, ordered.dresidual!);
  return places;
}

/** One kernel call, whatever is to be computed. */
function writeGradients<T extends Tensor>(pass: BackwardPass<T>, dx: T, dresidual: T | null): void {
  const { dy, x, affine, activation, view, sums, batchStatistics, dgamma, dbeta } = pass;
  const residual = activation === 'none' ? null : pass.residual;
  const code = kernelActivation(activation);
  const { weights } = pass;
  if (weights !== null && batchStatistics) {
    writeWeighted(pass, dx, dresidual, weights);
    return;
  }
  const count = sums === null ? view.n * view.s : sums.count;
  if (sums === null && (batchStatistics || pass.learn)) {
    const batch = batchStatistics;
    const call = {
      dx,
      dresidual,
      dgamma,
      dbeta,
      dy,
      x,
      residual,
      affine,
      activation: code,
      batch,
      weights: null,
      view,
    };
    // One kernel call does all of it for float32.
    if (pass.summation === 'exact') exactBackward(call);
    else (x.BYTES_PER_ELEMENT === 4 ? backwardOf : backwardApart)(call);
  } else {
    gradientInput(null, dx, x, affine, sums, view, (inRange, by, given) =>
      kernels().gradientInput(dx, dresidual, dy, inRange, residual, by, code, given, count, view),
    );
  }
  if (batchStatistics && count === 1) clearSingleValues(dx);
}

/** dgamma and dbeta last: memory may run out between kernels, and the user has what was in them until then. */
function backwardApart(call: Backward): void {
  const [dgamma, dbeta] = [call.dgamma.slice(), call.dbeta.slice()];
  backwardOf({ ...call, dgamma, dbeta });
  call.dgamma.set(dgamma);
  call.dbeta.set(dbeta);
}

function writeWeighted<T extends Tensor>(pass: BackwardPass<T>, dx: T, dresidual: T | null, weights: Weights): void {
  const { dy, x, affine, residual, view, sums, dgamma, dbeta } = pass;
  const activation = kernelActivation(pass.activation);
  if (sums === null) {
    backwardApart({ dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch: true, weights, view });
  } else {
    gradientInput(null, dx, x, affine, sums, view, (from, by, given) =>
      weightedGradientInput(dx, dresidual, dy, from, residual, by, activation, given, sums.count, weights.each, view),
    );
  }
  const count = sums === null ? weights.total : sums.count;
  if (view.n === 1 && count === weights.total) clearSingleValues(dx);
}

/** dbeta = sumDy and dgamma = sumDyDeviation·rstd, as `backward` of the kernels. */
export function writeParameterGradients(
  dgamma: Tensor,
  dbeta: Tensor,
  { sumDy, sumDyDeviation }: GradientSumArrays,
  { variance, epsilon }: Affine,
): void {
  for (let ch = 0; ch < dgamma.length; ch++) {
    dgamma[ch] = sumDyDeviation[ch] * reciprocalDeviation(variance[ch] + epsilon);
    dbeta[ch] = sumDy[ch];
  }
}

/** Where dresidual goes. Without an activation it is dy, and a copy is needed only where dx takes the place of dy. */
export function residualGradient<T extends AnyTensor>(
  kind: ArrayKind,
  dy: T,
  activation: Activation,
  outResidual: T | undefined,
  dx: T,
): T {
  if (outResidual !== undefined) return outResidual;
  return activation === 'none' && !isSame(dx, dy) ? dy : newTensor<T>(kind, dy.length);
}

/** A single value is its own mean, so y does not depend on it: dx is 0, but for rounding. NaN stays. */
export function clearSingleValues(dx: Tensor): void {
  for (let ch = 0; ch < dx.length; ch++) {
    if (!Number.isNaN(dx[ch])) dx[ch] = 0;
  }
}
