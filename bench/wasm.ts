/**
 * What the WebAssembly backend costs beside the native baseline (128-bit vectors, ordinary stores), with tensors in
 * its own memory: `npm run bench:wasm`. Times are medians in ms of calls that take turns; docs/wasm.md explains the
 * columns.
 */

import { median } from '#demo/kit/statistics.js';
import * as native from '#dist/backends/native.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { loadWith, startWorkers } from '#dist/backends/wasm.js';
import type { Affine, Kernels, View } from '#dist/kernels.js';
import type { Tensor } from '#dist/types.js';
import { layoutsOf, SHAPES, type ShapeName, viewOf } from './shapes.js';

const ROUNDS = 15;
/** Calls of one turn take at least so long, so that the clock's grain is small beside it. */
const TURN_MS = 6;
const WASM = { threadBytes: 2 ** 17, tileBytes: 2 ** 20, copiedBytes: 2 ** 26 };
const OPERATIONS = ['forward', 'backward', 'inference'] as const;
type Operation = (typeof OPERATIONS)[number];

interface Arrays {
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly y: Tensor;
  readonly dx: Tensor;
}
type Allocate = (length: number) => Tensor;

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

function arraysOf({ n, c, s }: View, allocate: Allocate): Arrays {
  const make = () => new Float32Array(n * c * s).map((_, k) => ((k * 7919) % 1000) / 500 - 1);
  const fill = (array: Tensor) => {
    array.set(make());
    return array;
  };
  const length = n * c * s;
  return { x: fill(allocate(length)), dy: fill(allocate(length)), y: allocate(length), dx: allocate(length) };
}

function callOf(kernels: Kernels, { x, dy, y, dx }: Arrays, view: View, operation: Operation): () => void {
  const { c } = view;
  const [gamma, beta] = [new Float32Array(c).fill(1), new Float32Array(c)];
  const affine: Affine = {
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
    const ordinary = arraysOf(view, (length) => new Float32Array(length));
    const inMemory = arraysOf(view, (length) => memoryInUse().allocate('Float32Array', length) as Float32Array);
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

const wanted = process.argv[2]?.split(',') ?? Object.keys(SHAPES);
await startWorkers(2);
console.log(
  '| shape | layout | | wasm | copied | 2 threads | native baseline | native best | ÷ baseline | 1 ÷ 2 threads | ' +
    '÷ best |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|---|');
for (const shape of Object.keys(SHAPES) as ShapeName[]) if (wanted.includes(shape)) report(shape);
