/** A pass over all of x, or over what a mask has chosen of it. */
import { type Activation, kernelActivation } from './activation.js';
import { type BackwardPass, computeGradients } from './gradients.js';
import { type KeptInput, keepInput } from './kept-input.js';
import type { Affine, View } from './kernels.js';
import type { Selection } from './mask.js';
import type { MomentArrays } from './moment-arrays.js';
import type { Pass, Scope, Targets } from './pass.js';
import { measureInRange, normalize } from './range.js';
import { newTensor, type TensorKind } from './typed-arrays.js';
import type { Tensor } from './types.js';
import { measureOf } from './weighted.js';

interface Forward<T extends Tensor> {
  readonly x: T;
  readonly residual: T | undefined;
  readonly view: View;
  readonly selection: Selection | null;
  /** As the user gave it. */
  readonly out: T | undefined;
  readonly y: T;
  /** Whether to normalise by the statistics of the batch. */
  readonly batch: boolean;
  readonly scope: Scope;
}

/** y is written; what is returned is for the backward, and for the running statistics. */
export function passForward<T extends Tensor>(
  pass: Pass<T>,
  kind: TensorKind,
  activation: Activation,
  { x, residual, view, selection, out, y, batch, scope }: Forward<T>,
): { input: KeptInput<T>; statistics: MomentArrays | null } {
  if (selection === null) {
    const input = keepInput(x, residual, view, out, batch, activation);
    return { input, statistics: pass.forward(y, residual ?? null, input, scope) };
  }
  const added = residual && selection.take(kind, residual);
  const input = keepInput(selection.take(kind, x), added, selection.view, undefined, batch, activation, selection);
  const chosen = newTensor<T>(kind, input.x.length);
  const statistics = pass.forward(chosen, added ?? null, input, scope);
  selection.put(y, chosen);
  return { input, statistics };
}

/** Of the last forward, whose input this is. */
export function passBackward<T extends Tensor>(
  pass: Pass<T>,
  kind: TensorKind,
  dy: T,
  input: KeptInput<T>,
  targets: Targets<T>,
): { dx: T; dresidual: T | null } {
  const { selection } = input;
  if (selection === null) return pass.backward(dy, input, targets);
  const places = placesFor(kind, dy, targets, input.hasResidual);
  const chosen = pass.backward(selection.take(kind, dy), input, { ...targets, out: undefined, outResidual: undefined });
  return putBack(selection, chosen, places);
}

/** The same for a backward by itself. */
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

interface Places<T extends Tensor> {
  readonly dx: T;
  readonly dresidual: T | null;
}

/** Memory for what is not chosen too: before anything is written, since there may be none. */
function placesFor<T extends Tensor>(
  kind: TensorKind,
  dy: T,
  { out, outResidual }: Pick<Targets<T>, 'out' | 'outResidual'>,
  hasResidual: boolean,
): Places<T> {
  const dx = out ?? newTensor<T>(kind, dy.length);
  return { dx, dresidual: hasResidual ? (outResidual ?? newTensor<T>(kind, dy.length)) : null };
}

function putBack<T extends Tensor>(selection: Selection, chosen: Places<T>, { dx, dresidual }: Places<T>): Places<T> {
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
