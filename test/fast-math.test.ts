/** Flags that let the compiler reorder sums would change bits: each kernel refuses to be compiled with them. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { KERNEL_SOURCES } from './support/kernel-sources.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

/** What the compiler says of a kernel; null where it takes it. */
function refusal(compiler: string, kernel: string, ...flags: readonly string[]): string | null {
  const source = fileURLToPath(new URL(`../native/kernels/${kernel}.cc`, import.meta.url));
  const isa = process.arch === 'arm64' ? ['-DBN_ISA=neon', '-DBN_NEON'] : ['-DBN_ISA=baseline'];
  const options = ['-std=c++17', '-fsyntax-only', ...isa, ...flags, source];
  const { status, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  return status === 0 ? null : stderr;
}

for (const compiler of ['g++', 'clang++', 'clang++-19']) {
  const missing = spawnSync(compiler, ['--version']).error?.message;
  if (missing === undefined) {
    const test = suiteOf(`${compiler}: fast-math`);
    for (const flag of ['-Ofast', '-ffast-math']) {
      test(`every kernel refuses ${flag}, and says why`, () => {
        for (const kernel of KERNEL_SOURCES)
          assert.match(String(refusal(compiler, kernel, flag)), 'build without -ffast-math');
      });
    }
    test('and is compiled without', () => {
      for (const kernel of KERNEL_SOURCES) assert.is(refusal(compiler, kernel, '-O2'), null);
    });
  } else if (compiler === 'g++' && process.platform === 'linux' && isRequired('native')) {
    suiteOf('fast-math: required')('can be tried', () => assert.unreachable(missing));
  } else {
    skipAloud(`fast-math with ${compiler}`, missing);
  }
}
