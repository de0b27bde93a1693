/** A thread that trains: it takes one job after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { useBackend } from 'batchnorm';
import { loadDigits } from '../data/digits.js';
import { loadIdx } from '../data/idx.js';
import type { Job } from '../runs/settings.js';
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
  const result =
    job.kind === 'cost'
      ? await measureCost(host, data, job, settings, ALONE, listen)
      : await train(host, data, job, settings, ALONE, listen);
  tell({ type: 'done', result });
});

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
