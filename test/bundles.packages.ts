/** Bundles for Node.js, run where there is nothing but the bundle: native, or a reason that says how to have it. */
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { BUNDLERS } from './support/packages/bundlers.js';
import { newPlace } from './support/packages/place.js';
import { prepared } from './support/packages/prepared.js';
import { runWell, testRows } from './support/packages/rows.js';

const ready = await prepared();
if (ready) {
  const { tools, registry, expected, installed } = ready;

  testRows('bundles', BUNDLERS, async ({ name, files, build, run, external = false }) => {
    const { folder, env } = await installed(name, files?.(tools));
    const { stdout, stderr } = await runWell(build(tools), folder, env);
    assert.not.match(stdout + stderr, /warn|critical/i, stdout + stderr);
    assert.equal(filesNaming(folder, join(folder, 'out')), []);

    const elsewhere = newPlace(name, { node: tools('node-24', 'bin', 'node'), registry });
    renameSync(join(folder, 'out'), join(elsewhere.folder, 'out'));
    renameSync(join(folder, 'node_modules'), join(elsewhere.folder, external ? 'node_modules' : 'aside'));
    const ran = await runWell(run(tools), elsewhere.folder, elsewhere.env);
    assert.is(ran.stderr, '');
    const found = JSON.parse(ran.stdout);
    assert.is(found.bits, expected.bits);
    if (external || found.backend === 'native') assert.equal(found, expected);
    else assert.match(found.reason, /bundle.*external/s, found.reason);
  });
}

/** The bundled files in which the path of a folder of this machine is found. */
function filesNaming(folder: string, out: string): string[] {
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => statSync(join(out, file)).isFile() && readFileSync(join(out, file)).includes(folder));
}
