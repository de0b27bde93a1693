/** What is wrong in the environment is said by the name of its variable. */
import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const CASES: readonly (readonly [Record<string, string>, string])[] = [
  [{ BATCHNORM_THREADS: 'abc' }, 'BATCHNORM_THREADS expected an integer of at least 1, got "abc"'],
  [{ BATCHNORM_THREADS: '-1' }, 'BATCHNORM_THREADS expected an integer of at least 1, got "-1"'],
  [{ BATCHNORM_THREADS: '1e999' }, 'BATCHNORM_THREADS expected an integer of at least 1, got "1e999"'],
  [
    { BATCHNORM_BACKEND: 'nativ' },
    'the environment (BATCHNORM_BACKEND) asks for the backend "nativ"; known are auto, ',
  ],
  [{ BATCHNORM_ISA: 'sse' }, 'the environment (BATCHNORM_ISA) asks for the instruction set "sse"; known are native: '],
];

const test = suiteOf('environment');
for (const [variables, text] of CASES) {
  test(Object.entries(variables).flat().join('='), () => {
    const script = "import('batchnorm').then(({ backend }) => backend()).catch((e) => console.log(e.code, e.message))";
    const { BATCHNORM_BACKEND: _backend, BATCHNORM_ISA: _isa, BATCHNORM_THREADS: _threads, ...rest } = process.env;
    const { stdout } = spawnSync(process.execPath, ['-e', script], {
      env: { ...rest, ...variables },
      encoding: 'utf8',
    });
    assert.ok(stdout.startsWith(`ERR_BATCHNORM_BACKEND batchnorm: ${text}`), stdout);
  });
}
