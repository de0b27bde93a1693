// Four threads with a part of each batch, against one with all of it; and ranks that do not come.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { BatchNorm, type BatchNormOptions, type Reducer, ThreadReducer } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest, type BackendUnderTest } from './support/backends.js';
import { additions, ulp, W } from './support/bounds.js';
import { same } from './support/close.js';
import type { ParallelBatch, ParallelResult, ParallelTask } from './support/parallel-worker.js';
import { randomFor } from './support/random.js';
import { suiteFor, suiteOf } from './support/suite.js';
import { momentsOf } from './support/variants-oracle.js';

const SIZE = 4;
const EPSILON = 1e-5;
/** Samples of each rank. */
const SHARES = [
  [8, 8, 8, 8],
  [1, 20, 0, 11],
  [0, 0, 32, 0],
];
const CONDITIONS = [0, 1e2, 1e3, 1e4, 1e6];
const LAYOUTS = [
  { c: 3, s: 9, axis: 1 },
  { c: 5, s: 1, axis: 1 },
];

interface Problem {
  readonly title: string;
  readonly condition: number;
  readonly shares: readonly number[];
  readonly c: number;
  readonly s: number;
  readonly whole: ParallelBatch;
}

function problems(): Problem[] {
  return SHARES.flatMap((shares) =>
    CONDITIONS.flatMap((condition) =>
      LAYOUTS.map(({ c, s, axis }) => {
        const title = `${shares} samples, mean/std ${condition}, [c, s] = [${c}, ${s}]`;
        const random = randomFor(title);
        const samples = shares.reduce((a, b) => a + b);
        const draw = (length: number, shift: number) => Float32Array.from({ length }, () => random.normal() + shift);
        const [gamma, beta] = [draw(c, 2), draw(c, 0)];
        const options = { axis, epsilon: EPSILON, activation: 'none' as const };
        const [x, dy] = [draw(samples * c * s, condition), draw(samples * c * s, 0)];
        return { title, condition, shares, c, s, whole: { options, gamma, beta, x, dy, shape: [samples, c, s] } };
      }),
    ),
  );
}

/** What this rank has of it. */
function shareOf({ shares, c, s, whole }: Problem, rank: number): ParallelBatch {
  const from = shares.slice(0, rank).reduce((a, b) => a + b, 0) * c * s;
  const to = from + shares[rank] * c * s;
  return { ...whole, x: whole.x.slice(from, to), dy: whole.dy.slice(from, to), shape: [shares[rank], c, s] };
}

interface Answer {
  readonly results?: ParallelResult[];
  readonly error?: { code?: string; message: string };
}

async function answersOf(
  tasks: readonly Pick<ParallelTask, 'rank' | 'batches'>[],
  { name, isa }: Pick<BackendUnderTest, 'name' | 'isa'>,
  { size = SIZE, channels = 5, timeout = 30_000 } = {},
): Promise<Answer[]> {
  const memory = size === 0 ? null : ThreadReducer.memory(size, channels);
  const file = new URL('support/parallel-worker.js', import.meta.url);
  const workers = tasks.map((task) => {
    const workerData: ParallelTask = { memory, timeout, backend: name, isa, ...task };
    return new Worker(file, { workerData });
  });
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as Answer));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return answers;
}

const joined = (arrays: readonly Float32Array[]) => Float32Array.from(arrays.flatMap((array) => [...array]));
const within = (error: number, bound: number, what: string) => {
  if (!(error <= bound)) assert.unreachable(`${what}: ${error} is more than ${bound}`);
};

