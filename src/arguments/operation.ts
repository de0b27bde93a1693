/** Options that most operations take, and their checks, in one order. */
import type { Tensor } from '../types.js';
import { type Activation, readActivation } from './activation.js';
import type { Common } from './options.js';
import type { ArrayKind, TensorKind } from './typed-arrays.js';
import { checkArray, checkEpsilon } from './validate.js';

/**
 * Options that a forward and its backward have in common. Give the backward those that the forward had. c is the number
 * of channels.
 */
export interface FusedOptions<T extends Tensor> extends Common {
  /** Scale per channel, [c], of the type of x. Default 1. */
  gamma?: T | undefined;
  /** Shift per channel, [c], of the type of x. A backward needs it only with an activation. Default 0. */
  beta?: T | undefined;
  /** A tensor of the shape of x that is added before the activation: y = activation(bn(x) + residual). Default none. */
  residual?: T | undefined;
  /** The activation, which is applied last; see {@link Activation}. Default 'none'. */
  activation?: Activation | undefined;
}

/** The statistics by which a function normalises x. c is the number of channels. */
export interface GivenStatistics {
  /**
   * Mean per channel, [c]; of the whole batch, if x is a piece of one. Any array of numbers; a Float64Array is used as
   * it is, other arrays are copied.
   */
  mean: ArrayLike<number>;
  /**
   * Population (biased) variance per channel, [c], ≥ 0; of the whole batch, if x is a piece of one. NaN and Infinity
   * propagate in their channel.
   */
  variance: ArrayLike<number>;
}

/** The first checks of an operation, of what it computes: epsilon is one, and the activation is read. */
export function readFormula(call: string, epsilon: number, activation: Activation = 'none'): Activation {
  checkEpsilon(call, epsilon);
  return readActivation(call, activation);
}

/** Arrays of gamma and beta of tensors in such arrays. */
export function parameterKind(kind: ArrayKind): TensorKind {
  return kind === 'Float64Array' ? kind : 'Float32Array';
}

/**
 * The checks that follow those of x, of which `kind`, `c` and `shape` are: of all that is computed with it. (Arguments
 * one by one: a property of the options of several functions takes as long to find as all of a check.)
 */
export function checkOperands<T extends Tensor>(
  call: string,
  x: T,
  gamma: T | undefined,
  beta: T | undefined,
  residual: T | undefined,
  kind: ArrayKind,
  c: number,
  shape: readonly number[],
): void {
  const own = parameterKind(kind);
  if (gamma !== undefined) checkArray(call, 'gamma', gamma, own, c, 'channels');
  if (beta !== undefined) checkArray(call, 'beta', beta, own, c, 'channels');
  if (residual !== undefined) checkArray(call, 'residual', residual, kind, x.length, shape);
}
