/** What `release` gives back, seen from outside of the process. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { allocate, backend, release, useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const CHILD = fileURLToPath(new URL('support/memory-child.js', import.meta.url));

const memory = suiteOf('wasm: release');

for (const [way, threads] of [
  ['busy', '1'],
  ['yielding', '1'],
  ['parts', '1'],
  ['calls', '1'],
  ['calls', '2'],
]) {
  memory(`gives memory back: ${way}, threads: ${threads}`, () => {
    const { stdout, stderr } = spawnSync(process.execPath, [CHILD, 'wasm', way, threads], { encoding: 'utf8' });
    assert.is(stderr, '');
    const { most, live, last } = JSON.parse(stdout) as Record<'most' | 'live' | 'last', number>;
    assert.ok(most <= 1.5 * live, `${most} MB at most, where ${live} MB were live`);
    assert.ok(last <= live / 2, `${last} MB in the end`);
  });
}

const posting = suiteOf('wasm: posting');

const ECHO = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', (array) => {
  array[0] += 1;
  parentPort.postMessage([...array]);
});
parentPort.on('messageerror', (error) => parentPort.postMessage(String(error)));`;

posting('a tensor of allocate can be cloned, and posted to a worker, which sees its elements', async () => {
  if (backend().name !== 'wasm') useBackend('wasm');
  const tensor = allocate(3, 'float64');
  tensor.set([1, 2, 3]);
  assert.equal([...structuredClone(tensor)], [1, 2, 3]);
  assert.equal([...structuredClone(tensor.subarray(1))], [2, 3]);
  const worker = new Worker(ECHO, { eval: true });
  const answer = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage(tensor);
  assert.equal(await answer, [2, 2, 3]);
  assert.equal([...tensor], [2, 2, 3]);
  await worker.terminate();
  release(tensor);
});

posting('4 GiB may be asked for, and a tensor of those can be cloned', () => {
  const options = { encoding: 'utf8', cwd: new URL('..', import.meta.url) } as const;
  const code = `
import { allocate, ready, useBackend } from 'batchnorm';
await ready({ memory: 2 ** 32 });
useBackend('wasm');
console.log(structuredClone(allocate(2).fill(7)).join());`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], options);
  assert.equal([stdout, stderr], ['7,7\n', '']);
});