/** The bounds between the parts and the whole; those of the gradients of parameters are derived at `parameterBounds`. */
function compare(problem: Problem, parts: readonly ParallelResult[], one: ParallelResult): void {
  const { title, c, s, whole } = problem;
  const { x, dy, gamma, beta } = whole;
  const [y, dx] = [joined(parts.map((part) => part.y)), joined(parts.map((part) => part.dx))];
  const m = x.length / c;
  for (let ch = 0; ch < c; ch++) {
    const at = Array.from({ length: m }, (_, i) => (Math.floor(i / s) * c + ch) * s + (i % s));
    const { mean, variance } = momentsOf(x, at);
    const size = Math.sqrt(variance + mean ** 2);
    const ratio = mean ** 2 / variance;
    const meanError = Math.abs(parts[0].mean[ch] - one.mean[ch]);
    const varianceError = Math.abs(parts[0].variance[ch] - one.variance[ch]);
    within(meanError, 1e-12 * size, `${title}: mean`);
    const relative = 1e-12 * (isCentredEverywhere(problem, ch) ? 1 : 1 + ratio);
    within(varianceError, relative * variance + mergeBound(problem, ch, mean), `${title}: variance`);

    const rstd = 1 / Math.sqrt(variance + EPSILON);
    const a = gamma[ch] * rstd;
    const sum = (of: (k: number) => number) => at.reduce((total, k) => total + of(k), 0);
    const [perDy, perDeviation] = [sum((k) => dy[k]) / m, (sum((k) => dy[k] * (x[k] - mean)) / m) * rstd * rstd];
    for (const k of at) {
      const largestOfY = Math.max(Math.abs((x[k] - mean) * a), Math.abs(beta[ch]));
      const largestOfDx = Math.max(...[dy[k], perDy, (x[k] - mean) * perDeviation].map((term) => Math.abs(term * a)));
      within(Math.abs(y[k] - one.y[k]), 2 * ulp(largestOfY, 'float32'), `${title}: y`);
      within(Math.abs(dx[k] - one.dx[k]), 2 * ulp(largestOfDx, 'float32'), `${title}: dx`);
    }
    const bounds = parameterBounds(sum, { x, dy, mean, variance, rstd, meanError, varianceError }, { m, s });
    within(Math.abs(total(parts, 'dgamma', ch) - one.dgamma[ch]), bounds.dgamma, `${title}: dgamma`);
    within(Math.abs(total(parts, 'dbeta', ch) - one.dbeta[ch]), bounds.dbeta, `${title}: dbeta`);
  }
}

function indicesOf(part: Float32Array, ch: number, { c, s }: Problem): number[] {
  return Array.from({ length: part.length / c }, (_, i) => (Math.floor(i / s) * c + ch) * s + (i % s));
}

/** Mean and variance of the channel in each part that has values. */
function momentsOfParts(problem: Problem, ch: number) {
  const parts = problem.shares.map((_, rank) => shareOf(problem, rank).x).filter((part) => part.length > 0);
  return parts.map((part) => ({ length: part.length, ...momentsOf(part, indicesOf(part, ch, problem)) }));
}

/**
 * Whether every part is above the threshold of the centred pass. The rule is local: around the threshold a part may be below
 * it where the whole is above, and then has the error of the sums that are not centred.
 */
function isCentredEverywhere(problem: Problem, ch: number): boolean {
  return momentsOfParts(problem, ch).every(({ mean, variance }) => mean ** 2 > 1.01 * 2 ** 20 * variance);
}

/** What the rounding of the means adds to the variance when parts are merged: docs/numerics.md, section 6. */
function mergeBound(problem: Problem, ch: number, mean: number): number {
  const parts = momentsOfParts(problem, ch);
  if (parts.length === 1) return 0;
  const between = parts.reduce(
    (sum, part) => sum + (part.length / problem.whole.x.length) * (part.mean - mean) ** 2,
    0,
  );
  return 2 * (parts.length + 1) * W * Math.abs(mean) * Math.sqrt(between);
}

function total(parts: readonly ParallelResult[], name: 'dgamma' | 'dbeta', ch: number): number {
  return parts.reduce((sum, part) => sum + part[name][ch], 0);
}

interface Channel {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly mean: number;
  readonly variance: number;
  readonly rstd: number;
  readonly meanError: number;
  readonly varianceError: number;
}

