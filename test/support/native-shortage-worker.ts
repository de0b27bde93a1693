/** Loads the native backend and computes by it each time when it is told to. */
import { parentPort } from 'node:worker_threads';
import { forwardTraining, useBackend } from 'batchnorm';

export interface FromWorker {
  readonly error: string | null;
  readonly mean: string | null;
}

function compute(): FromWorker {
  try {
    useBackend('native', { threads: 1 });
    return { error: null, mean: forwardTraining(Float32Array.of(1, 3), [2, 1]).mean.join() };
  } catch (error) {
    return { error: String(error), mean: null };
  }
}

parentPort!.on('message', () => parentPort!.postMessage(compute()));
parentPort!.postMessage('ready');
