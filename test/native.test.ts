import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import suites from './suites/all.js';
import { underTest } from './support/backends.js';
import { runOn } from './support/runner.js';
import { suiteOf } from './support/suite.js';

runOn('native', suites);

const found = underTest('native');
if (Array.isArray(found) && process.platform === 'linux' && process.arch === 'x64') {
  suiteOf('native: instruction sets')('are those that the processor has, best first', () => {
    const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))![1].split(' '));
    const has = (...names: string[]) => names.every((name) => flags.has(name));
    const expected = ['baseline'];
    if (has('avx2', 'fma', 'f16c')) expected.unshift('avx2');
    if (has('avx2', 'fma', 'f16c', 'avx512f', 'avx512vl', 'avx512bw')) expected.unshift('avx512');
    assert.equal(
      found.map(({ isa }) => isa),
      expected,
    );
  });
}