/**
 * With A = Σ|dy·(x − mean)|·rstd and B = Σ|dy|: by docs/numerics.md each side of dgamma is within (u + (D + 3)·w)·A before its
 * last rounding, which is at most u·A over all parts; the two sides differ by another mean, which moves the sum by
 * |Δmean|·B·rstd, and another variance, which moves rstd by half its relative difference.
 */
function parameterBounds(
  sum: (of: (k: number) => number) => number,
  { x, dy, mean, variance, rstd, meanError, varianceError }: Channel,
  { m, s }: { m: number; s: number },
) {
  const u = 2 ** -24;
  const D = additions({ n: m / s, c: 1, s }) + SIZE;
  const A = sum((k) => Math.abs(dy[k] * (x[k] - mean))) * rstd;
  const B = sum((k) => Math.abs(dy[k]));
  const moved = meanError * B * rstd + (varianceError / (variance + EPSILON)) * A;
  return { dgamma: 2 * (2 * u + (D + 3) * W) * A + moved, dbeta: 2 * (u + D * W) * B };
}

for (const backend of allUnderTest()) {
  // In threads only: this one's backends belong to other tests.
  const test = suiteOf(`${backend.name}/${backend.isa}: data-parallel`);

  test('four threads with parts of the batch are one with all of it', async () => {
    const all = problems();
    const tasks = Array.from({ length: SIZE }, (_, rank) => ({ rank, batches: all.map((one) => shareOf(one, rank)) }));
    const answers = await answersOf(tasks, backend);
    const [plain] = await answersOf([{ rank: 0, batches: all.map(({ whole }) => whole) }], backend, { size: 0 });
    for (const { error } of [...answers, plain]) assert.is(error, undefined);
    all.forEach((problem, i) => {
      const parts = answers.map(({ results }) => results![i]);
      for (const part of parts.slice(1)) {
        for (const name of ['mean', 'variance', 'runningMean', 'runningVariance'] as const) {
          same(part[name], parts[0][name], `${problem.title}: ${name}, the same on every rank`);
        }
      }
      assert.equal([...parts[0].count], Array(problem.c).fill(problem.whole.x.length / problem.c));
      const one = plain.results![i];
      compare(problem, parts, one);
      if (problem.shares.filter((samples) => samples > 0).length === 1) {
        same(joined(parts.map(({ y }) => y)), one.y, 'y of one rank that has everything');
        same(joined(parts.map(({ dx }) => dx)), one.dx, 'dx of one rank that has everything');
      }
    });
  });
}

function alone({ options, gamma, beta, x, dy, shape }: ParallelBatch, reducer?: Reducer): ParallelResult {
  const synchronize: BatchNormOptions = reducer ? { synchronize: reducer } : {};
  const bn = new BatchNorm(gamma.length, { ...options, ...synchronize });
  bn.gamma!.set(gamma);
  bn.beta!.set(beta);
  const y = bn.forward(x, shape);
  const dx = bn.backward(dy);
  const { mean, variance, count } = bn.batchMoments!;
  const { runningMean, runningVariance } = bn;
  return { y, dx, mean, variance, count, dgamma: bn.dgamma!, dbeta: bn.dbeta!, runningMean, runningVariance };
}

const [reference] = allUnderTest();
const test = suiteFor(reference, 'ThreadReducer');
const [problem] = problems();

test('of one rank it is the plain layer, to the bit', () => {
  for (const { whole } of problems()) {
    const reducer = new ThreadReducer(ThreadReducer.memory(1, whole.gamma.length), 0);
    const [actual, expected] = [alone(whole, reducer), alone(whole)];
    for (const name of Object.keys(expected) as (keyof ParallelResult)[]) same(actual[name], expected[name], name);
  }
});

