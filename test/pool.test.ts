/** The pool of native threads: who takes part, who is woken, who ends. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SOURCES = ['native/driver/pool.cc', 'native/runtime/pool.cc'];

const compiler = spawnSync('g++', ['--version']);
if (process.platform !== 'linux' || compiler.status !== 0) {
  skipAloud('the pool of threads', 'it is tried by a C++ program, which needs Linux and g++');
} else {
  const test = suiteOf('the pool of threads');

  test('parts are done once, by those threads that are wanted, and no others wake', () => {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-pool-'));
    try {
      const program = join(folder, 'pool');
      execFileSync('g++', ['-std=c++17', '-O1', ...SOURCES, '-pthread', '-o', program], { cwd: ROOT });
      const { status, stdout, signal } = spawnSync(program, { encoding: 'utf8', timeout: 120_000 });
      assert.equal({ status, stdout, signal }, { status: 0, stdout: '', signal: null });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('no more threads are started than there are processors', () => {
    const script = `
      import { readdirSync } from 'node:fs';
      import { availableThreads } from '#dist/backends/threads.js';
      import { isas, load } from '#dist/backends/native.js';
      const { forward, threads } = load({ isa: isas()[0], threads: 64 });
      const view = { n: 64, c: 64, s: 4096 };
      const [x, mean, variance] = [new Float32Array(2 ** 24), new Float64Array(64), new Float64Array(64)];
      const before = readdirSync('/proc/self/task').length;
      forward(x, x, null, { mean, variance, gamma: null, beta: null, epsilon: 1 }, 0, view);
      const started = readdirSync('/proc/self/task').length - before;
      console.log(JSON.stringify({ threads, isRight: started === availableThreads() - 1 }));`;
    const ran = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(JSON.parse(ran), { threads: 64, isRight: true });
  });
}
