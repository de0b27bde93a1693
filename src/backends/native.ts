/** The kernels in C++: a Node-API addon with one build of them for each instruction set. */
import type { KernelActivation, Kernels } from '../kernels.js';
import type { Tensor } from '../types.js';
import { builtin } from './host.js';
import type { LoadOptions } from './select.js';
import { availableThreads } from './threads.js';

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

/** What `load` of the addon returns: the contract of kernels.ts with its objects laid out flat. */
interface Table {
  statistics(mean: Float64Array, variance: Float64Array, x: Tensor, ...extents: Extents): void;
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

/** How the kernels may walk (native/kernels.h, Resources); all but `threads` by the machine's caches unless given. */
export interface Resources {
  readonly threads: number;
  readonly threadBytes?: number;
  readonly tileBytes?: number;
  readonly sharedBytes?: number;
  readonly streamBytes?: number;
}

interface Addon {
  isas(): string[];
  load(isa: string, resources: Resources): Table;
}

/** In a variable each, not where they are used: bundlers would take the files for assets of a page. */
const ADDON = '../../build/Release/batchnorm.node';
const FAILURE = '../../build/install-failure.txt';

const HOW_TO_BUILD =
  'To build it: npm rebuild batchnorm --ignore-scripts=false --foreground-scripts (in a clone: npm run build:native); it needs Python 3, make and a C++17 compiler.';

let addon: Addon | undefined;
/** By instruction set and threads: switching to and fro makes nothing anew. */
const loaded = new Map<string, Kernels>();

/** What this machine can run, best first. */
export function isas(): string[] {
  addon ??= loadAddon();
  return addon.isas();
}

export function load({ isa, threads = availableThreads() }: LoadOptions): Kernels {
  const known = isas();
  const chosen = isa ?? known[0];
  if (!known.includes(chosen)) {
    throw new Error(`native: this processor or build does not run "${chosen}"; it runs ${known.join(', ')}.`);
  }
  const key = `${chosen} ${threads}`;
  const found = loaded.get(key) ?? loadWith(chosen, { threads });
  loaded.set(key, found);
  return found;
}

/** The kernels with walks of one's own choice, for tests and measurements. */
export function loadWith(isa: string, resources: Resources): Kernels {
  addon ??= loadAddon();
  return adapt(addon.load(isa, resources), isa, resources.threads);
}

/** The built addon, or an error that says why there is none and what to do. */
function loadAddon(): Addon {
  const modules = builtin<typeof import('node:module')>('node:module');
  const files = builtin<typeof import('node:fs')>('node:fs');
  if (modules === undefined || files === undefined) throw new Error('native: a browser loads no addons.');
  const file = new URL(ADDON, import.meta.url);
  if (!files.existsSync(file)) throw new Error(`native: ${whyMissing(files)} ${HOW_TO_BUILD}`);
  try {
    const { fileURLToPath } = builtin<typeof import('node:url')>('node:url')!;
    return modules.createRequire(import.meta.url)(fileURLToPath(file)) as Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`native: the addon was built but does not load (${reason}). ${HOW_TO_BUILD}`, { cause });
  }
}

/** scripts/install.js leaves the reason of a failed build in this file. */
function whyMissing({ existsSync, readFileSync }: typeof import('node:fs')): string {
  const report = new URL(FAILURE, import.meta.url);
  if (existsSync(report)) return `the addon was not built: ${readFileSync(report, 'utf8').trim()}.`;
  return 'the addon was not built: the install script of batchnorm did not run (--ignore-scripts, or it waits for npm approve-scripts or pnpm approve-builds).';
}

/** Objects laid out flat: one array or number an argument is what Node-API reads fastest. */
function adapt(table: Table, isa: string, threads: number): Kernels {
  return {
    name: 'native',
    isa,
    threads,
    memory: null,
    statistics: (mean, variance, x, { n, c, s }) => table.statistics(mean, variance, x, bytesOf(x), n, c, s),
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
