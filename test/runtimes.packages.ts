/**
 * The packed tarball in every version of Node.js and in other runtimes, by import and by require; and the digests
 * there.
 */
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { environment, ROOT } from './support/install.js';
import { prepared } from './support/packages/prepared.js';
import { runWell, testRows } from './support/packages/rows.js';
import type { Tools } from './support/packages/tools.js';

interface Runtime {
  readonly name: string;
  readonly command: (tools: Tools) => string[];
}

const node = (version: string): Runtime => ({
  name: `Node.js ${version}`,
  command: (tools) => [tools(`node-${version}`, 'bin', 'node')],
});
const RUNTIMES: readonly Runtime[] = [
  node('20.16'),
  node('22'),
  node('24'),
  node('26'),
  { name: 'Bun', command: (tools) => [tools('bun', 'bin', 'bun')] },
  { name: 'Deno', command: (tools) => [tools('deno', 'deno'), 'run', '--allow-all'] },
];

const ready = await prepared();
if (ready) {
  const { tools, expected, installed } = ready;

  testRows('runtimes', RUNTIMES, async ({ name, command }) => {
    const { folder, env } = await installed(name);
    for (const module of ['esm.mjs', 'cjs.cjs']) {
      const { stdout, stderr } = await runWell([...command(tools), join('compiled', module)], folder, env);
      assert.is(stderr, '');
      assert.equal(JSON.parse(stdout), expected);
    }
  });

  testRows('digests', RUNTIMES, async ({ command }) => {
    const program = join(ROOT, 'dist-test', 'support', 'runtime.js');
    const { stdout } = await runWell([...command(tools), program], ROOT, environment());
    assert.match(stdout, /^native\/\w+: \d+ digests equal$/m);
  });

  // Float16Array came with Node.js 24; elsewhere these tests say that they skip it.
  testRows('Float16Array', [node('24'), node('26')], async ({ command }) => {
    const { stdout } = await runWell([...command(tools), join(ROOT, 'dist-test', 'half.test.js')], ROOT, environment());
    assert.not.match(stdout, /skipped: Float16Array/);
  });
}
