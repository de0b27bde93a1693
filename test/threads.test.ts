/** Threads of the native backend: how many, shared by isolates, at exit; and layers that come and go. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { backend, useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { underTest } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import { digestOfTraining } from './support/training.js';

const found = underTest('native');
if (Array.isArray(found)) {
  const test = suiteOf('native: threads');

  test('as many as useBackend or the environment says', () => {
    assert.is(useBackend('native', { threads: 3 }).threads, 3);
    const script = "import('batchnorm').then(({ backend }) => console.log(String(backend().threads)))";
    const env = { ...process.env, BATCHNORM_BACKEND: 'native', BATCHNORM_THREADS: '5' };
    const { stdout } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' });
    assert.is(stdout.trim(), '5');
  });

  test('any number of them computes the same bits', () => {
    const digests = [1, 2, 3, 4, 7].map((threads) => {
      useBackend('native', { threads });
      assert.is(backend().threads, threads);
      return digestOfTraining();
    });
    assert.equal(new Set(digests).size, 1);
  });

  test('eight worker_threads at once compute the same bits', async () => {
    useBackend('native', { threads: 1 });
    const expected = digestOfTraining();
    const file = new URL('support/training-worker.js', import.meta.url);
    const workers = Array.from({ length: 8 }, () => new Worker(file, { workerData: { threads: 2, repetitions: 3 } }));
    const digests = await Promise.all(workers.map((worker) => once(worker, 'message')));
    for (const [digest] of digests) assert.equal(digest, [expected, expected, expected]);
  });

  test('the process exits while calls are in flight', () => {
    const { status, signal, stderr } = runSupport('exit-in-flight.js');
    assert.equal({ status, signal, stderr }, { status: 7, signal: null, stderr: '' });
  });

  test('10,000 layers come and go without memory that stays', () => {
    const { status, stdout, stderr } = runSupport('many-layers.js', '--expose-gc');
    assert.is(status, 0, stderr);
    const { grownBy } = JSON.parse(stdout) as { grownBy: number };
    assert.ok(grownBy < 16e6, `grown by ${grownBy} bytes`);
  });
} else {
  skipAloud('native threads', found.reason);
}

function runSupport(name: string, ...flags: string[]) {
  const file = fileURLToPath(new URL(`support/${name}`, import.meta.url));
  return spawnSync(process.execPath, [...flags, file], { encoding: 'utf8', timeout: 60_000 });
}
