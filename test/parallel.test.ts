// Four threads with a part of each batch, against one with all of it; and ranks that do not come.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { BatchNorm, GradientSums, Moments, mergeRanks, type Reducer, sumRanks, ThreadReducer } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest, type BackendUnderTest } from './support/backends.js';
import { same } from './support/close.js';
import { compareParts, joined, problems, shareOf } from './support/parallel-problems.js';
import { type ParallelResult, parallelStep } from './support/parallel-step.js';
import type { ParallelTask } from './support/parallel-worker.js';
import { suiteFor, suiteOf } from './support/suite.js';

const SIZE = 4;
/** Samples of each rank. */
const SHARES = [
  [8, 8, 8, 8],
  [1, 20, 0, 11],
  [0, 0, 32, 0],
];

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

for (const backend of allUnderTest()) {
  // In threads only: this one's backends belong to other tests.
  const test = suiteOf(`${backend.name}/${backend.isa}: data-parallel`);

  test('four threads with parts of the batch are one with all of it', async () => {
    const all = problems(SHARES);
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
      compareParts(problem, parts, one);
      if (problem.shares.filter((samples) => samples > 0).length === 1) {
        same(joined(parts.map(({ y }) => y)), one.y, 'y of one rank that has everything');
        same(joined(parts.map(({ dx }) => dx)), one.dx, 'dx of one rank that has everything');
      }
    });
  });
}

const [reference] = allUnderTest();
const test = suiteFor(reference, 'ThreadReducer');
const [problem] = problems(SHARES);

test('of one rank it is the plain layer, to the bit', () => {
  for (const { whole } of problems(SHARES)) {
    const reducer = new ThreadReducer(ThreadReducer.memory(1, whole.gamma.length), 0);
    const [actual, expected] = [parallelStep(whole, reducer), parallelStep(whole)];
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
  const other = problems(SHARES).find(({ c }) => c !== problem.c)!;
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
  assert.throws(() => new ThreadReducer(memory, 0).exchange(new Float64Array(7)), /at most 6 numbers \(1 channels/);
});

suiteOf('Reducer')('a layer refuses what is none', () => {
  const reducer: Reducer = { rank: 0, size: 1, exchange: (values) => [values] };
  const refused = (part: object, pattern: RegExp) => {
    assert.throws(() => new BatchNorm(1, { synchronize: { ...reducer, ...part } as Reducer }), pattern);
  };
  refused({ exchange: 1 }, /"synchronize.exchange" expected a function, got 1/);
  refused({ rank: 1 }, /"synchronize.rank" expected less than its size, 1, got 1/);
  refused({ size: 0.5 }, /"synchronize.size"/);
  refused({ allreduce: 1 }, /"synchronize.allreduce" expected a function or undefined, got 1/);
  const forward = (exchange: Reducer['exchange']) =>
    new BatchNorm(1, { synchronize: { ...reducer, exchange } }).forward(Float32Array.of(1, 2), [2, 1]);
  assert.throws(() => forward(() => []), /"synchronize.exchange\(\)" expected 1 arrays of 3 numbers/);
  assert.throws(() => forward(() => [new Float64Array(1)]), /"synchronize.exchange\(\)\[0\]"/);
  const reduce = (allreduce: NonNullable<Reducer['allreduce']>) =>
    new BatchNorm(1, { synchronize: { ...reducer, allreduce } }).forward(Float32Array.of(1, 2), [2, 1]);
  assert.throws(
    () => reduce(() => [new Float64Array(2)]),
    /"synchronize.allreduce\(\)\[0\]" expected rows of 1 numbers/,
  );
});

suiteOf('ThreadReducer: memory')('has room for all that so many channels exchange', () => {
  for (const channels of [0, 1, 8]) {
    const reducer = new ThreadReducer(ThreadReducer.memory(1, channels), 0);
    const [moments, sums] = [new Moments(channels), new GradientSums(channels)];
    assert.equal(mergeRanks(reducer, [moments] as const)[0].toJSON(), moments.toJSON());
    assert.equal(mergeRanks(reducer, [sums] as const)[0].toJSON(), sums.toJSON());
  }
});

suiteOf('sumRanks, mergeRanks')('columns may be divided in any way', () => {
  const exchange = (values: Float64Array) => [values.slice(), values.map((value) => 2 * value)];
  const whole: Reducer = { rank: 0, size: 2, exchange };
  for (const share of [1, 2, 3, 100]) {
    /** As if other ranks joined `share` columns each. */
    const allreduce: Reducer['allreduce'] = ({ head, rows }, join) => {
      const columns = rows[0].length;
      const totals: Float64Array[] = [];
      for (let start = 0; start < columns; start += share) {
        const some = rows.map((row) => row.subarray(start, start + share));
        const ranks = [1, 2].map((times) => ({ head, rows: some.map((row) => row.map((value) => times * value)) }));
        join(ranks, start).forEach((row, i) => {
          totals[i] ??= new Float64Array(columns);
          totals[i].set(row, start);
        });
      }
      return totals;
    };
    const divided: Reducer = { ...whole, allreduce };
    const moments = new Moments(3).add(Float32Array.of(1, 2, 3, 4, 6, 9), [2, 3]);
    const sums = new GradientSums(2);
    sums.add(Float32Array.of(1, 2), Float32Array.of(3, 5), [1, 2], { mean: [0, 1], variance: [1, 1] });
    const states = (reducer: Reducer) =>
      mergeRanks(reducer, [moments, sums, moments] as const).map((one) => one.toJSON());
    assert.equal(states(divided), states(whole));
    const arrays = [Float32Array.of(1, 2), new Float64Array(0), Float64Array.of(3)];
    assert.equal(sumRanks(divided, arrays), [Float64Array.of(3, 6), new Float64Array(0), Float64Array.of(9)]);
    assert.equal(sumRanks(whole, arrays), sumRanks(divided, arrays));
  }
});
