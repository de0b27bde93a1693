/** Exits with code 7 while worker_threads, and the threads of their calls, are at work. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { useBackend } from 'batchnorm';
import { digestOfTraining } from './training.js';

useBackend('native', { threads: 3 });
if (isMainThread) {
  const busy = Array.from({ length: 3 }, () => new Worker(new URL(import.meta.url)));
  let started = 0;
  for (const worker of busy) {
    worker.once('message', () => {
      if (++started === busy.length) process.exit(7);
    });
  }
} else {
  for (let count = 0; ; count++) {
    digestOfTraining();
    if (count === 0) parentPort!.postMessage('at work');
  }
}
