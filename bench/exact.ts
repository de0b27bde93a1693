/**
 * What exact sums cost beside ordered ones: `npm run bench:exact`. All take turns in one process, kernels without the
 * calls around them, float32; figures are medians. --against=DIR names a built checkout of another commit, whose
 * ordered sums take part, too: their bits must be those of this build. --gradients=DIR names a folder of recorded
 * layers (bench/exact-cases.ts); --shapes, --ops, --backends (native/avx2, wasm, …) and --binades choose, or are none;
 * --threads=2 offers each call two threads, and --rounds says how many turns each has.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '#demo/kit/statistics.js';
import * as native from '#dist/backends/native.js';
import * as wasm from '#dist/backends/wasm.js';
import { type Affine, type Kernels, RECORD, type View } from '#dist/kernels.js';
import { binades, type Case, recorded, shapes } from './exact-cases.js';
import { SHAPES, type ShapeName } from './shapes.js';

/** Calls of one turn take at least so long, so that the clock's grain is small beside it. */
const TURN_MS = 2;
const WARM_MS = 60;
/** A case takes no longer than this, but for three rounds. */
const BUDGET_MS = 3000;
const LEAST_ROUNDS = 3;
const OPERATIONS = ['forward', 'backward', 'statistics', 'gradientSums'] as const;
const SUMS: readonly string[] = ['statistics', 'gradientSums'];
type Operation = (typeof OPERATIONS)[number];
/** Kernels that every build has, with the same arguments. */
type Ordered = Pick<Kernels, Operation | 'memory'>;
interface Backend<T = Ordered> {
  isas(): string[];
  load(options: { isa: string; threads: number }): T;
}
const BACKENDS: Readonly<Record<string, Backend<Kernels>>> = { native, wasm };

/** Where kernels of one build find their tensors: in their own memory, if they have one, and used for all cases. */
class Arena {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly out: Float32Array;
  readonly records: Float64Array;

  constructor({ memory }: Pick<Kernels, 'memory'>, values: number, channels: number) {
    const floats = () => (memory?.allocate('Float32Array', values) as Float32Array) ?? new Float32Array(values);
    [this.x, this.dy, this.out] = [floats(), floats(), floats()];
    const length = RECORD.numbers * channels;
    this.records = (memory?.allocate('Float64Array', length) as Float64Array) ?? new Float64Array(length);
  }
}

interface Arrays {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly out: Float32Array;
  readonly records: Float64Array;
  /** By given statistics, and by those that are found. */
  readonly affine: Affine<Float32Array>;
  readonly found: Affine<Float32Array>;
  readonly sums: { readonly sumDy: Float64Array; readonly sumDyDeviation: Float64Array };
  readonly dgamma: Float32Array;
  readonly dbeta: Float32Array;
}

function arraysOf(
  { kernels, arena }: { readonly kernels: Ordered; readonly arena: Arena },
  { view, fill, isCentred }: Case,
): Arrays {
  const { n, c, s } = view;
  const [x, dy, out] = [arena.x, arena.dy, arena.out].map((values) => values.subarray(0, n * c * s));
  fill(x, dy);
  const [mean, variance] = [new Float64Array(c), new Float64Array(c).fill(1)];
  if (isCentred) kernels.statistics(mean, variance, x, view);
  const [gamma, beta] = [new Float32Array(c).fill(1), new Float32Array(c)];
  return {
    ...{ x, dy, out, records: arena.records.subarray(0, RECORD.numbers * c) },
    affine: { mean, variance, gamma, beta, epsilon: 1e-5 },
    found: { mean: mean.slice(), variance: variance.slice(), gamma, beta, epsilon: 1e-5 },
    sums: { sumDy: new Float64Array(c), sumDyDeviation: new Float64Array(c) },
    ...{ dgamma: new Float32Array(c), dbeta: new Float32Array(c) },
  };
}

function orderedCall(kernels: Ordered, arrays: Arrays, view: View, operation: Operation): () => void {
  const { x, dy, out, affine, found, sums, dgamma, dbeta } = arrays;
  const calls: Record<Operation, () => void> = {
    forward: () => kernels.forward(out, x, null, found, 0, view),
    backward: () => kernels.backward(out, null, dgamma, dbeta, dy, x, null, affine, 0, true, view),
    statistics: () => kernels.statistics(found.mean, found.variance, x, view),
    gradientSums: () => kernels.gradientSums(sums, dy, x, null, affine, 0, view),
  };
  return calls[operation];
}

/** Sums alone come by way of records, as `Moments` and `GradientSums` have them. */
function exactCall({ exact }: Kernels, arrays: Arrays, view: View, operation: Operation): () => void {
  const { x, dy, out, affine, found, sums, dgamma, dbeta, records } = arrays;
  const calls: Record<Operation, () => void> = {
    forward: () => exact.exactForward(out, x, null, found, 0, null, view),
    backward: () => exact.exactBackward(out, null, dgamma, dbeta, dy, x, null, affine, 0, true, view),
    statistics: () => {
      records.fill(0);
      exact.exactSums(records, x, view);
      exact.exactStatistics(found.mean, found.variance, records, view.n * view.s);
    },
    gradientSums: () => {
      records.fill(0);
      exact.exactGradientSums(records, dy, x, null, affine, 0, view);
      exact.exactGradients(sums, records, affine.mean);
    },
  };
  return calls[operation];
}

/** Milliseconds a call. */
function turn(call: () => void, calls: number): number {
  const start = performance.now();
  for (let k = 0; k < calls; k++) call();
  return (performance.now() - start) / calls;
}

