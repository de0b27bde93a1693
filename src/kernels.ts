/**
 * The kernel contract: what every backend implements, and the only place where it is written.
 *
 * Three rooms hold the same functions under the same names: `src/reference` (plain JavaScript), `assembly`
 * (AssemblyScript, compiled to WebAssembly) and `native` (C++, compiled once per instruction set). Given the
 * same arguments they produce the same bits, whichever runs; the arithmetic that makes this so, operation
 * by operation, is defined in `docs/numerics.md`.
 *
 * The facade validates, kernels trust: every array here has the right type and length, `n`, `c` and `s` are at
 * least 1, and outputs overlap inputs only where it is said below. Kernels do not allocate, do not throw, and
 * keep no reference to an array after they return.
 */
import type { BackendName, HalfDtype, Tensor } from './types.js';

export type { HalfDtype };

/**
 * Every tensor is seen as (n, c, s): `n` = product of the dimensions before the channel axis, `c` = channels,
 * `s` = product of the dimensions after it. Element (i, ch, j) lies at `(i·c + ch)·s + j`. Channels last, and
 * two-dimensional (N, C) data, is s = 1. `n·s` is m, the number of values per channel.
 */
export interface View {
  readonly n: number;
  readonly c: number;
  readonly s: number;
}

/** The numbers per channel in y = gamma·(x − mean)/√(variance + epsilon) + beta. */
export interface Affine<T extends Tensor = Tensor> {
  /** [c] */
  readonly mean: Float64Array;
  /** Population variance, [c]. */
  readonly variance: Float64Array;
  /** [c]; null counts as 1. */
  readonly gamma: T | null;
  /** [c]; null counts as 0. */
  readonly beta: T | null;
  /** Added to the variance. */
  readonly epsilon: number;
}

/**
 * The activation, as kernels see it: 0 is none, 1 is relu(z) = z > 0 ? z : (z ≠ z ? z : +0), and what has parameters is
 * one map of three lines.
 */
export type KernelActivation = 0 | 1 | ThreeLines;

/**
 *     u = z ≤ 0 ? slope·z : z
 *     y = u ≤ low ? low : u ≥ high ? high : u
 *     g = u ≤ low or u ≥ high ? +0 : u ≠ u ? u : z ≤ 0 ? slope·dy : dy
 *
 * with parameters and products rounded to the tensor's type. A bound of NaN is none: it compares with nothing.
 */
export interface ThreeLines {
  readonly slope: number;
  readonly low: number;
  readonly high: number;
}

/** The two per-channel sums of a backward pass. */
export interface GradientSumArrays {
  /** Σ g, [c], where g is dy through the activation. */
  readonly sumDy: Float64Array;
  /** Σ g·(x − mean), [c]. */
  readonly sumDyDeviation: Float64Array;
}

/**
 * Numbers of positions, each in 0 .. n·s − 1: four bytes for each wherever that is enough, since JavaScript arrays end
 * the process at the sizes that tensors have. V8 computes with what comes out of an Int32Array as integers, and with
 * what comes out of a Uint32Array as float64.
 */
export type Positions = Int32Array | Float64Array;

/** Two sums over rows, with d = x − center. */
export interface RowSums {
  /** Σ w·d, [c]. */
  readonly first: Float64Array;
  /** Σ (w·d)·d, [c]. */
  readonly second: Float64Array;
}

/** Arrays that tensors are allocated as: 16 bits are in a Uint16Array. */
export type AllocatedKind = 'Float32Array' | 'Float64Array' | 'Uint16Array';

/** Where a backend keeps tensors. They may be released whichever backend is in use then. */
export interface TensorMemory {
  /** Zeros. @throws RangeError where there is no room */
  allocate(kind: AllocatedKind, length: number): Tensor | Uint16Array;
}

/**
 * The kernels over tensors of type X with gamma, beta, dgamma and dbeta of type P. Statistics and sums are always
 * float64. Reductions sum in the one order that `docs/numerics.md` defines; everything else is elementwise.
 */
export interface TensorKernels<X, P extends Tensor> {
  /** mean[c], variance[c] ← of x. Family: reduction. */
  statistics(mean: Float64Array, variance: Float64Array, x: X, view: View): void;

