/** Types that the whole library shares; the public ones are exported again by `index.ts`. */

/** Element type of x, y, dy, dx. Parameters (gamma, beta and their gradients) have the same type as x. */
export type Tensor = Float32Array | Float64Array;

/** The three implementations of the kernels, best first. */
export type BackendName = 'native' | 'wasm' | 'reference';

export interface BackendInfo {
  name: BackendName;
  available: boolean;
  /** 'avx512' | 'avx2' | 'baseline' | 'neon' (native), 'simd128' | 'scalar' (wasm), 'javascript' (reference). */
  isa: string;
  threads: number;
  /** Where the addon of native came from: 'prebuilt linux-x64', or 'built here on 2026-11-27'. */
  origin?: string;
  /** Addons, or instruction sets of them, that would come first but were refused, each with the reason; absent where none was. */
  refused?: readonly string[];
  /** Why it cannot be used, with the cause of the failed load and what to do; absent where it can. */
  reason?: string;
}
