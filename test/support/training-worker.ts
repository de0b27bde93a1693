import { parentPort, workerData } from 'node:worker_threads';
import { useBackend } from 'batchnorm';
import { digestOfTraining } from './training.js';

const { threads, repetitions } = workerData as { threads: number; repetitions: number };
useBackend('native', { threads });
parentPort!.postMessage(Array.from({ length: repetitions }, () => digestOfTraining()));
