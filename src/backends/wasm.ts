/** The kernels in WebAssembly, compiled from AssemblyScript with and without SIMD. */
import type {
  Affine,
  ExactKernels,
  ExactTensorKernels,
  GradientSumArrays,
  HalfDtype,
  HalfKernels,
  KernelActivation,
  Kernels,
  TensorKernels,
  View,
} from '../kernels.js';
import { fits, makeScratch } from '../reference/layout.js';
import { rowSums } from '../reference/row-sums.js';
import type { Tensor } from '../types.js';
import { builtin } from './host.js';
import type { LoadOptions } from './loader.js';
import { availableThreads } from './threads.js';
import { type Arguments, bitsOf, type Resources, type Scalars, type Stored } from './wasm/call.js';
import { isSharingPossible, type Memory, memoryInUse } from './wasm/memory.js';
import { compile as compileModule, instantiate, moduleOf, prepare, runs } from './wasm/modules.js';
import { mayStartWorkers, Pool } from './wasm/pool.js';
import { Stage } from './wasm/stage.js';

const ISAS = ['simd128', 'scalar'];
/** More threads than this no memory can feed. */
const MOST_THREADS = 32;
/** docs/wasm.md has the measurements. */
const RESOURCES = { threadBytes: 2 ** 17, tileBytes: 2 ** 20, copiedBytes: 2 ** 26 };

/** The instruction sets that this engine can run, best first. */
export function isas(): string[] {
  if (typeof WebAssembly !== 'object') throw new Error('wasm: this engine has no WebAssembly.');
  return ISAS.filter(runs);
}

export function load({ isa, threads = availableThreads() }: LoadOptions): Kernels {
  const wanted = Math.min(threads, MOST_THREADS);
  return loadWith(isa, { ...RESOURCES, threads: worthwhile(wanted) }, wanted);
}

/** More threads than processors would take them from each other: calls are shared by as many as there are. */
function worthwhile(threads: number): number {
  return Math.min(threads, availableThreads());
}

/** Resolves when the workers serve that calls with so many threads want. */
export function serving(threads: number): Promise<void> {
  return startWorkers(worthwhile(threads));
}

/** Makes ready in the background what browsers may not let `load` do by itself. */
export async function compile(): Promise<void> {
  try {
    const [isa] = isas();
    if (builtin('node:module') !== undefined) await compileModule(isa, isSharingPossible());
    else await prepare(isa, memoryInUse());
  } catch {
    // `load` says why
  }
}

/** Resolves when the workers of these threads serve. */
export async function startWorkers(threads: number): Promise<void> {
  const pool = poolOf(memoryInUse(), isas()[0]);
  pool?.start(threads - 1);
  await pool?.serving();
}

/** The kernels with walks of one's own choice, for tests and measurements; `named` is the number that they tell. */
export function loadWith(isa: string | undefined, resources: Resources, named = resources.threads): Kernels {
  const { threads } = resources;
  const known = isas();
  const chosen = isa ?? known[0];
  if (chosen === undefined || !known.includes(chosen)) {
    throw new Error(
      `wasm: this engine does not run "${chosen}"; it runs ${known.join(', ') || 'none of the modules'}.`,
    );
  }
  const make = (memory: Memory) => {
    const pool = threads > 1 ? poolOf(memory, chosen) : null;
    return new Stage(memory, instantiate(chosen, memory), pool, resources);
  };
  let stage: Stage | undefined;
  const stageInUse = () => {
    if (stage !== undefined) return stage;
    const memory = memoryInUse();
    stage = make(memory);
    memory.onDrop.add(() => {
      stage = undefined;
    });
    return stage;
  };
  const { shared } = stageInUse().memory;
  return adapt(
    (args, half) => stageInUse().call(args, half),
    chosen,
    () => (shared && mayStartWorkers() ? named : 1),
  );
}

const pools = /* @__PURE__ */ new WeakMap<Memory, Pool>();

/** The workers of a memory: any instruction set does the same in it. null where memory cannot be shared. */
function poolOf(memory: Memory, isa: string): Pool | null {
  if (!memory.shared) return null;
  const pool = pools.get(memory) ?? new Pool(memory, moduleOf(isa, true));
  if (!pools.has(memory)) memory.onDrop.add(() => pool.stop());
  pools.set(memory, pool);
  return pool;
}

