/** A rank of a job: does the task in the folder that it is given, and leaves there what it got. */
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { BatchNorm, exchangeAll, GradientSums, Moments, mergeRanks, sumRanks, useBackend } from 'batchnorm';
import { MpiReducer } from 'batchnorm/mpi';
import { exactTraining } from './exact-training.js';
import { joinOfRanks } from './join-of-ranks.js';
import type { MpiAnswer, MpiTask } from './mpi-job.js';
import { parallelStep } from './parallel-step.js';

const [, , folder] = process.argv;
const task: MpiTask = deserialize(readFileSync(join(folder, 'task.bin')));
const reducer = new MpiReducer({ timeout: task.timeout ?? 60_000 });
const { rank, size } = reducer;

const layer = (channels: number) => new BatchNorm(channels, { synchronize: reducer });
const ones = (channels: number) => new Float32Array(2 * channels).map((_, i) => i);
const step = (bn: BatchNorm) => bn.forward(ones(bn.channels), [2, bn.channels]);

/** What ranks do that does not fit together, and what fits but for one of them. */
const SCENES: Record<string, () => unknown> = {
  channels: () => step(layer(1 + rank)),
  wide: () => step(layer(rank === 0 ? 2000 : 3)),
  wider: () => step(layer(rank === 0 ? 9000 : 3)),
  order: () => {
    const layers = [layer(2), layer(2)];
    return (rank === 1 ? layers.reverse() : layers).map(step);
  },
  calls: () => {
    const bn = layer(2);
    step(bn);
    return rank === 1 ? step(bn) : bn.backward(ones(2));
  },
  lengths: () => reducer.exchange(new Float64Array(rank === 0 ? 1 : 100_000)),
  'ends early': () => {
    const bn = layer(1);
    step(bn);
    if (rank === 1) process.exit(0);
    return bn.backward(ones(1));
  },
  throws: () => {
    if (rank === 1) throw new Error('a fault of rank 1');
    return step(layer(1));
  },
  rejects: () => {
    if (rank === 1) setTimeout(() => Promise.reject(new Error('a broken promise')));
    else step(layer(1));
  },
  killed: () => {
    if (rank === 1) process.kill(process.pid, 'SIGKILL');
    return step(layer(1));
  },
  'exit code': () => {
    if (rank === 1) process.exit(3);
    return step(layer(1));
  },
  late: () => {
    if (rank === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000);
    return step(layer(1));
  },
  'long messages': () => {
    const values = Float64Array.from({ length: 5000 }, (_, i) => rank + i / 8192);
    return [1, 258, 259, 5000].map((length) => reducer.exchange(values.slice(0, length)));
  },
  ways: () => {
    const values = new Float64Array(100_000);
    return rank === 1 ? reducer.exchange(values) : sumRanks(reducer, [values]);
  },
  divided: () => joinOfRanks(reducer),
  undivided: () => {
    const exchange = (values: Float64Array) => reducer.exchange(values);
    return joinOfRanks({ rank, size, exchange });
  },
  together: () => {
    const moments = new Moments(1);
    if (rank > 0) moments.add(Float32Array.of(rank, rank + 2), [2, 1]);
    const sums = new GradientSums(2);
    const statistics = { mean: [0, 1], variance: [1, 1] };
    sums.add(Float32Array.of(1, rank), Float32Array.of(rank, 2), [1, 2], statistics);
    const [whole, total] = mergeRanks(reducer, [moments, sums] as const);
    const all = exchangeAll(reducer, [Float64Array.of(rank), new Float64Array(0), Float64Array.of(1, rank)]);
    const { sumDy, sumDyDeviation, count } = total;
    return { mean: whole.mean, values: whole.count, count, sumDy, sumDyDeviation, all };
  },
  exact: () =>
    task.backends!.map(({ name, isa }) => {
      useBackend(name, { isa, threads: 1 });
      return task.exact!.map((one) => exactTraining(one, reducer));
    }),
  'sums of layers': () => {
    const summation = rank === 1 ? 'exact' : 'ordered';
    return step(new BatchNorm(2, { summation, synchronize: reducer }));
  },
  'sums of classes': () => {
    const summation = rank === 1 ? 'exact' : 'ordered';
    const tag = { pass: 'forward', layer: 0, channels: 2, step: 1 } as const;
    return mergeRanks(reducer, [new Moments(2, { summation })], tag);
  },
  tfjs: async () => {
    const { tfjsStep } = await import('./mpi-tfjs.js');
    const results = [];
    for (const one of task.cases!) results.push(await tfjsStep(one, reducer));
    return results;
  },
  job: () => {
    reducer.exchange(new Float64Array(100_000));
    return { rank, size, host: hostname(), library: reducer.library };
  },
};

async function answer(): Promise<MpiAnswer> {
  if (task.scene !== undefined && !task.caught) return { result: await SCENES[task.scene]() };
  try {
    if (task.scene !== undefined) return { result: await SCENES[task.scene]() };
    return { steps: task.backends!.map(stepsOn) };
  } catch (error) {
    return { error: { code: (error as { code?: string }).code, message: (error as Error).message } };
  }
}

function stepsOn({ name, isa }: NonNullable<MpiTask['backends']>[number]) {
  useBackend(name, { isa, threads: 1 });
  return task.batches!.map((shares) => parallelStep(shares[rank], reducer));
}

writeFileSync(join(folder, `rank-${rank}.bin`), serialize(await answer()));
if (task.exitCode !== undefined) {
  reducer.exchange(Float64Array.of(rank));
  process.exit(task.exitCode);
}
