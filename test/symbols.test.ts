/**
 * What the addon shows to the dynamic linker, and what it asks of it: only C's library, so that it loads on systems
 * that are older than the compiler, or have another library of C++, or none.
 *
 * The linker keeps one of all weak symbols with the same name. What is compiled for one instruction set must therefore
 * be named after it, or code for AVX-512 might run where there is none.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { isRequired } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const addon = fileURLToPath(new URL('../build/Release/batchnorm.node', import.meta.url));
const objects = fileURLToPath(new URL('../build/Release/obj.target', import.meta.url));

/** Newer than glibc 2.28: they moved there from libpthread, which has had them under this name for ever. */
const MOVED = ['create', 'join', 'attr_setstacksize'].map((name) => `pthread_${name}@GLIBC_2.34`);

/** The lines of a tool of binutils for the addon. */
function linesOf(tool: string, ...options: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(tool, [...options, addon], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.trim().split('\n');
}

/** Whether a symbol that is needed comes from Node.js, another C library than glibc, or a glibc of 2018 or before. */
function isOfOldSystems(symbol: string): boolean {
  const [name, version] = symbol.split('@');
  if (version === undefined) return !/^(_Z|_Unwind|__gxx|__cxa_(?!finalize))/.test(name);
  const [, minor] = /^GLIBC_2\.(\d+)/.exec(version) ?? [];
  return Number(minor) <= 28 || MOVED.includes(symbol);
}

/** The lines of `nm` for what the linker may merge: weak (W, V) or unique (u) symbols. */
function mergeable(isa: string): string[] {
  const folder = join(objects, `kernels_${isa}`, 'native', 'kernels');
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

  test('the addon exports what Node.js looks for, and nothing else', () => {
    const exported = linesOf('nm', '-D', '--defined-only').map((line) => line.split(' ').at(-1));
    assert.equal(exported.sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });

  test("the addon needs C's library and Node.js, and nothing that is younger than glibc 2.28", () => {
    const needed = linesOf('readelf', '-d').flatMap((line) => /\(NEEDED\).*\[(.*)\]/.exec(line)?.slice(1) ?? []);
    assert.equal(
      needed.filter((name) => !/^(libc|libm|libpthread)\.so/.test(name) && !/^libc\.musl/.test(name)),
      [],
    );
    const symbols = linesOf('nm', '-D', '--undefined-only').map((line) => line.trim().split(' ').at(-1)!);
    assert.ok(
      symbols.some((name) => name.startsWith('malloc')),
      'the list has what it must',
    );
    assert.equal(
      symbols.filter((name) => !isOfOldSystems(name)),
      [],
    );
  });

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
