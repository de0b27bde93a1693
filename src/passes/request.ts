/** Of a forward and a backward, what a layer asks for, all of it checked. */
import type { Activation } from '../arguments/activation.js';
import type { ArrayKind, TensorKind } from '../arguments/typed-arrays.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import type { View } from '../kernels.js';
import type { AnyTensor, Tensor } from '../types.js';
import type { Arrangement } from './arrange.js';
import type { Summation } from './exact.js';
import type { Saved } from './saved.js';
import type { Limits, Variant } from './variant.js';

/** The arrays of a layer that a forward reads. */
export interface Parameters {
  /** Of gamma and beta. */
  readonly kind: TensorKind;
  readonly channels: number;
  readonly gamma: Tensor | null;
  readonly beta: Tensor | null;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
}

export interface PassSettings {
  readonly summation: Summation;
  readonly epsilon: number;
  readonly activation: Activation;
  /** Number of groups of channels that share statistics; null where each channel has its own. */
  readonly groups: number | null;
}

/** A forward, all of it checked. */
export interface ForwardRequest<T extends AnyTensor> {
  /** The public function, for errors. */
  readonly call: string;
  /** Of x, the residual and y. */
  readonly kind: ArrayKind;
  readonly x: T;
  readonly residual: T | null;
  readonly y: T;
  /** Whether y is the caller's, and must be as it was where a forward throws. */
  readonly given: boolean;
  readonly view: View;
  readonly arrangement: Arrangement | null;
  /** Whether x is normalised by its own statistics. */
  readonly batch: boolean;
  /** Whether its statistics are wanted though it is not normalised by them. */
  readonly track: boolean;
  readonly limits: Limits;
  /** In the order in which they take part. */
  readonly variants: readonly Variant[];
}

export interface Forwarded<T extends AnyTensor> {
  readonly saved: Saved<T>;
  /** Of the batch; null where it has no values, or nobody asked. */
  readonly statistics: MomentArrays | null;
}

/** Where gradients go, all of it checked. */
export interface GradientOutputs<T extends AnyTensor> {
  readonly out: T | undefined;
  readonly outResidual: T | undefined;
  /** Whether dgamma and dbeta are wanted; they may be written in any case. */
  readonly learn: boolean;
  readonly dgamma: Tensor;
  readonly dbeta: Tensor;
}
