/**
 * The packed tarball, installed by every package manager where there is no compiler: native, with the bits of this
 * build.
 */
import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { MANAGERS } from './support/packages/managers.js';
import { newPlace } from './support/packages/place.js';
import { prepared } from './support/packages/prepared.js';
import { testRows } from './support/packages/rows.js';

/** What managers say when a package has a script for them to run, to block, or to ask about. */
const OF_SCRIPTS = /scripts?\b|postinstall|approve|blocked|trust|gyp|compil/i;

const ready = await prepared();
if (ready) {
  const { tools, registry, modules, expected } = ready;

  testRows('package managers', MANAGERS, async ({ name, version, programs, add, run, exec, files = {} }) => {
    const node = tools(`node-${version}`, 'bin', 'node');
    const { folder, shell } = newPlace(name, { node, registry, programs: programs(tools), files });
    const installed = await shell(add);
    const said = (installed.stdout + installed.stderr).replaceAll(dirname(folder), ''); // whose name is random
    assert.not(OF_SCRIPTS.test(said), said);
    cpSync(modules, join(folder, 'compiled'), { recursive: true });
    for (const module of ['esm.mjs', 'cjs.cjs']) {
      const { stdout, stderr } = await shell(`${run} compiled/${module}`);
      assert.is(stderr, '');
      assert.equal(JSON.parse(stdout), expected);
    }
    const doctor = await shell(`${exec} doctor`);
    assert.match(doctor.stdout, /✓ native .*in use/);
    assert.not.match(doctor.stdout, /✗/, doctor.stdout);
  });
}
