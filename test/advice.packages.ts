/** Where no addon is, backends() advises a command: it is followed in every package manager, and native is there. */
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { MANAGERS } from './support/packages/managers.js';
import { newPlace, type Place } from './support/packages/place.js';
import { prepared } from './support/packages/prepared.js';
import { testRows } from './support/packages/rows.js';
import type { Tools } from './support/packages/tools.js';

const ready = await prepared();
if (ready) {
  const { tools, registry, modules, expected } = ready;

  testRows('advice', MANAGERS, async ({ name, version, programs, add, run, files = {} }) => {
    const node = tools(`node-${version}`, 'bin', 'node');
    // npm comes with Node.js, whatever else manages packages.
    const npm = { npx: ['node', tools('npm-10', 'bin', 'npx-cli.js')] };
    const place = newPlace(name, { node, registry, programs: { ...npm, ...programs(tools) }, files });
    const probe = async () => JSON.parse((await place.shell(`${run} compiled/esm.mjs`)).stdout);
    await place.shell(add);
    cpSync(modules, join(place.folder, 'compiled'), { recursive: true });

    removeAddons(dirname(place.folder));
    const { backend, reason, bits } = await probe();
    assert.equal({ backend, bits }, { backend: 'wasm', bits: expected.bits });
    const advice = /To build it: (.*?); it needs/.exec(reason)?.[1];
    assert.ok(advice, reason);
    await place.shell(advice, withCompiler(place, tools, version));
    const origin = `built here on ${new Date().toISOString().slice(0, 10)}`;
    assert.equal(await probe(), { ...expected, origin }, advice);
  });
}

/** Those that are in the tarball, wherever the manager has put its files. */
function removeAddons(folder: string): void {
  const addons = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.node'));
  assert.ok(addons.length > 0);
  for (const file of addons) rmSync(join(folder, file), { force: true });
}

/** The programs of this machine, its headers, and no optimisation, which takes ten times as long. */
function withCompiler({ env }: Place, tools: Tools, version: string): NodeJS.ProcessEnv {
  const PATH = [env['PATH'], process.env['PATH']].join(delimiter);
  return { PATH, CXXFLAGS: '-O0', npm_config_nodedir: tools(`node-${version}`) };
}
