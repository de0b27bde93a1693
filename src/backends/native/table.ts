/** The exports of the addon, and the kernel contract made of them. */
import {
  EXACT_KERNEL_NAMES,
  type ExactKernels,
  KERNEL_NAMES,
  type KernelActivation,
  type Kernels,
  type Positions,
} from '../../kernels.js';
import { withHalfKernels } from '../../reference/half-kernels.js';
import type { Tensor } from '../../types.js';

type Maybe<T> = T | null;
type Parameters = [
  mean: Float64Array,
  variance: Float64Array,
  gamma: Maybe<Tensor>,
  beta: Maybe<Tensor>,
  epsilon: number,
];
/** Parameters as [slope, low, high]. */
type Activation = 0 | 1 | Float64Array;
type Extents = [bytesPerElement: number, n: number, c: number, s: number];

/** The table that `load` of the addon returns: the contract of kernels.ts with its objects laid out flat. */
interface Table {
  statistics(mean: Float64Array, variance: Float64Array, x: Tensor, ...extents: Extents): void;
  rowSums(
    first: Float64Array,
    second: Float64Array,
    x: Tensor,
    positions: Maybe<Positions>,
    weights: Maybe<Float64Array>,
    center: Maybe<Float64Array>,
    ...extents: Extents
  ): void;
  normalize(y: Tensor, x: Tensor, residual: Maybe<Tensor>, ...rest: [...Parameters, Activation, ...Extents]): void;
  forward(y: Tensor, x: Tensor, residual: Maybe<Tensor>, ...rest: [...Parameters, Activation, ...Extents]): void;
  gradientSums(
    sumDy: Float64Array,
    sumDyDeviation: Float64Array,
    dy: Tensor,
    x: Tensor,
    residual: Maybe<Tensor>,
    ...rest: [...Parameters, activation: Activation, ...Extents]
  ): void;
  gradientInput(
    dx: Tensor,
    dresidual: Maybe<Tensor>,
    dy: Tensor,
    x: Tensor,
    residual: Maybe<Tensor>,
    ...rest: [
      ...Parameters,
      activation: Activation,
      sumDy: Maybe<Float64Array>,
      sumDyDeviation: Maybe<Float64Array>,
      count: number,
      ...Extents,
    ]
  ): void;
  backward(
    dx: Tensor,
    dresidual: Maybe<Tensor>,
    dgamma: Tensor,
    dbeta: Tensor,
    dy: Tensor,
    x: Tensor,
    residual: Maybe<Tensor>,
    ...rest: [...Parameters, activation: Activation, batchStatistics: boolean, ...Extents]
  ): void;
}

/** The exact kernels of the addon. If there is no tensor, the extents are [4, 1, c, 1]. */
interface ExactTable {
  exactSums(records: Float64Array, x: Float32Array, ...extents: Extents): void;
  exactGradientSums(
    records: Float64Array,
    dy: Float32Array,
    x: Float32Array,
    residual: Maybe<Float32Array>,
    ...rest: [...Parameters, activation: Activation, ...Extents]
  ): void;
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
  exactForward(
    y: Float32Array,
    x: Float32Array,
    residual: Maybe<Float32Array>,
    ...rest: [...Parameters, activation: Activation, records: Maybe<Float64Array>, ...Extents]
  ): void;
  exactBackward: Table['backward'];
}

/** How the kernels may walk (native/kernels.h, Resources); all but `threads` by the machine's caches unless given. */
export interface Resources {
  readonly threads: number;
  readonly threadBytes?: number;
  readonly tileBytes?: number;
  readonly sharedBytes?: number;
  readonly streamBytes?: number;
}

export interface Addon {
  isas(): string[];
  load(isa: string, resources: Resources): Table & ExactTable;
}

/** The functions of a table, by the kernels of the contract: an addon of another version may lack some. */
const FUNCTIONS: readonly string[] = [...KERNEL_NAMES, ...EXACT_KERNEL_NAMES];

/** Kernels that a table lacks. */
export function missingIn(table: object): string[] {
  return FUNCTIONS.filter((name) => typeof (table as Record<string, unknown>)[name] !== 'function');
}

/** Objects laid out flat: one array or number an argument is what Node-API reads fastest. */
export function adapt(table: Table & ExactTable, isa: string, threads: number, origin: string): Kernels {
  return withHalfKernels({
    name: 'native',
    ...{ isa, threads, origin },
    memory: null,
    exact: adaptExact(table),
    statistics: (mean, variance, x, { n, c, s }) => table.statistics(mean, variance, x, bytesOf(x), n, c, s),
    rowSums: ({ first, second }, x, positions, weights, center, { n, c, s }) =>
      table.rowSums(first, second, x, positions, weights, center, bytesOf(x), n, c, s),
    normalize: (y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, { n, c, s }) =>
      table.normalize(y, x, residual, mean, variance, gamma, beta, epsilon, flat(activation), bytesOf(x), n, c, s),
    forward: (y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, { n, c, s }) =>
      table.forward(y, x, residual, mean, variance, gamma, beta, epsilon, flat(activation), bytesOf(x), n, c, s),
    gradientSums: (sums, dy, x, residual, { mean, variance, gamma, beta, epsilon }, activation, { n, c, s }) => {
      const { sumDy, sumDyDeviation } = sums;
      const parameters: Parameters = [mean, variance, gamma, beta, epsilon];
      table.gradientSums(sumDy, sumDyDeviation, dy, x, residual, ...parameters, flat(activation), bytesOf(x), n, c, s);
    },
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, { n, c, s }) => {
      const { mean, variance, gamma, beta, epsilon } = affine;
      const parameters: Parameters = [mean, variance, gamma, beta, epsilon];
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
  });
}

function adaptExact(table: ExactTable): ExactKernels {
  return {
    exactSums: (records, x, { n, c, s }) => table.exactSums(records, x, 4, n, c, s),
    exactGradientSums: (records, dy, x, residual, affine, activation, { n, c, s }) => {
      const { mean, variance, gamma, beta, epsilon } = affine;
      const parameters: Parameters = [mean, variance, gamma, beta, epsilon];
      table.exactGradientSums(records, dy, x, residual, ...parameters, flat(activation), 4, n, c, s);
    },
    exactStatistics: (mean, variance, records, counts) =>
      table.exactStatistics(mean, variance, records, counts, 4, 1, mean.length, 1),
    exactGradients: ({ sumDy, sumDyDeviation }, records, mean) =>
      table.exactGradients(sumDy, sumDyDeviation, records, mean, 4, 1, mean.length, 1),
    exactForward: (y, x, residual, { mean, variance, gamma, beta, epsilon }, activation, records, { n, c, s }) => {
      const parameters: Parameters = [mean, variance, gamma, beta, epsilon];
      table.exactForward(y, x, residual, ...parameters, flat(activation), records, 4, n, c, s);
    },
    exactBackward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
      const outputs = [dx, dresidual, dgamma, dbeta] as const;
      const { mean, variance, gamma, beta, epsilon } = affine;
      const parameters: Parameters = [mean, variance, gamma, beta, epsilon];
      const extents: Extents = [4, view.n, view.c, view.s];
      table.exactBackward(...outputs, dy, x, residual, ...parameters, flat(activation), batchStatistics, ...extents);
    },
  };
}

function flat(activation: KernelActivation): Activation {
  if (typeof activation === 'number') return activation;
  return Float64Array.of(activation.slope, activation.low, activation.high);
}

/** Told, since it costs Node-API as much to find out as to read another array. */
function bytesOf(x: Tensor): number {
  return x.BYTES_PER_ELEMENT;
}
