/** The addon without the facade before it: whatever it is called with, it throws or computes, and never dies. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';
import type { Finding } from './support/addon-child.js';
import { FUNCTION_NAMES } from './support/addon-slots.js';
import { underTest } from './support/backends.js';
import { facadeDigest } from './support/facade-digest.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import type { Task } from './support/worker.js';

const found = underTest('native');
if (Array.isArray(found)) {
  const isas = found.map(({ isa }) => isa);
  testNonsense(isas);
  testThreads(isas);
} else {
  skipAloud('addon', found.reason);
}

function testNonsense(isas: readonly string[]): void {
  const test = suiteOf('addon: nonsense');
  test('is refused, by every function of every instruction set', () => {
    const { findings, end } = runChild();
    assert.is(end, 'exit code 0');
    const titles = isas.flatMap((isa) => FUNCTION_NAMES.map((name) => `${isa} ${name}`));
    assert.equal(
      findings.map(({ title }) => title),
      ['load', 'load: resources', ...titles],
    );
    assert.equal(
      findings.flatMap(({ title, wrong }) => wrong.map((message) => `${title}: ${message}`)),
      [],
    );
    // That the calls were no worse than meant: most have one thing wrong, and some nothing.
    for (const { title, accepted, refused } of findings) assert.ok(accepted >= 1 && refused >= 300, title);
  });
}

/** What the child process found, and how it ended: with the call that it died of, if it did. */
function runChild(): { findings: Finding[]; end: string } {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-addon-'));
  const journal = join(folder, 'journal');
  const child = fileURLToPath(new URL('support/addon-child.js', import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, journal], { encoding: 'utf8' });
  const lastCall = readFileSync(journal, 'utf8').trim();
  rmSync(folder, { recursive: true });
  const findings: Finding[] = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { findings, end: status === 0 ? 'exit code 0' : `${signal ?? status} at ${lastCall}\n${stderr}` };
}

function testThreads(isas: readonly string[]): void {
  const test = suiteOf('addon: threads');
  test('four at once compute the bits that one does', async () => {
    const [threads, repetitions] = [4, 20];
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const task: Task = { isas, repetitions, gate, threads };
    const file = new URL('support/worker.js', import.meta.url);
    const workers = Array.from({ length: threads }, () => new Worker(file, { workerData: task }));
    const digests = await Promise.all(workers.map((worker) => once(worker, 'message')));
    const expected = isas.map((isa) => facadeDigest(isa, repetitions));
    for (const [digest] of digests) assert.equal(digest, expected);
  });
}
