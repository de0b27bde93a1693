/** The exports of the addon, and the kernel contract made of them. */
import {
  EXACT_KERNEL_NAMES,
  EXACT_TENSOR_NAMES,
  type ExactKernels,
  type ExactTensorKernels,
  HALF_KERNEL_NAMES,
  type HalfKernels,
  KERNEL_NAMES,
  type KernelActivation,
  type Kernels,
  type Positions,
  type TensorKernels,
} from '../../kernels.js';
import type { Tensor } from '../../types.js';

type Maybe<T> = T | null;
/** A typed array, as far as this file looks at it. */
type Sized = { readonly BYTES_PER_ELEMENT: number };
type Parameters<P> = [mean: Float64Array, variance: Float64Array, gamma: Maybe<P>, beta: Maybe<P>, epsilon: number];
/** Parameters as [slope, low, high]. */
type Activation = 0 | 1 | Float64Array;
type Extents = [bytesPerElement: number, n: number, c: number, s: number];

/** The contract of kernels.ts with its objects laid out flat. */
interface TensorTable<X, P> {
  statistics(mean: Float64Array, variance: Float64Array, x: X, ...extents: Extents): void;
  rowSums(
    first: Float64Array,
    second: Float64Array,
    x: X,
    positions: Maybe<Positions>,
    weights: Maybe<Float64Array>,
    center: Maybe<Float64Array>,
    ...extents: Extents
  ): void;
  normalize(y: X, x: X, residual: Maybe<X>, ...rest: [...Parameters<P>, Activation, ...Extents]): void;
  forward(y: X, x: X, residual: Maybe<X>, ...rest: [...Parameters<P>, Activation, ...Extents]): void;
  gradientSums(
    sumDy: Float64Array,
    sumDyDeviation: Float64Array,
    dy: X,
    x: X,
    residual: Maybe<X>,
    ...rest: [...Parameters<P>, activation: Activation, ...Extents]
  ): void;
  gradientInput(
    dx: X,
    dresidual: Maybe<X>,
    dy: X,
    x: X,
    residual: Maybe<X>,
    ...rest: [
      ...Parameters<P>,
      activation: Activation,
      sumDy: Maybe<Float64Array>,
      sumDyDeviation: Maybe<Float64Array>,
      count: number,
      ...Extents,
    ]
  ): void;
  backward(
    dx: X,
    dresidual: Maybe<X>,
    dgamma: P,
    dbeta: P,
    dy: X,
    x: X,
    residual: Maybe<X>,
    ...rest: [...Parameters<P>, activation: Activation, batchStatistics: boolean, ...Extents]
  ): void;
}

/** The exact sums of the addon, and passes with them. */
interface ExactTensorTable<X> {
  exactSums(records: Float64Array, x: X, ...extents: Extents): void;
  exactGradientSums(
    records: Float64Array,
    dy: X,
    x: X,
    residual: Maybe<X>,
    ...rest: [...Parameters<Float32Array>, activation: Activation, ...Extents]
  ): void;
  exactForward(
    y: X,
    x: X,
    residual: Maybe<X>,
    ...rest: [...Parameters<Float32Array>, activation: Activation, records: Maybe<Float64Array>, ...Extents]
  ): void;
  exactBackward: TensorTable<X, Float32Array>['backward'];
}

/** The exact kernels of the addon. If there is no tensor, the extents are [4, 1, c, 1]. */
interface ExactTable extends ExactTensorTable<Float32Array> {
  exactStatistics(
    mean: Float64Array,
    variance: Float64Array,
    records: Float64Array,
    counts: number | Float64Array,
    ...extents: Extents
  ): void;
  exactGradients(
    sumDy: Float64Array,
    sumDyDeviation: Float64Array,
    records: Float64Array,
    mean: Float64Array,
    ...extents: Extents
  ): void;
}

/** The functions for tensors of 16 bits, of which the addon has two sets, by the ends of their names. */
interface HalfTable extends TensorTable<Uint16Array, Float32Array>, ExactTensorTable<Uint16Array> {
  widen(to: Float32Array, from: Uint16Array, ...extents: Extents): void;
  round(to: Uint16Array, from: Float32Array, ...extents: Extents): void;
}
type HalfEnd = '_f16' | '_bf16';
type HalfTables = {
  [Name in keyof HalfTable as `${Name}${HalfEnd}`]: HalfTable[Name];
};

/** The table that `load` of the addon returns. */
type Table = TensorTable<Tensor, Tensor> & ExactTable & HalfTables;

/** How the kernels may walk (native/kernels.h, Resources); all but `threads` by the machine's caches unless given. */
export interface Resources {
  readonly threads: number;
  readonly threadBytes?: number;
  readonly tileBytes?: number;
  readonly sharedBytes?: number;
  readonly streamBytes?: number;
  /** false: kernels of AVX-512 do without AVX512IFMA, as on processors that lack it. */
  readonly ifma?: boolean;
}

export interface Addon {
  isas(): string[];
  load(isa: string, resources: Resources): Table;
}

const HALF_NAMES = [...KERNEL_NAMES, ...EXACT_TENSOR_NAMES, ...HALF_KERNEL_NAMES] as const;
const HALF_ENDS = ['_f16', '_bf16'] as const;

/** The functions of a table, by the kernels of the contract: an addon of another version may lack some. */
const FUNCTIONS: readonly string[] = [
  ...KERNEL_NAMES,
  ...EXACT_KERNEL_NAMES,
  ...HALF_ENDS.flatMap((end) => HALF_NAMES.map((name) => name + end)),
];

