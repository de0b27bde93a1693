/** Every backend and instruction set of this machine, and what is timed of each. */
import * as native from '#dist/backends/native.js';
import * as reference from '#dist/backends/reference.js';
import * as wasm from '#dist/backends/wasm.js';
import type { Kernels } from '#dist/kernels.js';
import type { Shape } from './shapes.js';

/** The reference comes first: the others are validated against it. */
export function contenders(): Kernels[] {
  const found: Kernels[] = [];
  for (const backend of [reference, wasm, native]) {
    try {
      for (const isa of backend.isas()) found.push(backend.load({ isa }));
    } catch (error) {
      console.log(`left out: ${error instanceof Error ? error.message : error}`);
    }
  }
  return found;
}

/** One shape's tensors, and the operations on them. */
export class Case {
  readonly #view: Shape;
  readonly #x: Float32Array;
  readonly #dy: Float32Array;
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly #gradients: [Float32Array, Float32Array];
  readonly #affine;

  constructor(view: Shape) {
    const length = view.n * view.c * view.s;
    const ramp = (factor: number) =>
      new Float32Array(length).map((_, k) => ((Math.imul(k, factor) >>> 8) / 2 ** 23 - 1) * 2);
    this.#view = view;
    this.#x = ramp(0x9e3779b1);
    this.#dy = ramp(0x85ebca6b);
    this.y = new Float32Array(length);
    this.dx = new Float32Array(length);
    this.#gradients = [new Float32Array(view.c), new Float32Array(view.c)];
    this.#affine = {
      mean: new Float64Array(view.c),
      variance: new Float64Array(view.c),
      gamma: new Float32Array(view.c).fill(0.5),
      beta: new Float32Array(view.c).fill(0.25),
      epsilon: 1e-5,
    };
  }

  /** Bytes that must be moved: two tensors forward, three backward. */
  bytes(operation: Operation): number {
    return this.#x.byteLength * (operation === 'backward' ? 3 : 2);
  }

  run(kernels: Kernels, operation: Operation): void {
    const [dgamma, dbeta] = this.#gradients;
    const [x, dy, affine, view] = [this.#x, this.#dy, this.#affine, this.#view];
    if (operation === 'forward') kernels.forward(this.y, x, null, affine, 0, view);
    else if (operation === 'inference') kernels.normalize(this.y, x, null, affine, 0, view);
    else kernels.backward(this.dx, null, dgamma, dbeta, dy, x, null, affine, 0, true, view);
  }
}

export const OPERATIONS = ['forward', 'inference', 'backward'] as const;
export type Operation = (typeof OPERATIONS)[number];
