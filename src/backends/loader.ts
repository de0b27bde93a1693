/** The interface by which a backend is found and loaded. */
import type { Kernels } from '../kernels.js';
import type { BackendName } from '../types.js';

export interface LoadOptions {
  isa?: string | undefined;
  threads?: number | undefined;
}

export interface Loader {
  readonly name: BackendName;
  /** Every instruction set that the backend can be built for; which of them this machine runs, `isas()` tells. */
  readonly known: readonly string[];
  /** What this machine can run, best first; throws with the reason where nothing can. */
  isas(): string[];
  /** @throws where the backend, or this instruction set of it, cannot run here */
  load(options: LoadOptions): Kernels;
}
