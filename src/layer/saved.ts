/** What a layer's forward keeps for its backward: references, which may have gone bad by then. */
import type { Activation } from '../arguments/activation.js';
import { environmentError } from '../arguments/errors.js';
import { describe } from '../arguments/messages.js';
import { isRevoked, isSame, isSameView, isUsable } from '../arguments/typed-arrays.js';
import type { View } from '../kernels.js';
import type { Selection } from '../passes/mask.js';
import type { Tensor } from '../types.js';

export interface KeptInput<T extends Tensor> {
  readonly x: T;
  readonly hasResidual: boolean;
  /** Kept only where the backward needs its values: with an activation. */
  readonly residual: T | null;
  readonly view: View;
  readonly batchStatistics: boolean;
  /** Where x and the residual are gathered copies of what a mask has chosen; null without. */
  readonly selection: Selection | null;
  /** What the forward wrote over. */
  readonly overwritten: 'x' | 'the residual' | null;
}

export function keepInput<T extends Tensor>(
  x: T,
  residual: T | undefined,
  view: View,
  out: T | undefined,
  batchStatistics: boolean,
  activation: Activation,
  selection: Selection | null = null,
): KeptInput<T> {
  const hasResidual = residual !== undefined;
  const needed = hasResidual && activation !== 'none' ? residual : null;
  const overwritten = overwrittenBy(out, x, needed);
  return { x, hasResidual, residual: needed, view, batchStatistics, selection, overwritten };
}

function overwrittenBy<T extends Tensor>(out: T | undefined, x: T, residual: T | null): KeptInput<T>['overwritten'] {
  if (out === undefined) return null;
  if (isSame(out, x)) return 'x';
  return residual !== null && isSame(out, residual) ? 'the residual' : null;
}

/** @throws Error with code ERR_BATCHNORM_NO_INPUT */
export function requireInput<T extends Tensor>(call: string, input: KeptInput<T> | null): KeptInput<T> {
  if (input === null) throw noInput(call, 'there is no forward before it whose input is kept');
  const { x, residual, view, overwritten } = input;
  if (overwritten !== null) {
    throw noInput(call, `the last forward wrote its result over ${overwritten}; give it another out, or none`);
  }
  const length = view.n * view.c * view.s;
  checkKept(call, 'x', x, length);
  if (residual !== null) checkKept(call, 'residual', residual, length);
  return input;
}

/** Whether a later forward has taken the place of one whose backward may still be to come. */
export function replaces<T extends Tensor>(last: KeptInput<T>, input: KeptInput<T>): boolean {
  return last.overwritten === null && fitsGradient(last, input) && !isRepeated(last, input);
}

/** Whether a gradient for the one could be taken for one of the other. */
export function fitsGradient<T extends Tensor>(last: KeptInput<T>, input: KeptInput<T>): boolean {
  return lengthOf(last) === lengthOf(input);
}

/** Of x as the user gave it. */
function lengthOf<T extends Tensor>({ selection, view }: KeptInput<T>): number {
  return selection?.length ?? view.n * view.c * view.s;
}

/** Whether a forward is the last one computed again: of the same numbers, wherever they lie. */
function isRepeated<T extends Tensor>(last: KeptInput<T>, input: KeptInput<T>): boolean {
  const sameView = last.view.n === input.view.n && last.view.s === input.view.s;
  const sameMask = (last.selection === null) === (input.selection === null);
  return sameView && sameMask && isEqual(last.x, input.x) && isEqual(last.residual, input.residual);
}

/** By reading alone: other threads may be at inputs in shared memory. */
function isEqual(a: Tensor | null, b: Tensor | null): boolean {
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
    'this is the second one after two forwards of different batches, and only the last forward is kept; call backward before the ' +
      'next forward, take a layer for each use, or call forget() after a forward that needs no backward',
  );
}

function checkKept(call: string, name: string, array: Tensor, length: number): void {
  if (array.length === length && (length > 0 ? !isRevoked(array) : isUsable(array))) return;
  throw noInput(call, `"${name}" of the last forward had length ${length} and is now ${describe(array)}`);
}

function noInput(call: string, message: string): Error {
  return environmentError('ERR_BATCHNORM_NO_INPUT', `${call}: ${message}`);
}
