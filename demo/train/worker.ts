/** A thread that trains: it takes one job after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { useBackend } from 'batchnorm';
import { loadDigits } from '../data/digits.js';
import { loadIdx } from '../data/idx.js';
import type { Result } from '../runs/results.js';
import type { Job } from '../runs/settings.js';
import { runTrial } from '../trials/index.js';
import { measureCost } from './cost.js';
import { loadHost } from './host.js';
import type { Message, WorkerTask } from './pool.js';
import { ALONE } from './ranks.js';
import { train } from './training.js';

/** Progress is told so often, in milliseconds. */
const INTERVAL = 100;

const port = parentPort!;
const { settings, data: folder, backend: wanted } = workerData as WorkerTask;
const data = folder === undefined ? loadDigits() : loadIdx(folder);
if (wanted !== undefined) useBackend(wanted);
const host = await loadHost();
tell({ type: 'ready', host: host.description });
port.on('message', async (job: Job) => {
  const listen = reporter();
  tell({ type: 'done', result: await resultOf(job, listen) });
});

function resultOf(job: Job, listen: (steps: number) => void): Promise<Result> {
  if (job.kind === 'trial') return runTrial(data, job, listen);
  if (job.kind === 'cost') return measureCost(host, data, job, settings, ALONE, listen);
  return train(host, data, job, settings, ALONE, listen);
}

function reporter(): (steps: number) => void {
  let last = 0;
  return (steps) => {
    const now = performance.now();
    if (now - last < INTERVAL) return;
    last = now;
    tell({ type: 'progress', steps });
  };
}

function tell(message: Message): void {
  port.postMessage(message);
}
