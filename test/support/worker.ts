/**
 * A thread that waits for the others at a gate, computes at the same time as they, and posts a digest for each
 * instruction set.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { facadeDigest } from './facade-digest.js';

export interface Task {
  readonly isas: readonly string[];
  readonly repetitions: number;
  /** How many threads have come. */
  readonly gate: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
}

const { isas, repetitions, gate, threads }: Task = workerData;

Atomics.add(gate, 0, 1);
Atomics.notify(gate, 0);
for (let come = Atomics.load(gate, 0); come < threads; come = Atomics.load(gate, 0)) Atomics.wait(gate, 0, come);
parentPort!.postMessage(isas.map((isa) => facadeDigest(isa, repetitions)));
