/**
 * The linker keeps one of all weak symbols with the same name. What is compiled for one instruction set must therefore be
 * named after it, or code for AVX-512 might run where there is none.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const objects = fileURLToPath(new URL('../build/Release/obj.target', import.meta.url));

/** The lines of `nm` for what the linker may merge: weak (W, V) or unique (u) symbols. */
function mergeable(isa: string): string[] {
  const folder = join(objects, `kernels_${isa}`, 'native');
  const files = readdirSync(folder).filter((file) => file.endsWith('.o'));
  assert.ok(files.length > 0, folder);
  const { status, stdout, stderr } = spawnSync('nm', ['-C', '--defined-only', ...files], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  assert.match(stdout, `bn::${isa}::kernels`);
  return stdout.split('\n').filter((line) => /^[0-9a-f]+ [WVu] /.test(line));
}

function whyNot(): string | null {
  if (process.platform !== 'linux') return 'nm of this system does not tell weak symbols';
  if (!existsSync(objects)) return 'the addon was not built here';
  return spawnSync('nm', ['--version']).error?.message ?? null;
}

const reason = whyNot();
if (reason === null) {
  const test = suiteOf('symbols');
  const isas = readdirSync(objects).flatMap((name) => /^kernels_(\w+)$/.exec(name)?.slice(1) ?? []);

  test('there are objects of every instruction set', () => {
    assert.ok(isas.length >= (process.arch === 'x64' ? 3 : 1), isas.join());
  });

  for (const isa of isas) {
    test(`those of ${isa} that the linker may merge name it`, () => {
      const symbols = mergeable(isa);
      assert.equal(
        symbols.filter((line) => !line.includes(`bn::${isa}::`)),
        [],
      );
    });
  }
} else if (process.platform === 'linux' && isRequired('native')) {
  suiteOf('symbols: required')('can be listed', () => assert.unreachable(reason));
} else {
  skipAloud('symbols', reason);
}
