/** What `release` gives back, seen from outside of the process. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
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
