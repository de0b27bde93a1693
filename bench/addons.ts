/**
 * One addon beside another, kernel by kernel: `npm run bench:addons -- a.node b.node [isa]`. Both give the same
 * bits, or it ends; then they take turns in one process. Ratios are time of the first ÷ time of the second,
 * float32, one thread. --stream writes past the caches, however small the tensors are; --view=8,256,49, which may be
 * given several times, takes tensors (n, c, s) of that size in the place of the usual ones; --plain leaves out
 * activations and residuals; --threads=2 offers each call two threads; --verbose tells each case, with the time of the
 * second in microseconds, and how many gigabytes a second that is.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '#demo/kit/statistics.js';
import { OpenedAddon } from '#dist/backends/native/opened.js';
import type { Affine, KernelActivation, Kernels, View } from '#dist/kernels.js';
import type { Tensor } from '#dist/types.js';

const ROUNDS = 31;
/** Calls of one turn take at least so long, so that the clock's grain is small beside it. */
const TURN_MS = 0.5;
/** Number of resamples, for the interval that holds the median 95 times of 100. */
const RESAMPLES = 2000;

const VIEWS: Readonly<Record<string, View>> = {
  'rows 3136': { n: 8, c: 32, s: 3136 },
  'rows 196': { n: 8, c: 128, s: 196 },
  'rows 49': { n: 8, c: 256, s: 49 },
  'rows 7': { n: 16, c: 256, s: 7 },
  columns: { n: 2048, c: 64, s: 1 },
  'rows 50176': { n: 8, c: 16, s: 50176 },
};
const ACTIVATIONS = {
  none: 0,
  relu: 1,
  'three lines': { slope: 0.1, low: -1, high: 1 },
} as const satisfies Record<string, KernelActivation>;

/** Tensors that must be moved, each once, without a residual. */
const TENSORS = { statistics: 1, normalize: 2, forward: 2, gradientSums: 2, gradientInput: 3, backward: 3 } as const;

interface Work {
  readonly kernel: string;
  readonly call: (kernels: Kernels) => void;
  /** Tensors that the call writes. */
  readonly outputs: readonly Tensor[];
  /** Tensors that the call reads or writes, each of them counted once. */
  readonly tensors: number;
}

function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return new Float32Array(length).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

function workOf(view: View, activation: KernelActivation, withResidual: boolean): Work[] {
  const { n, c, s } = view;
  const [x, dy, added] = [1, 2, 3].map((seed) => noise(n * c * s, seed)) as [Tensor, Tensor, Tensor];
  const [y, dx, dadded] = [x.slice(), x.slice(), x.slice()];
  const [dgamma, dbeta] = [new Float32Array(c), new Float32Array(c)];
  const [mean, variance, sumDy, sumDyDeviation] = [0, 1, 0.5, 0.25].map((value) => new Float64Array(c).fill(value));
  const given: Affine = { mean, variance, gamma: noise(c, 4), beta: noise(c, 5), epsilon: 1e-5 };
  const found: Affine = { ...given, mean: new Float64Array(c), variance: new Float64Array(c) };
  const sums = { sumDy: new Float64Array(c), sumDyDeviation: new Float64Array(c) };
  const [residual, dresidual] = withResidual ? [added, dadded] : [null, null];
  const written = withResidual ? [dx, dadded] : [dx];
  const work = (kernel: string, outputs: readonly Tensor[], call: Work['call']): Work => ({
    kernel,
    outputs,
    call,
    tensors: TENSORS[kernel.split(',')[0] as keyof typeof TENSORS] + (withResidual ? 1 : 0),
  });
  return [
    work('statistics', [found.mean, found.variance], (k) => k.statistics(found.mean, found.variance, x, view)),
    work('normalize', [y], (k) => k.normalize(y, x, residual, given, activation, view)),
    work('forward', [y], (k) => k.forward(y, x, residual, found, activation, view)),
    work('gradientSums', [sums.sumDy, sums.sumDyDeviation], (k) =>
      k.gradientSums(sums, dy, x, residual, given, activation, view),
    ),
    work('gradientInput', written, (k) =>
      k.gradientInput(dx, dresidual, dy, x, residual, given, activation, { sumDy, sumDyDeviation }, n * s, view),
    ),
    work('gradientInput, given', written, (k) =>
      k.gradientInput(dx, dresidual, dy, x, residual, given, activation, null, n * s, view),
    ),
    work('backward', [...written, dgamma, dbeta], (k) =>
      k.backward(dx, dresidual, dgamma, dbeta, dy, x, residual, given, activation, true, view),
    ),
  ];
}

