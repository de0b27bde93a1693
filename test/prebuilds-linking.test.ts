/** What is built beforehand can be built again by anybody, with the same hash: no time and no folder is in the file. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { ROOT } from './support/install.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

interface Target {
  readonly compiler: string;
  readonly flags: readonly string[];
  readonly link: readonly string[];
  readonly libraries?: readonly string[];
  readonly packages: readonly string[];
}

const { TARGETS } = (await import(`${ROOT}scripts/prebuilds/targets.js`)) as { TARGETS: Record<string, Target> };

for (const [name, target] of Object.entries(TARGETS)) {
  const title = `prebuilds: linking ${name}`;
  if (!isThere(target.compiler)) {
    skipAloud(title, `apt-get install ${target.packages.join(' ')}`);
    continue;
  }
  const test = suiteOf(title);
  test('gives the same bytes in another folder, at another time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-linking-'));
    try {
      const object = compiled(target, folder);
      const first = linked(target, object, join(folder, 'first'));
      await setTimeout(1100); // linkers write whole seconds
      const second = linked(target, object, join(folder, 'second'));
      assert.ok(first.length > 0);
      assert.is(first.toString('hex'), second.toString('hex'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function isThere(compiler: string): boolean {
  try {
    return execFileSync(compiler, ['--version']).length > 0;
  } catch {
    return false;
  }
}

function compiled({ compiler, flags }: Target, folder: string): string {
  const [source, object] = [join(folder, 'small.cc'), join(folder, 'small.o')];
  writeFileSync(source, 'extern "C" __attribute__((visibility("default"))) int answer() { return 42; }\n');
  execFileSync(compiler, [...flags, '-fPIC', '-c', source, '-o', object], { cwd: ROOT });
  return object;
}

function linked({ compiler, link, libraries = [] }: Target, object: string, folder: string): Buffer {
  mkdirSync(folder);
  const made = join(folder, 'small.node');
  execFileSync(compiler, [...link, '-o', made, object, ...libraries], { cwd: ROOT });
  return readFileSync(made);
}
