/** Masks of millions of positions: an array of numbers of that size on the JavaScript heap would end the process. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const CHILD = fileURLToPath(new URL('support/mask-child.js', import.meta.url));
const SMALL = ['--max-old-space-size=16', '--max-semi-space-size=1'];

const test = suiteOf('masks: memory');

test('the heap of the children has no room for such an array', () => {
  const array = 'const list = []; for (let i = 0; i < 3e6; i++) list.push(i + 0.5); console.log(list.length)';
  const { status, signal } = spawnSync(process.execPath, [...SMALL, '-e', array], { encoding: 'utf8' });
  assert.ok(status !== 0 || signal !== null, `status ${status}`);
});

for (const backend of ['reference', 'wasm']) {
  test(`no call makes one, ${backend}`, () => {
    const { stdout, stderr } = spawnSync(process.execPath, [...SMALL, CHILD, backend], { encoding: 'utf8' });
    assert.is(stdout, '24', stderr);
  });
}