  /**
   * sums ← Σ w·d and Σ (w·d)·d per channel over the rows at these positions, in their order; d = x − center. The row at
   * position p has the element (⌊p/s⌋, ch, p mod s) of each channel. null for `positions` is all n·s in ascending
   * order, for `weights` 1 each, for `center` 0. The order is that of a tensor (rows, c, 1). Family: reduction.
   */
  rowSums(
    sums: RowSums,
    x: X,
    positions: Positions | null,
    weights: Float64Array | null,
    center: Float64Array | null,
    view: View,
  ): void;

  /**
   * y ← activation(bn(x) + residual) with the statistics in `affine`. y may be x or residual. Family: elementwise.
   */
  normalize(y: X, x: X, residual: X | null, affine: Affine<P>, activation: KernelActivation, view: View): void;

  /** `statistics` into `affine.mean` and `affine.variance`, then `normalize` with them. y may be x or residual. */
  forward(y: X, x: X, residual: X | null, affine: Affine<P>, activation: KernelActivation, view: View): void;

  /**
   * sums ← Σ g and Σ g·(x − mean) per channel, where g is dy through the activation: with relu dy where it passes, +0
   * where it stops, NaN where its input is NaN; its input z = bn(x) + residual is recomputed with the operations of
   * `normalize`. Family: reduction.
   */
  gradientSums(
    sums: GradientSumArrays,
    dy: X,
    x: X,
    residual: X | null,
    affine: Affine<P>,
    activation: KernelActivation,
    view: View,
  ): void;

  /**
   * With sums: dx ← γ·rstd·(g − sumDy/count − (x − mean)·rstd²·sumDyDeviation/count), the gradient of `forward` where
   * `count` values per channel took part in the statistics. With null: dx ← γ·rstd·g, the gradient of `normalize`.
   * dresidual ← g, unless null. dx may be dy; dresidual may be dy if dx is not. Family: elementwise.
   */
  gradientInput(
    dx: X,
    dresidual: X | null,
    dy: X,
    x: X,
    residual: X | null,
    affine: Affine<P>,
    activation: KernelActivation,
    sums: GradientSumArrays | null,
    count: number,
    view: View,
  ): void;

  /**
   * `gradientSums`, then `gradientInput` (with the sums and count = n·s where `batchStatistics`, else with null), then
   * dgamma ← sumDyDeviation·rstd and dbeta ← sumDy, both [c].
   */
  backward(
    dx: X,
    dresidual: X | null,
    dgamma: P,
    dbeta: P,
    dy: X,
    x: X,
    residual: X | null,
    affine: Affine<P>,
    activation: KernelActivation,
    batchStatistics: boolean,
    view: View,
  ): void;
}

/** One backend. Tensors and parameters of one call are all float32 or all float64; 16 bits have tables of their own. */
export interface Kernels extends TensorKernels<Tensor, Tensor> {
  readonly name: BackendName;
  /** The instruction set that runs, as `BackendInfo.isa`. */
  readonly isa: string;
  readonly threads: number;
  /** Where it came from, and what was there before it but not right: as in `BackendInfo`. */
  readonly origin?: string;
  readonly refused?: readonly string[];
  /** Memory of its own in which it works without copying; null where any memory is that. */
  readonly memory: TensorMemory | null;
  /** The sums that do not depend on any order. */
  readonly exact: ExactKernels;
  readonly float16: HalfKernels;
  readonly bfloat16: HalfKernels;
}

/**
 * The kernels over tensors of 16 bits, given as their bits: docs/numerics.md, section 11. Elements are widened to
 * float32 where they are read, and rounded once where they are written; parameters are float32.
 */
export interface HalfKernels extends TensorKernels<Uint16Array, Float32Array> {
  readonly exact: ExactTensorKernels<Uint16Array>;

  /** to ← from, exactly; both have one length, which is not 0. */
  widen(to: Float32Array, from: Uint16Array): void;

  /**
   * to ← from, rounded to nearest even: subnormals stay, what is too large becomes an infinity. NaN becomes quiet, with
   * its sign and the upper bits of its payload.
   */
  round(to: Uint16Array, from: Float32Array): void;
}