/** Kernels that a table lacks. */
export function missingIn(table: object): string[] {
  return FUNCTIONS.filter((name) => typeof (table as Record<string, unknown>)[name] !== 'function');
}

/** All kernels of the addon. */
export function adapt(table: Table, isa: string, threads: number, origin: string): Kernels {
  return {
    name: 'native',
    ...{ isa, threads, origin },
    memory: null,
    ...adaptTensors(table),
    exact: adaptExact(table),
    float16: adaptHalf(table, '_f16'),
    bfloat16: adaptHalf(table, '_bf16'),
  };
}

/** Objects laid out flat: one array or number an argument is what Node-API reads fastest. */
function adaptTensors<X extends Sized, P extends Tensor>(table: TensorTable<X, P>): TensorKernels<X, P> {
  return {
    statistics: (mean, variance, x, { n, c, s }) => table.statistics(mean, variance, x, bytesOf(x), n, c, s),
    rowSums: ({ first, second }, x, positions, weights, center, { n, c, s }) =>
      table.rowSums(first, second, x, positions, weights, center, bytesOf(x), n, c, s),
    normalize: (y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, { n, c, s }) =>
      table.normalize(y, x, residual, mean, variance, gamma, beta, epsilon, flat(activation), bytesOf(x), n, c, s),
    forward: (y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, { n, c, s }) =>
      table.forward(y, x, residual, mean, variance, gamma, beta, epsilon, flat(activation), bytesOf(x), n, c, s),
    gradientSums: (sums, dy, x, residual, { mean, variance, gamma, beta, epsilon }, activation, { n, c, s }) => {
      const { sumDy, sumDyDeviation } = sums;
      const parameters: Parameters<P> = [mean, variance, gamma, beta, epsilon];
      table.gradientSums(sumDy, sumDyDeviation, dy, x, residual, ...parameters, flat(activation), bytesOf(x), n, c, s);
    },
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, { n, c, s }) => {
      const { mean, variance, gamma, beta, epsilon } = affine;
      const parameters: Parameters<P> = [mean, variance, gamma, beta, epsilon];
      const given = [sums?.sumDy ?? null, sums?.sumDyDeviation ?? null] as const;
      const extents: Extents = [bytesOf(x), n, c, s];
      table.gradientInput(dx, dresidual, dy, x, residual, ...parameters, flat(activation), ...given, count, ...extents);
    },
    backward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, { n, c, s }) => {
      const { mean, variance, gamma, beta, epsilon } = affine;
      table.backward(
        dx,
        dresidual,
        dgamma,
        dbeta,
        dy,
        x,
        residual,
        mean,
        variance,
        gamma,
        beta,
        epsilon,
        flat(activation),
        batchStatistics,
        bytesOf(x),
        n,
        c,
        s,
      );
    },
  };
}

function adaptHalf(all: HalfTables, end: HalfEnd): HalfKernels {
  const entries = HALF_NAMES.map((name) => [name, all[`${name}${end}`]] as const);
  const table = Object.fromEntries(entries) as unknown as HalfTable;
  return {
    ...adaptTensors(table),
    exact: adaptExactTensors(table, 2),
    widen: (to, from) => table.widen(to, from, 2, 1, from.length, 1),
    round: (to, from) => table.round(to, from, 2, 1, from.length, 1),
  };
}

function adaptExactTensors<X>(table: ExactTensorTable<X>, bytes: number): ExactTensorKernels<X> {
  return {
    exactSums: (records, x, { n, c, s }) => table.exactSums(records, x, bytes, n, c, s),
    exactGradientSums: (records, dy, x, residual, affine, activation, { n, c, s }) => {
      const { mean, variance, gamma, beta, epsilon } = affine;
      const parameters: Parameters<Float32Array> = [mean, variance, gamma, beta, epsilon];
      table.exactGradientSums(records, dy, x, residual, ...parameters, flat(activation), bytes, n, c, s);
    },
    exactForward: (y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, records, { n, c, s }) => {
      const parameters: Parameters<Float32Array> = [mean, variance, gamma, beta, epsilon];
      table.exactForward(y, x, residual, ...parameters, flat(activation), records, bytes, n, c, s);
    },
    exactBackward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
      const outputs = [dx, dresidual, dgamma, dbeta] as const;
      const { mean, variance, gamma, beta, epsilon } = affine;
      const parameters: Parameters<Float32Array> = [mean, variance, gamma, beta, epsilon];
      const extents: Extents = [bytes, view.n, view.c, view.s];
      table.exactBackward(...outputs, dy, x, residual, ...parameters, flat(activation), batchStatistics, ...extents);
    },
  };
}

function adaptExact(table: ExactTable): ExactKernels {
  return {
    ...adaptExactTensors(table, 4),
    exactStatistics: (mean, variance, records, counts) =>
      table.exactStatistics(mean, variance, records, counts, 4, 1, mean.length, 1),
    exactGradients: ({ sumDy, sumDyDeviation }, records, mean) =>
      table.exactGradients(sumDy, sumDyDeviation, records, mean, 4, 1, mean.length, 1),
  };
}

function flat(activation: KernelActivation): Activation {
  if (typeof activation === 'number') return activation;
  return Float64Array.of(activation.slope, activation.low, activation.high);
}

/** Told, since it costs Node-API as much to find out as to read another array. */
function bytesOf(x: Sized): number {
  return x.BYTES_PER_ELEMENT;
}
