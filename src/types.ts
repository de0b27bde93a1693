/** Types that the whole library shares; the public ones are exported again by `index.ts`. */

/** A tensor: x, y, dy or dx, in row-major order. gamma, beta and their gradients are of its {@link ParameterOf}. */
export type Tensor = Float32Array | Float64Array;

/** The types of tensors by their element type. */
export interface Tensors {
  float32: Float32Array;
  float64: Float64Array;
}

/** Element type of a tensor, as the option `dtype` names it. */
export type Dtype = keyof Tensors;

/** Every element type that a layer may have. */
export type AnyDtype = Dtype | HalfDtype;

/** Every tensor that a layer may have. */
export type AnyTensor = Tensor | HalfTensor;

/** The array type of a {@link Dtype}: Float32Array of 'float32', Float64Array of 'float64', Uint16Array of 16 bits. */
export type TensorOf<D extends AnyDtype> = D extends Dtype ? Tensors[D] : Uint16Array;

/**
 * The {@link Dtype} of an array type: 'float32' of Float32Array, 'float64' of Float64Array, either {@link HalfDtype} of
 * Uint16Array.
 */
export type DtypeOf<T extends AnyTensor> = T extends Tensor
  ? { [D in Dtype]: T extends Tensors[D] ? D : never }[Dtype]
  : T extends Uint16Array
    ? HalfDtype
    : 'float16';

/** Type of gamma, beta, dgamma and dbeta of tensors of type T: T itself, and Float32Array where T has 16 bits. */
export type ParameterOf<T extends AnyTensor> = T extends Tensor ? T : Float32Array;

/** `Float16Array`, where the runtime and TypeScript's library have it: Node.js 24 and later, browsers. */
export type Float16Tensor = typeof globalThis extends { Float16Array: { prototype: infer T extends ArrayBufferView } }
  ? T
  : never;

/** The element types of 16 bits: IEEE 754 binary16, and the upper half of a float32. */
export type HalfDtype = 'float16' | 'bfloat16';

/** A tensor of 16 bits: the bits in a Uint16Array, of which a dtype says what they are, or a Float16Array. */
export type HalfTensor = Uint16Array | Float16Tensor;

/** The option that says what 16 bits are: needed with a Uint16Array, since no array says it. */
export type HalfOption<H extends HalfTensor> = H extends Uint16Array
  ? { dtype: HalfDtype }
  : { dtype?: 'float16' | undefined };

/** Options of a function of float32 for tensors H of 16 bits; gamma and beta stay Float32Array. */
export type WithHalf<Options, H extends HalfTensor> = {
  [Name in keyof Options]: Name extends 'residual' | 'out' | 'outResidual' | 'ddx' | 'ddresidual'
    ? H | undefined
    : Options[Name];
} & HalfOption<H>;

/** The three implementations of the kernels, best first. */
export type BackendName = 'native' | 'wasm' | 'reference';

/** A backend: whether it can be used, what it runs, and where it came from. */
export interface BackendInfo {
  /** Its name, which {@link useBackend} takes. */
  name: BackendName;
  /** Whether it can be used on this machine. */
  available: boolean;
  /**
   * The instruction set that runs: 'avx512', 'avx2', 'baseline' or 'neon' (native), 'simd128' or 'scalar' (wasm),
   * 'javascript' (reference).
   */
  isa: string;
  /** The largest number of threads that a call uses. */
  threads: number;
  /** Where the addon of native came from: 'prebuilt linux-x64', or 'built here on 2026-11-27'. */
  origin?: string;
  /**
   * Addons, or instruction sets of them, that would come first but were refused, each with the reason; absent where
   * none was.
   */
  refused?: readonly string[];
  /** Why the backend cannot be used, with the cause of the failed load and what to do; absent if it can. */
  reason?: string;
}
