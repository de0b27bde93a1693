/** What runs in a page, and in no Node.js: test/browser.test.ts drives it. */
import { allocate, backend, backends, forwardTraining, ready, release, useBackend } from 'batchnorm';
import * as reference from '#dist/backends/reference.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { isas, loadWith, startWorkers } from '#dist/backends/wasm.js';
import { type DigestCase, digestOf } from './digests.js';
import { exactText } from './exact-page.js';

const SERVING = 192 / 4;
/** Every call is worth threads, and tiles are small. */
const RESOURCES = { threadBytes: 64, tileBytes: 2 ** 12, copiedBytes: 2 ** 26 };

/** The cases whose digests are not those that are kept, by instruction set. */
async function differing(cases: readonly DigestCase[], threads: number): Promise<string[]> {
  if (threads > 1) await startWorkers(threads);
  const all = [...isas().map((isa) => loadWith(isa, { ...RESOURCES, threads })), reference.load()];
  return all.flatMap((kernels) =>
    cases.filter((one) => digestOf(kernels, one) !== one.digest).map(({ name }) => `${kernels.isa}: ${name}`),
  );
}

function workersServing(): number {
  return Atomics.load(new Int32Array(memoryInUse().wasm.buffer), SERVING);
}

/** A tensor of the backend's own memory, normalized in place: two channels, −1 and 1. */
function inPlace(): number[] {
  const x = allocate(4);
  x.set([1, -1, 3, -3]);
  const { y } = forwardTraining(x, [2, 2], { out: x, epsilon: 0 });
  const values = [...y];
  release(x);
  return values;
}

/** The code and the message of what a call throws. */
function refusal(call: () => unknown): [code: string, message: string] | null {
  try {
    call();
    return null;
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return [code, message];
  }
}

export const page = { backend, backends, differing, exactText, inPlace, ready, refusal, useBackend, workersServing };
export type Page = typeof page;
