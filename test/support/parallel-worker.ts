/** One rank of a data-parallel layer, or a plain layer: it normalises its part of each batch, and posts what it got. */
import { parentPort, workerData } from 'node:worker_threads';
import { BatchNorm, type BatchNormOptions, ThreadReducer, useBackend } from 'batchnorm';

export interface ParallelBatch {
  readonly options: BatchNormOptions;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly shape: readonly number[];
}

export interface ParallelTask {
  /** null: a plain layer. */
  readonly memory: SharedArrayBuffer | null;
  readonly rank: number;
  readonly timeout: number;
  readonly backend: 'native' | 'wasm' | 'reference';
  readonly isa: string;
  readonly batches: readonly ParallelBatch[];
}

const { memory, rank, timeout, backend, isa, batches }: ParallelTask = workerData;
useBackend(backend, { isa, threads: 1 });
const synchronize = memory === null ? undefined : new ThreadReducer(memory, rank, { timeout });

try {
  parentPort!.postMessage({ results: batches.map(step) });
} catch (error) {
  parentPort!.postMessage({ error: { code: (error as { code?: string }).code, message: (error as Error).message } });
}

function step({ options, gamma, beta, x, dy, shape }: ParallelBatch) {
  const bn = new BatchNorm(gamma.length, { ...options, synchronize });
  bn.gamma!.set(gamma);
  bn.beta!.set(beta);
  const y = bn.forward(x, shape);
  const dx = bn.backward(dy);
  const { mean, variance, count } = bn.batchMoments!;
  const { dgamma, dbeta, runningMean, runningVariance } = bn;
  return { y, dx, mean, variance, count, dgamma: dgamma!, dbeta: dbeta!, runningMean, runningVariance };
}

export type ParallelResult = ReturnType<typeof step>;
