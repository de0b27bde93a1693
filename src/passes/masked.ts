/** Forward, backward and statistics of what a mask has chosen: gathered, computed, and scattered to its places. */
import { type Activation, kernelActivation } from '../arguments/activation.js';
import { newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import type { Affine } from '../kernels.js';
import type { Tensor } from '../types.js';
import { type BackwardPass, computeGradients } from './gradients.js';
import type { Selection } from './mask.js';
import { measureInRange, normalize } from './range.js';
import { measureOf } from './weighted.js';

interface Places<T extends Tensor> {
  readonly dx: T;
  readonly dresidual: T | null;
}

/** The gradients of what is chosen; 0 elsewhere. */
export function maskedGradients<T extends Tensor>(
  pass: BackwardPass<T>,
  selection: Selection,
): { dx: T; dresidual: T | null } {
  const { kind, dy, x, residual } = pass;
  const places = placesFor(kind, dy, pass, pass.hasResidual);
  const chosen = computeGradients<T>({
    ...pass,
    view: selection.view,
    dy: selection.take(kind, dy),
    x: selection.take(kind, x),
    residual: residual && selection.take(kind, residual),
    weights: selection.weights,
    out: undefined,
    outResidual: undefined,
  });
  return putBack(selection, chosen, places);
}

/** Memory for what is not chosen too: before anything is written, since there may be none. */
export function placesFor<T extends Tensor>(
  kind: TensorKind,
  dy: T,
  { out, outResidual }: Pick<BackwardPass<T>, 'out' | 'outResidual'>,
  hasResidual: boolean,
): Places<T> {
  const dx = out ?? newTensor<T>(kind, dy.length);
  return { dx, dresidual: hasResidual ? (outResidual ?? newTensor<T>(kind, dy.length)) : null };
}

export function putBack<T extends Tensor>(
  selection: Selection,
  chosen: Places<T>,
  { dx, dresidual }: Places<T>,
): Places<T> {
  selection.put(dx, chosen.dx);
  return { dx, dresidual: dresidual && selection.put(dresidual, chosen.dresidual!) };
}

/** y ← of what is chosen, by its own statistics if `batch`, which are NaN where nothing is; 0 elsewhere. */
export function maskedForward<T extends Tensor>(
  kind: TensorKind,
  y: T,
  x: T,
  residual: T | null,
  affine: Affine<T>,
  activation: Activation,
  selection: Selection,
  batch: boolean,
): void {
  const chosen = selection.take(kind, x);
  if (chosen.length > 0) {
    const added = residual && selection.take(kind, residual);
    const own = batch ? { ...affine, mean: affine.mean.slice(), variance: affine.variance.slice() } : affine;
    if (batch) measure(own.mean, own.variance, chosen, selection);
    const code = kernelActivation(activation);
    normalize(batch ? measureOf(selection) : null, chosen, chosen, added, own, code, selection.view);
    if (batch) {
      // The user's outputs last, since memory may run out before.
      affine.mean.set(own.mean);
      affine.variance.set(own.variance);
    }
  } else if (batch) {
    affine.mean.fill(NaN);
    affine.variance.fill(NaN);
  }
  selection.put(y, chosen);
}

/** mean, variance ← of what was chosen. */
export function measure(mean: Float64Array, variance: Float64Array, chosen: Tensor, selection: Selection): void {
  measureInRange(measureOf(selection), mean, variance, chosen, selection.view);
}
