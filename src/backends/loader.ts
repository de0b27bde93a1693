/** The interface by which a backend is found and loaded. */
import type { Kernels } from '../kernels.js';
import type { BackendName } from '../types.js';

/** Options of {@link useBackend}, all of them optional. */
export interface LoadOptions {
  /**
   * The instruction set to use, such as 'avx2', 'baseline', 'simd128' or 'scalar'. Default: the best that this machine
   * runs.
   */
  isa?: string | undefined;
  /** The most threads to use, an integer ≥ 1. Default: the processors that this process may use, within its quota. */
  threads?: number | undefined;
}

export interface Loader {
  readonly name: BackendName;
  /** Every instruction set that the backend can be built for; which of them this machine runs, `isas()` tells. */
  readonly known: readonly string[];
  /** The instruction sets that this machine can run, best first; throws with the reason if there is none. */
  isas(): string[];
  /** @throws where the backend, or this instruction set of it, cannot run here */
  load(options: LoadOptions): Kernels;
}