test('names the ranks that do not come, on every rank that waits', async () => {
  const tasks = [0, 2].map((rank) => ({ rank, batches: [shareOf(problem, rank)] }));
  const answers = await answersOf(tasks, reference, { timeout: 200 });
  for (const { error } of answers) {
    assert.is(error!.code, 'ERR_BATCHNORM_TIMEOUT');
    assert.match(error!.message, /ranks 1, 3/);
  }
});

test('names the rank that comes less often', async () => {
  const tasks = [0, 1].map((rank) => ({ rank, batches: Array(2 - rank).fill(shareOf(problem, rank)) }));
  const [first, second] = await answersOf(tasks, reference, { size: 2, timeout: 200 });
  assert.match(first.error!.message, /rank 0 waited 200 ms for rank 1 of 2/);
  assert.is(second.error, undefined);
});

test('different layers on different ranks: both lengths are named', async () => {
  const other = problems().find(({ c }) => c !== problem.c)!;
  const tasks = [problem, other].map((one, rank) => ({ rank, batches: [shareOf(one, rank)] }));
  const [first, second] = await answersOf(tasks, reference, { size: 2 });
  assert.match(first.error!.message, /7 as from rank 0, got 11 from rank 1/);
  assert.match(second.error!.message, /11 as from rank 1, got 7 from rank 0/);
});

test('after giving up it says so at once, and which memory to take', () => {
  const memory = ThreadReducer.memory(2, 1);
  const reducer = new ThreadReducer(memory, 0, { timeout: 0 });
  assert.throws(() => reducer.exchange(Float64Array.of(1)), /rank 0 waited 0 ms for rank 1 of 2/);
  assert.throws(() => reducer.exchange(Float64Array.of(1)), /rank 0 gave up waiting for rank 1; start again/);
});

test('refuses what makes no sense', () => {
  const memory = ThreadReducer.memory(2, 1);
  assert.throws(() => ThreadReducer.memory(0, 1), /"size" expected at least 1 rank, got 0/);
  assert.throws(() => ThreadReducer.memory(1, -1), RangeError);
  assert.throws(() => new ThreadReducer(memory, 2), /"rank" expected less than the size of the memory, 2, got 2/);
  assert.throws(() => new ThreadReducer(new SharedArrayBuffer(64), 0), /"memory" expected the SharedArrayBuffer/);
  assert.throws(() => new ThreadReducer(new SharedArrayBuffer(2), 0), RangeError);
  assert.throws(() => new ThreadReducer(new ArrayBuffer(64) as unknown as SharedArrayBuffer, 0), TypeError);
  assert.throws(() => new ThreadReducer(memory, 0, { timeout: -1 }), /"timeout" expected milliseconds >= 0, got -1/);
  assert.throws(() => new ThreadReducer(memory, 0, { timeout: Number.NaN }), RangeError);
  assert.throws(() => new ThreadReducer(memory, 0).exchange(new Float64Array(4)), /at most 3 numbers \(1 channels/);
});

suiteOf('Reducer')('a layer refuses what is none', () => {
  const reducer: Reducer = { rank: 0, size: 1, exchange: (values) => [values] };
  const refused = (part: object, pattern: RegExp) => {
    assert.throws(() => new BatchNorm(1, { synchronize: { ...reducer, ...part } as Reducer }), pattern);
  };
  refused({ exchange: 1 }, /"synchronize.exchange" expected a function, got 1/);
  refused({ rank: 1 }, /"synchronize.rank" expected less than its size, 1, got 1/);
  refused({ size: 0.5 }, /"synchronize.size"/);
  const forward = (exchange: Reducer['exchange']) =>
    new BatchNorm(1, { synchronize: { ...reducer, exchange } }).forward(Float32Array.of(1, 2), [2, 1]);
  assert.throws(() => forward(() => []), /"synchronize.exchange\(\)" expected 1 arrays of 3 numbers/);
  assert.throws(() => forward(() => [new Float64Array(1)]), /"synchronize.exchange\(\)\[0\]"/);
});
