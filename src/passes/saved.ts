/**
 * What a forward saves for its backward: references to x and the residual, which may have gone bad by then, and numbers
 * per channel.
 */
import type { Activation } from '../arguments/activation.js';
import { environmentError } from '../arguments/errors.js';
import { describe } from '../arguments/messages.js';
import { type ArrayKind, isRevoked, isSame, isSameView, isUsable } from '../arguments/typed-arrays.js';
import type { Affine, View } from '../kernels.js';
import type { AnyTensor } from '../types.js';
import { type Arrangement, lengthOf, type Part } from './arrange.js';
import { Selection } from './selection.js';
import type { Corrected, Variant } from './variant.js';

/** A part with the statistics that it was normalised by. */
export interface NormalizedPart extends Part {
  readonly affine: Affine;
  /** Values behind the statistics of a channel, wherever they lie; 0 where these were given. */
  readonly count: number;
  readonly corrected: Corrected | null;
  /** Number of groups of channels that share the statistics; null where there are none, or statistics were given. */
  readonly groups: number | null;
}

/** The inputs of a forward, as its backward will find them. */
export interface SavedInput<T extends AnyTensor> {
  /** Of x as the caller has it, and so of gradients. */
  readonly kind: ArrayKind;
  readonly x: T;
  readonly hasResidual: boolean;
  /** Saved only where the backward needs its values: with an activation. */
  readonly residual: T | null;
  /** Of the tensor as the caller has it. */
  readonly view: View;
  readonly batchStatistics: boolean;
  readonly arrangement: Arrangement | null;
  /** Whether x and the residual are copies in the order of the arrangement. */
  readonly gathered: boolean;
  /** What the forward wrote over. */
  readonly overwritten: 'x' | 'the residual' | null;
}

export interface Saved<T extends AnyTensor> extends SavedInput<T> {
  /** All of x was normalised by these; null where there are parts. */
  readonly affine: Affine | null;
  readonly parts: readonly NormalizedPart[];
  /** Those of the forward, which have a part in the gradient, too. */
  readonly variants: readonly Variant[];
}

/** What a forward in place has written over, of what its backward will need. */
export function overwrittenBy<T extends AnyTensor>(y: T, x: T, residual: T | null): SavedInput<T>['overwritten'] {
  if (isSame(y, x)) return 'x';
  return residual !== null && isSame(y, residual) ? 'the residual' : null;
}

/** The residual, where the backward will need its values. */
export function neededResidual<T extends AnyTensor>(residual: T | null, activation: Activation): T | null {
  return activation === 'none' ? null : residual;
}

/** @throws Error with code ERR_BATCHNORM_NO_INPUT */
export function requireInput<T extends AnyTensor>(call: string, saved: Saved<T> | null): Saved<T> {
  if (saved === null) throw noInput(call, 'there is no forward before it whose input is kept');
  const { x, residual, overwritten } = saved;
  if (overwritten !== null) {
    throw noInput(call, `the last forward wrote its result over ${overwritten}; give it another out, or none`);
  }
  if (saved.gathered) return saved;
  const length = lengthOf(saved.view);
  checkSaved(call, 'x', x, length);
  if (residual !== null) checkSaved(call, 'residual', residual, length);
  return saved;
}

/** Whether a later forward has taken the place of one whose backward may still be to come. */
export function replaces<T extends AnyTensor>(last: SavedInput<T>, next: SavedInput<T>): boolean {
  return last.overwritten === null && fitsGradient(last, next) && !isRepeated(last, next);
}

/** Whether a gradient for the one could be taken for one of the other. */
export function fitsGradient<T extends AnyTensor>(last: SavedInput<T>, next: SavedInput<T>): boolean {
  return lengthOf(last.view) === lengthOf(next.view);
}

/** Whether a forward is the last one computed again: of the same numbers, wherever they lie. */
function isRepeated<T extends AnyTensor>(last: SavedInput<T>, next: SavedInput<T>): boolean {
  const sameView = last.view.n === next.view.n && last.view.s === next.view.s;
  return sameView && isSameMask(last, next) && isEqual(last.x, next.x) && isEqual(last.residual, next.residual);
}

function isSameMask<T extends AnyTensor>(last: SavedInput<T>, next: SavedInput<T>): boolean {
  const [a, b] = [last.arrangement?.order, next.arrangement?.order];
  if (!(a instanceof Selection && b instanceof Selection)) return a instanceof Selection === b instanceof Selection;
  return last.gathered === next.gathered && a.isSame(b);
}

/** By reading alone: other threads may be at inputs in shared memory. */
function isEqual(a: AnyTensor | null, b: AnyTensor | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  if (isSameView(a, b)) return true;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** The second backward of two forwards was meant for the first of them, whose x is gone. */
export function replacedInput(call: string): Error {
  return noInput(
    call,
    'this is the second one after two forwards of different batches, and only the last forward is kept; call ' +
      'backward before the next forward, take a layer for each use, or call forget() after a forward that needs no ' +
      'backward',
  );
}

function checkSaved(call: string, name: string, array: AnyTensor, length: number): void {
  if (array.length === length && (length > 0 ? !isRevoked(array) : isUsable(array))) return;
  throw noInput(call, `"${name}" of the last forward had length ${length} and is now ${describe(array)}`);
}

function noInput(call: string, message: string): Error {
  return environmentError('ERR_BATCHNORM_NO_INPUT', `${call}: ${message}`);
}