/** Times of each, one for each round; every other round goes the other way, and before its turn each is called once. */
function timed(contenders: readonly (() => void)[]): number[][] {
  const once = contenders.map((call) => {
    const start = performance.now();
    for (let ms = turn(call, 1); performance.now() - start < WARM_MS; ) turn(call, Math.ceil(1 / ms));
    return turn(call, 3);
  });
  const calls = once.map((ms) => Math.ceil(TURN_MS / ms));
  const round = once.reduce((sum, ms, k) => sum + ms * (calls[k] + 1), 0);
  const rounds = Math.max(LEAST_ROUNDS, Math.min(Number(given.rounds), Math.floor(BUDGET_MS / round)));
  const times: number[][] = contenders.map(() => []);
  for (let number = 0; number < rounds; number++) {
    const order = [...contenders.keys()];
    for (const k of number % 2 === 0 ? order : order.reverse()) {
      contenders[k]();
      times[k].push(turn(contenders[k], calls[k]));
    }
  }
  return times;
}

/** The bits of what an operation gives. */
function resultOf({ out, found, sums, dgamma, dbeta }: Arrays, operation: Operation): Buffer {
  const results = {
    forward: [out, found.mean, found.variance],
    backward: [out, dgamma, dbeta],
    statistics: [found.mean, found.variance],
    gradientSums: [sums.sumDy, sums.sumDyDeviation],
  }[operation];
  return Buffer.concat(results.map((a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)));
}

/** A case, ready: its tensors on the side of this build, and on that of another one. */
interface Ready {
  readonly own: { readonly kernels: Kernels; readonly arrays: Arrays };
  readonly other: { readonly kernels: Ordered; readonly arrays: Arrays } | null;
  readonly view: View;
}

/** @throws where the ordered sums of the two builds differ */
function callsOf({ own, other, view }: Ready, operation: Operation): (() => void)[] {
  const exact = exactCall(own.kernels, own.arrays, view, operation);
  const ordered = orderedCall(own.kernels, own.arrays, view, operation);
  if (other === null) return [exact, ordered];
  const against = orderedCall(other.kernels, other.arrays, view, operation);
  ordered();
  against();
  if (resultOf(own.arrays, operation).equals(resultOf(other.arrays, operation))) return [exact, ordered, against];
  throw new Error(`bench:exact: ${operation} of ${JSON.stringify(view)}: ordered sums of the two builds differ`);
}

function report(label: string, name: string, ready: Ready, operation: Operation): void {
  const { n, c, s } = ready.view;
  const [exact, ...ordered] = timed(callsOf(ready, operation));
  const ratios = ordered.map((times) => median(exact.map((ms, k) => ms / times[k])).toFixed(2));
  const nanoseconds = ((median(exact) * 1e6) / (n * c * s)).toFixed(3);
  console.log(`| ${[label, name, n * s, operation, nanoseconds, ...ratios].join(' | ')} |`);
}

async function backendOf(directory: string, name: string): Promise<Backend> {
  return (await import(pathToFileURL(resolve(directory, 'dist', 'backends', `${name}.js`)).href)) as Backend;
}

async function compare(spec: string, cases: readonly Case[], operations: readonly Operation[]): Promise<void> {
  const [name, wanted] = spec.split('/');
  if (BACKENDS[name] === undefined) throw new Error(`bench:exact: --backends wants native or wasm, got ${spec}`);
  const options = { isa: wanted ?? BACKENDS[name].isas()[0], threads: Number(given.threads) };
  const values = Math.max(...cases.map(({ view }) => view.n * view.c * view.s));
  const channels = Math.max(...cases.map(({ view }) => view.c));
  const sideOf = <T extends Ordered>(kernels: T) => ({ kernels, arena: new Arena(kernels, values, channels) });
  const own = sideOf(BACKENDS[name].load(options));
  const other = given.against === undefined ? null : sideOf((await backendOf(given.against, name)).load(options));
  for (const one of cases) {
    const ready = {
      own: { kernels: own.kernels, arrays: arraysOf(own, one) },
      other: other && { kernels: other.kernels, arrays: arraysOf(other, one) },
      view: one.view,
    };
    const possible = operations.filter((operation) => !one.isSums || SUMS.includes(operation));
    for (const operation of possible) report(`${name}/${options.isa}`, one.name, ready, operation);
  }
}

/** Names of a list, some of those that are known, or none of them. */
function listOf<Name extends string>(option: string, text: string, known: readonly Name[]): Name[] {
  const names = text === 'none' ? [] : text.split(',');
  const unknown = names.filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) throw new Error(`bench:exact: --${option} wants some of ${known}, got ${unknown}`);
  return names as Name[];
}

const { values: given } = parseArgs({
  options: {
    against: { type: 'string' },
    gradients: { type: 'string' },
    shapes: { type: 'string', default: Object.keys(SHAPES).join() },
    ops: { type: 'string', default: OPERATIONS.join() },
    backends: { type: 'string', default: 'native,wasm' },
    binades: { type: 'string', default: '20,60,90,250' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '31' },
  },
});
const cases = [
  ...shapes(listOf('shapes', given.shapes, Object.keys(SHAPES) as ShapeName[])),
  ...binades(given.binades === 'none' ? [] : given.binades.split(',').map(Number)),
  ...(given.gradients === undefined ? [] : recorded(given.gradients)),
];
const against = given.against === undefined ? '' : ' ÷ ordered of the other build |';
console.log(`| backend | case | m | operation | exact, ns a value | ÷ ordered |${against}`);
console.log(`|---|---|---|---|---|---|${given.against === undefined ? '' : '---|'}`);
for (const spec of given.backends.split(',')) await compare(spec, cases, listOf('ops', given.ops, OPERATIONS));
