/** What the package.json of the tarball promises and must not say. What it weighs, install.test.ts measures. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { prepared } from './support/packages/prepared.js';
import { suiteOf } from './support/suite.js';

const ready = await prepared();
if (ready) {
  const { packed, installed } = ready;
  const test = suiteOf('tarball');
  const { manifest } = packed;

  test('nothing that a package manager runs, or asks about', async () => {
    const { folder } = await installed('scripts');
    const { scripts = {}, gypfile } = manifest;
    assert.is(gypfile, false);
    assert.not(readdirSync(join(folder, 'node_modules', 'batchnorm')).includes('binding.gyp'));
    for (const name of ['preinstall', 'install', 'postinstall', 'prepublish']) assert.not(name in scripts, name);
    // Yarn 4 adds the dependency node-gyp to any package of which a script names it.
    for (const [name, script] of Object.entries(scripts)) assert.not(script.includes('node-gyp'), name);
  });

  test('nothing is installed with it', async () => {
    const { folder } = await installed('dependencies');
    const names = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    assert.equal(names, ['batchnorm']);
  });

  test('engines: the oldest Node.js that is tested', () => {
    const tested = JSON.parse(readFileSync(ready.tools('node-20.16', 'package.json'), 'utf8')).version;
    assert.is(manifest.engines?.node, `>=${tested.replace(/^v/, '')}`);
  });
}