/** The outputs of a call as bytes; before the call something else is written there. */
function bytesOf({ call, outputs }: Work, kernels: Kernels): Buffer {
  for (const output of outputs) output.fill(7);
  call(kernels);
  return Buffer.concat(outputs.map(({ buffer }) => new Uint8Array(buffer)));
}

/** Milliseconds a call. */
function turn(call: () => void, calls: number): number {
  const start = performance.now();
  for (let k = 0; k < calls; k++) call();
  return (performance.now() - start) / calls;
}

interface Compared {
  /** Time of the first ÷ time of the second. */
  readonly ratio: number;
  /** Milliseconds of the second. */
  readonly ms: number;
}

/** Medians over rounds, in which the two change places. */
function timed({ call }: Work, [first, second]: Pair): Compared {
  const [a, b] = [() => call(first), () => call(second)];
  const calls = Math.ceil(TURN_MS / Math.min(turn(a, 3), turn(b, 3)));
  const times = Array.from({ length: ROUNDS }, (_, round) => {
    const early = turn(round % 2 === 0 ? a : b, calls);
    const late = turn(round % 2 === 0 ? b : a, calls);
    return round % 2 === 0 ? { first: early, second: late } : { first: late, second: early };
  });
  return { ratio: median(times.map((time) => time.first / time.second)), ms: median(times.map((time) => time.second)) };
}

/** A view by its extents: n,c,s. */
function viewOf(text: string): View {
  const [n, c, s] = text.split(',').map(Number);
  if (!(n > 0 && c > 0 && s > 0)) throw new Error(`bench:addons: --view wants n,c,s, got ${text}`);
  return { n, c, s };
}

type Pair = readonly [Kernels, Kernels];

/** The interval of the median, by resampling. */
function interval(values: readonly number[]): [number, number] {
  const any = () => values[Math.floor(Math.random() * values.length)];
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(any))).sort((a, b) => a - b);
  return [medians[Math.floor(RESAMPLES * 0.025)], medians[Math.floor(RESAMPLES * 0.975)]];
}

function line(name: string, ratios: readonly number[]): void {
  const numbers = [median(ratios), ...interval(ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(3));
  console.log(`| ${[name, ...numbers].join(' | ')} |`);
}

function compare(isa: string, pair: Pair): Map<string, number[]> {
  const ratios = new Map<string, number[]>();
  for (const [shape, view] of Object.entries(views)) {
    for (const [activation, code] of Object.entries(plain ? { none: ACTIVATIONS.none } : ACTIVATIONS)) {
      for (const withResidual of plain ? [false] : [false, true]) {
        for (const work of workOf(view, code, withResidual)) {
          const name = [isa, work.kernel, shape, activation, ...(withResidual ? ['residual'] : [])].join(', ');
          const [first, second] = pair.map((kernels) => bytesOf(work, kernels)) as [Buffer, Buffer];
          if (!first.equals(second)) throw new Error(`${name}: the two addons give different bits`);
          const { ratio, ms } = timed(work, pair);
          const rate = (work.tensors * view.n * view.c * view.s * Float32Array.BYTES_PER_ELEMENT) / ms / 1e6;
          if (verbose)
            console.log(`${ratio.toFixed(3)}  ${(1000 * ms).toFixed(1)} µs  ${rate.toFixed(1)} GB/s  ${name}`);
          ratios.set(work.kernel, [...(ratios.get(work.kernel) ?? []), ratio]);
        }
      }
    }
  }
  return ratios;
}

const { values: given, positionals } = parseArgs({
  options: {
    verbose: { type: 'boolean', default: false },
    stream: { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
    view: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
});
const { verbose, stream, plain } = given;
const views = given.view.length === 0 ? VIEWS : Object.fromEntries(given.view.map((text) => [text, viewOf(text)]));
const [a, b, wanted] = positionals;
if (a === undefined || b === undefined) {
  throw new Error('bench:addons: wants two files: a.node b.node [isa], and options');
}
const addons = [a, b].map((path) => new OpenedAddon({ path: resolve(path), origin: path }));
console.log('| | first ÷ second | 95 % from | to | most |');
console.log('|---|---|---|---|---|');
const all: number[] = [];
for (const isa of addons[0].isas.filter((name) => wanted === undefined || name === wanted)) {
  const tuning = { threads: Number(given.threads), ...(stream && { streamBytes: 1 }) };
  const [first, second] = addons.map((addon) => addon.load(isa, tuning));
  if (typeof first === 'string') throw new Error(`bench:addons: ${a}: ${first}`);
  if (typeof second === 'string') throw new Error(`bench:addons: ${b}: ${second}`);
  const ratios = compare(isa, [first, second]);
  for (const [kernel, each] of ratios) line(`${isa} ${kernel}`, each);
  all.push(...[...ratios.values()].flat());
}
line('all', all);
