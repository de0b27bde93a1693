/** One rank of a data-parallel layer, or a plain layer: it normalises its part of each batch, and posts what it got. */
import { parentPort, workerData } from 'node:worker_threads';
import { ThreadReducer, useBackend } from 'batchnorm';
import { type ParallelBatch, parallelStep } from './parallel-step.js';

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
  parentPort!.postMessage({ results: batches.map((batch) => parallelStep(batch, synchronize)) });
} catch (error) {
  parentPort!.postMessage({ error: { code: (error as { code?: string }).code, message: (error as Error).message } });
}