const Y = /* @__PURE__ */ bitsOf('output');
const STATISTICS = /* @__PURE__ */ bitsOf('mean', 'variance');
const SUMS = /* @__PURE__ */ bitsOf('sumDy', 'sumDyDeviation');
const DX = /* @__PURE__ */ bitsOf('output', 'dresidual');
const GRADIENTS = /* @__PURE__ */ bitsOf('output', 'dresidual', 'dgamma', 'dbeta');
const RECORDS = /* @__PURE__ */ bitsOf('records');
const NO_TENSORS = [null, null, null, null, null, null, null] as const;
const NO_CHANNELS = [null, null, null, null, null, null, null, null] as const;
const NO_SCALARS = { epsilon: 0, activation: 0, batch: false } as const;
/** Elements that are converted in one call, so that what is copied for it stays in the caches. */
const CONVERTED = 2 ** 17;

/** `half` is the type of the tensors, where they have 16 bits. */
type Call = (args: Arguments, half?: HalfDtype) => void;
type RowSums = Kernels['rowSums'];

/** The contract laid out flat: arrays in the order of ARRAYS in wasm/call.ts. */
function adapt(call: Call, isa: string, threads: () => number): Kernels {
  let scratch = makeScratch(0, 1);
  const sumRows: RowSums = (sums, x, positions, weights, center, view) => {
    if (!fits(scratch, view.c, 1)) scratch = makeScratch(view.c, 1);
    rowSums(sums, x, positions, weights, center, view, scratch);
  };
  return {
    name: 'wasm',
    isa,
    get threads() {
      return threads();
    },
    memory: { allocate: (kind, length) => memoryInUse().allocate(kind, length) },
    rowSums: sumRows,
    ...adaptReductions(call),
    ...adaptMaps(call),
    exact: { ...adaptExact(call), ...adaptRecords(call) },
    float16: adaptHalf(call, 'float16', sumRows),
    bfloat16: adaptHalf(call, 'bfloat16', sumRows),
  };
}

/** The kernels that sum. */
function adaptReductions<X extends Stored, P extends Tensor>(
  call: Call,
): Pick<TensorKernels<X, P>, 'statistics' | 'forward' | 'gradientSums' | 'backward'> {
  return {
    statistics: (mean, variance, x, view) => {
      const arrays = [null, null, null, null, null, x, null, mean, variance, null, null, null, null, null, null];
      call({ kernel: 'statistics', view, arrays, outputs: STATISTICS, ...NO_SCALARS, count: view.n * view.s });
    },
    forward: (y, x, residual, affine, activation, view) => {
      const arrays = [y, null, null, null, null, x, residual, ...flat(affine), null, null, null, null];
      call({ kernel: 'forward', view, arrays, outputs: Y | STATISTICS, ...scalars(affine, activation, view) });
    },
    gradientSums: (sums, dy, x, residual, affine, activation, view) => {
      const arrays = [null, null, null, null, dy, x, residual, ...flat(affine), ...flatSums(sums), null, null];
      call({ kernel: 'gradientSums', view, arrays, outputs: SUMS, ...scalars(affine, activation, view) });
    },
    backward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, view) => {
      const arrays = [dx, dresidual, dgamma, dbeta, dy, x, residual, ...flat(affine), null, null, null, null];
      const rest = { ...scalars(affine, activation, view), batch };
      call({ kernel: 'backward', view, arrays, outputs: GRADIENTS, ...rest });
    },
  };
}

/** The kernels that write outputs alone. */
function adaptMaps<X extends Stored, P extends Tensor>(
  call: Call,
): Pick<TensorKernels<X, P>, 'normalize' | 'gradientInput'> {
  return {
    normalize: (y, x, residual, affine, activation, view) => {
      const arrays = [y, null, null, null, null, x, residual, ...flat(affine), null, null, null, null];
      call({ kernel: 'normalize', view, arrays, outputs: Y, ...scalars(affine, activation, view) });
    },
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, view) => {
      const arrays = [dx, dresidual, null, null, dy, x, residual, ...flat(affine), ...flatSums(sums), null, null];
      const rest = { epsilon: affine.epsilon, activation, batch: sums !== null, count };
      call({ kernel: 'gradientInput', view, arrays, outputs: DX, ...rest });
    },
  };
}

