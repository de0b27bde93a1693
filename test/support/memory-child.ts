/**
 * Allocates 300 MB again and again, and prints the most megabytes that the process had:
 * `node FILE backend way threads`.
 */
import { allocate, forwardTraining, release, useBackend } from 'batchnorm';

const [backend, way, threads] = process.argv.slice(2);
const MEGABYTES = 300;
const ROUNDS = 12;

let most = 0;
function megabytes(): number {
  const now = process.memoryUsage.rss() / 1e6;
  most = Math.max(most, now);
  return now;
}

function touchedTensor(bytes: number): Float32Array {
  const tensor = allocate(bytes / 4);
  for (let k = 0; k < tensor.length; k += 1024) tensor[k] = 1;
  return tensor;
}

function round(k: number): void {
  const bytes = MEGABYTES * 1e6;
  const parts = way === 'parts' ? 1 + (k % 5) : 1;
  const tensors = Array.from({ length: parts }, () => touchedTensor(4 * Math.floor(bytes / 4 / parts)));
  if (way === 'calls') forwardTraining(tensors[0], [75_000, 1000], { out: tensors[0] });
  megabytes();
  for (const tensor of tensors) release(tensor);
}

useBackend(backend as 'wasm', { threads: Number(threads) });
for (let k = 0; k < ROUNDS; k++) {
  round(k);
  if (way === 'yielding') await new Promise((resolve) => setTimeout(resolve, 5));
}
// What is given back is so within seconds, though nothing is allocated that would make the engine collect garbage.
for (let wait = 0; megabytes() > MEGABYTES / 2 && wait < 200; wait++) await new Promise((r) => setTimeout(r, 50));
process.stdout.write(JSON.stringify({ most, live: MEGABYTES, last: megabytes() }));
