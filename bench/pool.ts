/**
 * What threads cost beyond the processors, and what they leave behind: `npm run bench:pool`. Forward of the native
 * backend, channels first, float32, medians in ms of calls that take turns.
 */
import { median } from '#demo/kit/statistics.js';
import { isas, load } from '#dist/backends/native.js';
import { availableThreads } from '#dist/backends/threads.js';
import type { Kernels } from '#dist/kernels.js';
import { type ShapeName, viewOf } from './shapes.js';

const ROUNDS = 40;
const CALLS = 10;
const processors = availableThreads();
const [isa] = isas();

/** A way to call, and a call that comes before each of its turns. */
interface Contender {
  readonly title: string;
  readonly call: () => void;
  readonly before?: () => void;
}

function forwardOf(shape: ShapeName): (kernels: Kernels) => () => void {
  const view = viewOf(shape, 'nchw');
  const x = new Float32Array(view.n * view.c * view.s).map((_, k) => ((k * 7919) % 1000) / 500 - 1);
  const y = new Float32Array(x.length);
  const [mean, variance] = [new Float64Array(view.c), new Float64Array(view.c)];
  const affine = { mean, variance, gamma: null, beta: null, epsilon: 1e-5 };
  return (kernels) => () => kernels.forward(y, x, null, affine, 0, view);
}

function contendersOf(shape: ShapeName): Contender[] {
  const forward = forwardOf(shape);
  const [one, own, sixteen, many] = [1, processors, 16, 64].map((threads) => forward(load({ isa, threads })));
  return [
    { title: `${processors} threads`, call: own },
    { title: '1 thread', call: one },
    { title: '16 threads', call: sixteen },
    { title: '64 threads', call: many },
    { title: `${processors} threads, after a call with 64`, call: own, before: many },
  ];
}

/** Milliseconds of each call of a turn. */
function turn({ call, before }: Contender): number[] {
  before?.();
  return Array.from({ length: CALLS }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  });
}

function report(title: string, contenders: readonly Contender[]): void {
  for (const contender of contenders) turn(contender);
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    contenders.forEach((contender, k) => {
      times[k].push(...turn(contender));
    });
  }
  const first = median(times[0]);
  console.log(`\n| ${title} | ms | 99 % | × the first |\n| --- | ---: | ---: | ---: |`);
  contenders.forEach(({ title }, k) => {
    const sorted = times[k].sort((a, b) => a - b);
    const cells = [median(sorted), sorted[Math.floor(sorted.length * 0.99)]].map((ms) => ms.toFixed(3));
    console.log(`| ${[title, ...cells, (median(sorted) / first).toFixed(2)].join(' | ')} |`);
  });
}

for (const shape of ['A', 'B'] as const) report(`${shape} forward`, contendersOf(shape));