function adaptExact<X extends Stored>(call: Call): ExactTensorKernels<X> {
  return {
    exactSums: (records, x, view) => {
      const arrays = [null, null, null, null, null, x, null, null, null, null, null, null, null, records, null];
      call({ kernel: 'exactSums', view, arrays, outputs: RECORDS, ...NO_SCALARS, count: 0 });
    },
    exactGradientSums: (records, dy, x, residual, affine, activation, view) => {
      const arrays = [null, null, null, null, dy, x, residual, ...flat(affine), null, null, records, null];
      call({ kernel: 'exactGradientSums', view, arrays, outputs: RECORDS, ...scalars(affine, activation, view) });
    },
    exactForward: (y, x, residual, affine, activation, records, view) => {
      const arrays = [y, null, null, null, null, x, residual, ...flat(affine), null, null, records, null];
      const outputs = Y | STATISTICS | RECORDS;
      call({ kernel: 'exactForward', view, arrays, outputs, ...scalars(affine, activation, view) });
    },
    exactBackward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, view) => {
      const arrays = [dx, dresidual, dgamma, dbeta, dy, x, residual, ...flat(affine), null, null, null, null];
      const rest = { ...scalars(affine, activation, view), batch };
      call({ kernel: 'exactBackward', view, arrays, outputs: GRADIENTS, ...rest });
    },
  };
}

/** The kernels that have no tensors. */
function adaptRecords(call: Call): Pick<ExactKernels, 'exactStatistics' | 'exactGradients'> {
  return {
    exactStatistics: (mean, variance, records, counts) => {
      const [given, count] = typeof counts === 'number' ? [null, counts] : [counts, 0];
      const arrays = [...NO_TENSORS, mean, variance, null, null, null, null, records, given];
      call({ kernel: 'exactStatistics', view: channels(mean), arrays, outputs: STATISTICS, ...NO_SCALARS, count });
    },
    exactGradients: (sums, records, mean) => {
      const arrays = [...NO_TENSORS, mean, null, null, null, ...flatSums(sums), records, null];
      call({ kernel: 'exactGradients', view: channels(mean), arrays, outputs: SUMS, ...NO_SCALARS, count: 0 });
    },
  };
}

/** The same calls, whose record says that their tensors have 16 bits. */
function adaptHalf(call: Call, half: HalfDtype, sumRows: RowSums): HalfKernels {
  const own: Call = (args) => call(args, half);
  const convert = (kernel: 'widen' | 'round', to: Stored, from: Stored) => {
    for (let k = 0; k < from.length; k += CONVERTED) {
      const x = from.subarray(k, k + CONVERTED);
      const arrays = [to.subarray(k, k + CONVERTED), null, null, null, null, x, null, ...NO_CHANNELS];
      own({ kernel, view: { n: 1, c: 1, s: x.length }, arrays, outputs: Y, ...NO_SCALARS, count: 0 });
    }
  };
  return {
    widen: (to, from) => convert('widen', to, from),
    round: (to, from) => convert('round', to, from),
    rowSums: (sums, x, positions, weights, center, view) => {
      const wide = new Float32Array(x.length);
      convert('widen', wide, x);
      sumRows(sums, wide, positions, weights, center, view);
    },
    ...adaptReductions(own),
    ...adaptMaps(own),
    exact: adaptExact(own),
  };
}

function scalars({ epsilon }: Affine, activation: KernelActivation, { n, s }: View): Scalars {
  return { epsilon, activation, batch: false, count: n * s };
}

/** Of calls that have no tensors. */
function channels({ length }: Float64Array): View {
  return { n: 1, c: length, s: 1 };
}

function flat({ mean, variance, gamma, beta }: Affine): (Tensor | null)[] {
  return [mean, variance, gamma, beta];
}

function flatSums(sums: GradientSumArrays | null): (Tensor | null)[] {
  return [sums?.sumDy ?? null, sums?.sumDyDeviation ?? null];
}
