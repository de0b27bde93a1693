/** The kernels in WebAssembly, compiled from AssemblyScript with and without SIMD. */
import type { Affine, GradientSums, Kernels, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import type { LoadOptions } from './select.js';
import { bitsOf, type Scalars } from './wasm/call.js';
import { type Memory, memoryInUse } from './wasm/memory.js';
import { instantiate, runs } from './wasm/modules.js';
import { type Arguments, Stage } from './wasm/stage.js';

const ISAS = ['simd128', 'scalar'];
/** Tensors of more bytes than this are copied in pieces: the copy of a large tensor should not double what it takes. */
const COPIED_BYTES = 2 ** 26;

/** What this engine can run, best first. */
export function isas(): string[] {
  if (typeof WebAssembly !== 'object') throw new Error('wasm: this engine has no WebAssembly.');
  return ISAS.filter(runs);
}

export function load({ isa, threads = 1 }: LoadOptions): Kernels {
  return loadWith(isa, threads, COPIED_BYTES);
}

/** The kernels with pieces of one's own choice, for tests. */
export function loadWith(isa: string | undefined, threads: number, copiedBytes: number): Kernels {
  const known = isas();
  const chosen = isa ?? known[0];
  if (chosen === undefined || !known.includes(chosen)) {
    throw new Error(
      `wasm: this engine does not run "${chosen}"; it runs ${known.join(', ') || 'none of the modules'}.`,
    );
  }
  const make = (memory: Memory) => new Stage(memory, instantiate(chosen, memory), threads, copiedBytes);
  let stage = make(memoryInUse());
  const call = (args: Arguments) => {
    const memory = memoryInUse();
    if (memory !== stage.memory) stage = make(memory);
    stage.call(args);
  };
  return adapt(call, chosen, threads);
}

const Y = /* @__PURE__ */ bitsOf('output');
const STATISTICS = /* @__PURE__ */ bitsOf('mean', 'variance');
const SUMS = /* @__PURE__ */ bitsOf('sumDy', 'sumDyDeviation');
const DX = /* @__PURE__ */ bitsOf('output', 'dresidual');
const GRADIENTS = /* @__PURE__ */ bitsOf('output', 'dresidual', 'dgamma', 'dbeta');
const NO_SCALARS = { epsilon: 0, activation: 0, batch: false };

/** The contract laid out flat: arrays in the order of ARRAYS in wasm/call.ts. */
function adapt(call: (args: Arguments) => void, isa: string, threads: number): Kernels {
  return {
    name: 'wasm',
    isa,
    threads,
    memory: { allocate: (kind, length) => memoryInUse().allocate(kind, length) },
    statistics: (mean, variance, x, view) => {
      const arrays = [null, null, null, null, null, x, null, mean, variance, null, null, null, null];
      call({ kernel: 'statistics', view, arrays, outputs: STATISTICS, ...NO_SCALARS, count: view.n * view.s });
    },
    normalize: (y, x, residual, affine, activation, view) => {
      const arrays = [y, null, null, null, null, x, residual, ...flat(affine), null, null];
      call({ kernel: 'normalize', view, arrays, outputs: Y, ...scalars(affine, activation, view) });
    },
    forward: (y, x, residual, affine, activation, view) => {
      const arrays = [y, null, null, null, null, x, residual, ...flat(affine), null, null];
      call({ kernel: 'forward', view, arrays, outputs: Y | STATISTICS, ...scalars(affine, activation, view) });
    },
    gradientSums: (sums, dy, x, residual, affine, activation, view) => {
      const arrays = [null, null, null, null, dy, x, residual, ...flat(affine), ...flatSums(sums)];
      call({ kernel: 'gradientSums', view, arrays, outputs: SUMS, ...scalars(affine, activation, view) });
    },
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, view) => {
      const arrays = [dx, dresidual, null, null, dy, x, residual, ...flat(affine), ...flatSums(sums)];
      const rest = { epsilon: affine.epsilon, activation, batch: sums !== null, count };
      call({ kernel: 'gradientInput', view, arrays, outputs: DX, ...rest });
    },
    backward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batch, view) => {
      const arrays = [dx, dresidual, dgamma, dbeta, dy, x, residual, ...flat(affine), null, null];
      const rest = { ...scalars(affine, activation, view), batch };
      call({ kernel: 'backward', view, arrays, outputs: GRADIENTS, ...rest });
    },
  };
}

function scalars({ epsilon }: Affine, activation: number, { n, s }: View): Scalars {
  return { epsilon, activation, batch: false, count: n * s };
}

function flat({ mean, variance, gamma, beta }: Affine): (Tensor | null)[] {
  return [mean, variance, gamma, beta];
}

function flatSums(sums: GradientSums | null): (Tensor | null)[] {
  return [sums?.sumDy ?? null, sums?.sumDyDeviation ?? null];
}
