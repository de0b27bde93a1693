/** The packed tarball in every version of Node.js and in other runtimes, by import and by require. */
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { prepared } from './support/packages/prepared.js';
import { runWell, testRows } from './support/packages/rows.js';
import type { Tools } from './support/packages/tools.js';

interface Runtime {
  readonly name: string;
  readonly command: (tools: Tools) => string[];
  readonly modules: readonly string[];
}

const BOTH = ['esm.mjs', 'cjs.cjs'];
const node = (version: string, modules = BOTH): Runtime => ({
  name: `Node.js ${version}`,
  command: (tools) => [tools(`node-${version}`, 'bin', 'node')],
  modules,
});
const RUNTIMES: readonly Runtime[] = [
  node('20.16'),
  node('22'),
  node('24'),
  node('26'),
  { name: 'Bun', command: (tools) => [tools('bun', 'bin', 'bun')], modules: BOTH },
  { name: 'Deno', command: (tools) => [tools('deno', 'deno'), 'run', '--allow-all'], modules: BOTH },
];

const ready = await prepared();
if (ready) {
  const { tools, expected, installed } = ready;

  testRows('runtimes', RUNTIMES, async ({ name, command, modules }) => {
    const { folder, env } = await installed(name);
    for (const module of modules) {
      const { stdout, stderr } = await runWell([...command(tools), join('compiled', module)], folder, env);
      assert.is(stderr, '');
      assert.equal(JSON.parse(stdout), expected);
    }
  });
}
