/**
 * What the WebAssembly backend costs beside the native baseline (128-bit vectors, ordinary stores), with tensors in
 * its own memory: `npm run bench:wasm`, or with `-- A,B` for some shapes. `npm run bench:wasm -- A,B half`
 * times tensors of 16 bits beside float32. Times are medians in ms of calls that take turns; docs/wasm.md explains the
 * columns.
 */

import { median } from '#demo/kit/statistics.js';
import * as native from '#dist/backends/native.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { loadWith, startWorkers } from '#dist/backends/wasm.js';
import type { Affine, AllocatedKind, HalfDtype, Kernels, TensorKernels, View } from '#dist/kernels.js';
import type { Tensor } from '#dist/types.js';
import { layoutsOf, SHAPES, type ShapeName, viewOf } from './shapes.js';

const ROUNDS = 15;
/** Calls of one turn take at least so long, so that the clock's grain is small beside it. */
const TURN_MS = 6;
const WASM = { threadBytes: 2 ** 17, tileBytes: 2 ** 20, copiedBytes: 2 ** 26 };
const OPERATIONS = ['forward', 'backward', 'inference'] as const;
type Operation = (typeof OPERATIONS)[number];
const HALF_DTYPES: readonly HalfDtype[] = ['bfloat16', 'float16'];

interface Arrays<T = Float32Array> {
  readonly x: T;
  readonly dy: T;
  readonly y: T;
  readonly dx: T;
}
type Allocate<T> = (length: number) => T;
type Table<T> = Pick<TensorKernels<T, Float32Array>, 'forward' | 'backward' | 'normalize'>;

/** One turn of a contender: as many calls as fill it. Milliseconds a call. */
function turn(call: () => void, calls: number): number {
  const start = performance.now();
  for (let k = 0; k < calls; k++) call();
  return (performance.now() - start) / calls;
}

/** The median of each contender; they take turns, so that a slow moment of the machine meets all. */
function measure(contenders: readonly (() => void)[]): number[] {
  const calls = contenders.map((call) => {
    turn(call, 8);
    const once = turn(call, 3);
    turn(call, Math.ceil((60 * TURN_MS) / once)); // until the engine has compiled it for good
    return Math.ceil(TURN_MS / once);
  });
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    contenders.forEach((call, k) => {
      turn(call, Math.ceil(calls[k] / 2)); // wakes the workers, who slept through the turns of others
      times[k].push(turn(call, calls[k]));
    });
  }
  return times.map(median);
}

function arraysOf<T>(
  { n, c, s }: View,
  allocate: Allocate<T>,
  write: (to: T, values: Float32Array) => void,
): Arrays<T> {
  const length = n * c * s;
  const values = new Float32Array(length).map((_, k) => ((k * 7919) % 1000) / 500 - 1);
  const fill = (array: T) => {
    write(array, values);
    return array;
  };
  return { x: fill(allocate(length)), dy: fill(allocate(length)), y: allocate(length), dx: allocate(length) };
}

const floats = (view: View, allocate: Allocate<Float32Array>) =>
  arraysOf(view, allocate, (to, values) => to.set(values));

/** Tensors in the backend's memory. */
function allocated(kind: 'Float32Array', length: number): Float32Array;
function allocated(kind: 'Uint16Array', length: number): Uint16Array;
function allocated(kind: AllocatedKind, length: number): Tensor | Uint16Array {
  return memoryInUse().allocate(kind, length);
}

function callOf<T>(kernels: Table<T>, { x, dy, y, dx }: Arrays<T>, view: View, operation: Operation): () => void {
  const { c } = view;
  const [gamma, beta] = [new Float32Array(c).fill(1), new Float32Array(c)];
  const affine: Affine<Float32Array> = {
    mean: new Float64Array(c),
    variance: new Float64Array(c).fill(1),
    gamma,
    beta,
    epsilon: 1e-5,
  };
  const [dgamma, dbeta] = [new Float32Array(c), new Float32Array(c)];
  if (operation === 'forward') return () => kernels.forward(y, x, null, affine, 0, view);
  if (operation === 'inference') return () => kernels.normalize(y, x, null, affine, 0, view);
  return () => kernels.backward(dx, null, dgamma, dbeta, dy, x, null, affine, 0, true, view);
}

