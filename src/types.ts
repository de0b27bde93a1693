/** Types that the whole library shares; the public ones are exported again by `index.ts`. */

/** Type of x, y, dy, dx. Parameters (gamma, beta and their gradients) are a {@link ParameterOf} it. */
export type Tensor = Float32Array | Float64Array;

/** The tensors by their element type. */
export interface Tensors {
  float32: Float32Array;
  float64: Float64Array;
}

/** Element type of a tensor, as the option `dtype` names it. */
export type Dtype = keyof Tensors;

/** Float32Array of 'float32', Float64Array of 'float64'. */
export type TensorOf<D extends Dtype> = Tensors[D];

/** 'float32' of Float32Array, 'float64' of Float64Array. */
export type DtypeOf<T extends Tensor> = { [D in Dtype]: T extends Tensors[D] ? D : never }[Dtype];

/** Type of gamma, beta, dgamma and dbeta where x is a T: the same. */
export type ParameterOf<T extends Tensor> = T;

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
  /**
   * Addons, or instruction sets of them, that would come first but were refused, each with the reason; absent where
   * none was.
   */
  refused?: readonly string[];
  /** Why it cannot be used, with the cause of the failed load and what to do; absent where it can. */
  reason?: string;
}