/**
 * Where things lie in the record of a channel, which holds two exact sums: docs/numerics.md, section 10. Records of c
 * channels are one Float64Array of 35·c integers, one record behind another.
 *
 * A sum is a whole number of units in two's complement: limbs of 32 bits, the lowest first, each in [0, 2³²) but for
 * the last, which has the sign. So there is one way to write a sum, and records can be added number by number, then
 * carried. After the limbs come three counts of the terms that are not finite: of +Infinity, of −Infinity, of NaN.
 */
export const RECORD = {
  numbers: 35,
  /** Σ x or Σ g, in units of 2⁻¹⁴⁹: 2⁴⁰ terms fit. */
  first: { at: 0, limbs: 10, counts: 10 },
  /** Σ x² or Σ g·d, in units of 2⁻²⁹⁸: as many fit. */
  second: { at: 13, limbs: 19, counts: 32 },
} as const;

/**
 * The exact sums over tensors of type X, and passes with them, by `numerics/2` of docs/numerics.md: any walk gives the
 * same bits.
 */
export interface ExactTensorKernels<X> {
  /** records += Σ x and Σ x² of each channel. All of their limbs are as `RECORD` says before and after. */
  exactSums(records: Float64Array, x: X, view: View): void;

  /**
   * records += Σ g and Σ g·d of each channel, where d = fl(x − fl(mean)) and g is dy through the activation as in
   * `gradientSums`. All limbs are as `RECORD` says before and after.
   */
  exactGradientSums(
    records: Float64Array,
    dy: X,
    x: X,
    residual: X | null,
    affine: Affine<Float32Array>,
    activation: KernelActivation,
    view: View,
  ): void;

  /**
   * `exactSums` of x alone, `exactStatistics` into `affine.mean` and `affine.variance`, then `normalize` with them.
   * records ← the sums, whatever was there, unless null. y may be x or residual.
   */
  exactForward(
    y: X,
    x: X,
    residual: X | null,
    affine: Affine<Float32Array>,
    activation: KernelActivation,
    records: Float64Array | null,
    view: View,
  ): void;

  /** `backward` of `Kernels` with the sums of `exactGradientSums` and `exactGradients`. */
  exactBackward(
    dx: X,
    dresidual: X | null,
    dgamma: Float32Array,
    dbeta: Float32Array,
    dy: X,
    x: X,
    residual: X | null,
    affine: Affine<Float32Array>,
    activation: KernelActivation,
    batchStatistics: boolean,
    view: View,
  ): void;
}

/** The exact kernels for float32, and what comes of records, whatever tensors these are of. */
export interface ExactKernels extends ExactTensorKernels<Float32Array> {
  /**
   * mean[c], variance[c] ← S/m and (m·Q − S²)/m², each rounded once, from records of `exactSums` over m values in each
   * channel, or over counts[ch]. m is an integer up to 2⁴⁰; both are NaN where it is 0.
   */
  exactStatistics(
    mean: Float64Array,
    variance: Float64Array,
    records: Float64Array,
    counts: number | Float64Array,
  ): void;

  /**
   * sums ← G and H − (mean − fl(mean))·G, each rounded once, from records of `exactGradientSums` with the same mean[c].
   */
  exactGradients(sums: GradientSumArrays, records: Float64Array, mean: Float64Array): void;
}

/** The operations of `Kernels`; each exists once per element type in every room, as `statistics_f32` and so on. */
export const KERNEL_NAMES = [
  'statistics',
  'rowSums',
  'normalize',
  'forward',
  'gradientSums',
  'gradientInput',
  'backward',
] as const satisfies readonly (keyof TensorKernels<Tensor, Tensor>)[];

/** The operations of `ExactTensorKernels`: they exist once per element type but float64, as `exactSums_f32`. */
export const EXACT_TENSOR_NAMES = [
  'exactSums',
  'exactGradientSums',
  'exactForward',
  'exactBackward',
] as const satisfies readonly (keyof ExactTensorKernels<never>)[];

/** The operations of `ExactKernels`, of which those on records have no element type. */
export const EXACT_KERNEL_NAMES = [
  ...EXACT_TENSOR_NAMES,
  'exactStatistics',
  'exactGradients',
] as const satisfies readonly (keyof ExactKernels)[];

/** What types of 16 bits have beside `KERNEL_NAMES` and `EXACT_TENSOR_NAMES`. */
export const HALF_KERNEL_NAMES = ['widen', 'round'] as const satisfies readonly (keyof HalfKernels)[];
