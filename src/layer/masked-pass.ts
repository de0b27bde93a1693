/** A pass over all of x, or over what a mask has chosen of it. */
import type { Activation } from '../arguments/activation.js';
import { newTensor, type TensorKind } from '../arguments/typed-arrays.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import type { View } from '../kernels.js';
import type { Selection } from '../passes/mask.js';
import { placesFor, putBack } from '../passes/masked.js';
import type { Tensor } from '../types.js';
import type { Pass, Scope, Targets } from './pass.js';
import { type KeptInput, keepInput } from './saved.js';

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
