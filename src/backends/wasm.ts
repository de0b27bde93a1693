/** The kernels in WebAssembly, compiled from AssemblyScript with and without SIMD. */
import { scalar, simd128 } from '../generated/wasm.js';
import type { Affine, GradientSums, Kernels, View } from '../kernels.js';
import type { Tensor } from '../types.js';
import type { LoadOptions } from './select.js';
import { Stage } from './wasm-stage.js';

const MODULES: Record<string, string> = { simd128, scalar };

/** What this engine can run, best first. */
export function isas(): string[] {
  return Object.keys(MODULES).filter((isa) => WebAssembly.validate(bytesOf(isa)));
}

/** Compiled once, whoever asks. */
const compiled = new Map<string, WebAssembly.Module>();

export function load({ isa }: LoadOptions): Kernels {
  if (typeof WebAssembly !== 'object') throw new Error('wasm: this engine has no WebAssembly.');
  const chosen = isa ?? isas()[0];
  if (chosen === undefined || !isas().includes(chosen)) {
    throw new Error(
      `wasm: this engine does not run "${chosen}"; it runs ${isas().join(', ') || 'none of the modules'}.`,
    );
  }
  let module = compiled.get(chosen);
  if (module === undefined) {
    module = new WebAssembly.Module(bytesOf(chosen));
    compiled.set(chosen, module);
  }
  return adapt(new Stage(module), chosen);
}

function bytesOf(isa: string): Uint8Array<ArrayBuffer> {
  const text = atob(MODULES[isa]);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The contract over a stage: every array is placed in its memory, the kernel called, and outputs copied back. */
function adapt(stage: Stage, isa: string): Kernels {
  const call = (kernel: string, x: Tensor, view: View, outputs: Tensor[], list: (Tensor | number | null)[]) =>
    stage.call(`${kernel}_${x.BYTES_PER_ELEMENT === 4 ? 'f32' : 'f64'}`, view, outputs, list);
  const flat = ({ mean, variance, gamma, beta, epsilon }: Affine) => [mean, variance, gamma, beta, epsilon];
  const flatSums = (sums: GradientSums | null) => [sums?.sumDy ?? null, sums?.sumDyDeviation ?? null];
  const present = (arrays: (Tensor | null)[]) => arrays.filter((array) => array !== null);
  return {
    name: 'wasm',
    isa,
    threads: 1,
    statistics: (mean, variance, x, view) => call('statistics', x, view, [mean, variance], [mean, variance, x]),
    normalize: (y, x, residual, affine, activation, view) =>
      call('normalize', x, view, [y], [y, x, residual, ...flat(affine), activation]),
    forward: (y, x, residual, affine, activation, view) =>
      call('forward', x, view, [y, affine.mean, affine.variance], [y, x, residual, ...flat(affine), activation]),
    gradientSums: (sums, dy, x, residual, affine, activation, view) => {
      const { sumDy, sumDyDeviation } = sums;
      const list = [sumDy, sumDyDeviation, dy, x, residual, ...flat(affine), activation];
      call('gradientSums', x, view, [sumDy, sumDyDeviation], list);
    },
    gradientInput: (dx, dresidual, dy, x, residual, affine, activation, sums, count, view) => {
      const list = [dx, dresidual, dy, x, residual, ...flat(affine), activation, ...flatSums(sums), count];
      call('gradientInput', x, view, present([dx, dresidual]), list);
    },
    backward: (dx, dresidual, dgamma, dbeta, dy, x, residual, affine, activation, batchStatistics, view) => {
      const list = [
        dx,
        dresidual,
        dgamma,
        dbeta,
        dy,
        x,
        residual,
        ...flat(affine),
        activation,
        batchStatistics ? 1 : 0,
      ];
      call('backward', x, view, present([dx, dresidual, dgamma, dbeta]), list);
    },
  };
}