function load(threads: number): Kernels {
  return loadWith('simd128', { ...WASM, threads });
}

function report(shape: ShapeName): void {
  for (const layout of layoutsOf(shape)) {
    const view = viewOf(shape, layout);
    const ordinary = floats(view, (length) => new Float32Array(length));
    const inMemory = floats(view, (length) => allocated('Float32Array', length));
    const best = native.isas()[0];
    for (const operation of OPERATIONS) {
      const [one, copied, two, baseline, fastest] = measure([
        callOf(load(1), inMemory, view, operation),
        callOf(load(1), ordinary, view, operation),
        callOf(load(2), inMemory, view, operation),
        callOf(
          native.loadWith('baseline', { threads: 1, streamBytes: Number.MAX_SAFE_INTEGER }),
          ordinary,
          view,
          operation,
        ),
        callOf(native.loadWith(best, { threads: 1 }), ordinary, view, operation),
      ]);
      const cells = [shape, layout, operation, ...[one, copied, two, baseline, fastest].map((ms) => ms.toFixed(4))];
      const ratios = [one / baseline, one / two, one / fastest].map((ratio) => ratio.toFixed(2));
      console.log(`| ${[...cells, ...ratios].join(' | ')} |`);
    }
    for (const array of Object.values(inMemory)) memoryInUse().release(array);
  }
}

/** float32 beside types of 16 bits, on one thread and two. */
function reportHalf(shape: ShapeName): void {
  for (const layout of layoutsOf(shape)) {
    const view = viewOf(shape, layout);
    const wide = floats(view, (length) => allocated('Float32Array', length));
    const halves = HALF_DTYPES.map((dtype) => {
      const round = (to: Uint16Array, values: Float32Array) => load(1)[dtype].round(to, values);
      return { dtype, arrays: arraysOf(view, (length) => allocated('Uint16Array', length), round) };
    });
    for (const operation of OPERATIONS) {
      for (const threads of [1, 2]) {
        const kernels = load(threads);
        const [float32, ...others] = measure([
          callOf(kernels, wide, view, operation),
          ...halves.map(({ dtype, arrays }) => callOf(kernels[dtype], arrays, view, operation)),
        ]);
        const times = [float32, ...others].map((ms) => ms.toFixed(4));
        const ratios = others.map((ms) => (float32 / ms).toFixed(2));
        console.log(`| ${[shape, layout, operation, threads, ...times, ...ratios].join(' | ')} |`);
      }
    }
    for (const { arrays } of [{ arrays: wide }, ...halves]) {
      for (const array of Object.values(arrays)) memoryInUse().release(array);
    }
  }
}

const HEADS = {
  report:
    '| shape | layout | | wasm | copied | 2 threads | native baseline | native best | ÷ baseline | 1 ÷ 2 threads | ' +
    '÷ best |\n|---|---|---|---|---|---|---|---|---|---|---|',
  reportHalf:
    '| shape | layout | | threads | float32 | bfloat16 | float16 | float32 ÷ bfloat16 | float32 ÷ float16 |\n' +
    '|---|---|---|---|---|---|---|---|---|',
};
const wanted = process.argv[2]?.split(',') ?? Object.keys(SHAPES);
const isHalf = process.argv[3] === 'half';
await startWorkers(2);
console.log(isHalf ? HEADS.reportHalf : HEADS.report);
for (const shape of Object.keys(SHAPES) as ShapeName[]) {
  if (wanted.includes(shape)) (isHalf ? reportHalf : report)(shape);
}
