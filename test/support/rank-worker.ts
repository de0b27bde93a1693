/**
 * A rank in a thread: runs the body of an async function of (batchnorm, reducer, rank), and posts what it returns or
 * throws.
 */
import { parentPort, workerData } from 'node:worker_threads';
import * as batchnorm from 'batchnorm';

export interface RankTask {
  readonly memory: SharedArrayBuffer;
  readonly rank: number;
  readonly timeout: number;
  readonly body: string;
}

const { memory, rank, timeout, body }: RankTask = workerData;
const reducer = new batchnorm.ThreadReducer(memory, rank, { timeout });
try {
  const result = new Function('batchnorm', 'reducer', 'rank', body)(batchnorm, reducer, rank);
  parentPort!.postMessage({ result });
} catch (error) {
  const { name, message, code } = error as Error & { code?: string };
  parentPort!.postMessage({ error: { name, message, code } });
}
