/** One rank of exact training in a thread: posts what it got. */
import { parentPort, workerData } from 'node:worker_threads';
import { type BackendName, ThreadReducer, useBackend } from 'batchnorm';
import { type ExactCase, exactTraining } from './exact-training.js';

export interface ExactTask {
  readonly memory: SharedArrayBuffer;
  readonly rank: number;
  readonly backend: BackendName;
  readonly isa: string;
  readonly cases: readonly ExactCase[];
}

const { memory, rank, backend, isa, cases }: ExactTask = workerData;
useBackend(backend, { isa, threads: 1 });
const reducer = new ThreadReducer(memory, rank, { timeout: 60_000 });
try {
  parentPort!.postMessage({ results: cases.map((one) => exactTraining(one, reducer)) });
} catch (error) {
  parentPort!.postMessage({ error: { code: (error as { code?: string }).code, message: (error as Error).message } });
}
