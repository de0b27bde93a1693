/** The packed tarball, installed by every package manager where there is no compiler: native, with the bits of this build. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { MANAGERS } from './support/packages/managers.js';
import { newPlace } from './support/packages/place.js';
import { prepared } from './support/packages/prepared.js';
import { runWell, testRows } from './support/packages/rows.js';

/** What managers say when a package has a script for them to run, to block, or to ask about. */
const OF_SCRIPTS = /scripts?\b|postinstall|approve|blocked|trust|gyp|compil/i;

const ready = await prepared();
if (ready) {
  const { tools, registry, modules, expected } = ready;

  testRows('package managers', MANAGERS, async ({ name, node, program, add, runs, files = {} }) => {
    const { folder, env } = newPlace(name, { node: tools(node, 'bin', 'node'), registry, files });
    const installed = await runWell([...program(tools), ...add], folder, env);
    const said = installed.stdout + installed.stderr;
    assert.not(OF_SCRIPTS.test(said), said);
    cpSync(modules, join(folder, 'compiled'), { recursive: true });
    // Node.js before 20.19 cannot require ES modules.
    for (const module of node === 'node-20.16' ? ['esm.mjs'] : ['esm.mjs', 'cjs.cjs']) {
      const command = [...(runs?.(tools) ?? ['node']), join('compiled', module)];
      const { stdout, stderr } = await runWell(command, folder, env);
      assert.is(stderr, '');
      assert.equal(JSON.parse(stdout), expected);
    }
  });
}
