/**
 * The file for Linux, which was linked for glibc, opened by musl's loader: Alpine has no other. No Node.js for musl is
 * on npm.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { execute, ROOT } from './support/install.js';
import { bytesOf, pathOf, testUnless, whyNoProgram, whyNotMade } from './support/prebuilds/made.js';
import { suiteOf } from './support/suite.js';

const LOADER = '/lib/ld-musl-x86_64.so.1'; // and the C library
const SOURCE = join(ROOT, 'test', 'support', 'prebuilds', 'musl-host.c');
const NODE_API_VERSION = '8';

const home = mkdtempSync(join(tmpdir(), 'batchnorm-musl-'));
const test = suiteOf('prebuilds: musl');
test.after(() => rmSync(home, { recursive: true, force: true }));

const noMusl = existsSync(LOADER) ? null : `there is no ${LOADER}. Debian, on x64: apt-get install musl-tools`;
const noTools = noMusl ?? whyNoProgram('musl-gcc', 'musl-tools') ?? whyNoProgram('nm', 'binutils');

for (const target of ['linux-x64-musl', 'linux-arm64-musl']) {
  testUnless(whyNotMade(target) ?? noTools, test, target, 'needs nothing that musl does not have', () => {
    const names = neededBy(target).filter((name) => !isOfNodeApi(name));
    assert.ok(names.includes('malloc'), names.join());
    const ofMusl = symbolsOf(LOADER, '--defined-only');
    assert.equal(
      names.filter((name) => !ofMusl.includes(name)),
      [],
    );
  });
}

const X64 = 'linux-x64-musl';
testUnless(whyNotMade(X64) ?? noTools, test, X64, 'musl opens it, and it says its version of Node-API', () => {
  assert.match(readFileSync(host(), 'latin1'), LOADER, 'the host is a program of musl');
  assert.is(execute(host(), [pathOf(X64)], {}), `${NODE_API_VERSION}\n`);
});

testUnless(whyNotMade(X64) ?? noTools, test, X64, 'one that needs what musl does not have is not opened', () => {
  const other = join(home, 'other.node');
  const text = bytesOf(X64).toString('latin1');
  assert.match(text, '\0pthread_join\0');
  writeFileSync(other, Buffer.from(text.replace('\0pthread_join\0', '\0pthread_jo1n\0'), 'latin1'));
  const { status, stderr } = spawnSync(host(), [other], { encoding: 'utf8' });
  assert.is(status, 1);
  assert.match(stderr, 'pthread_jo1n: symbol not found');
});

/** The names of dynamic symbols, of one kind. */
function symbolsOf(file: string, kind: string): string[] {
  const lines = execute('nm', ['-D', '--without-symbol-versions', kind, file], {}).trimEnd().split('\n');
  return lines.filter((line) => !/ w /.test(line)).map((line) => line.split(' ').at(-1)!);
}

/** Those without which it is not opened: weak ones may be missing. */
function neededBy(target: string): string[] {
  return symbolsOf(pathOf(target), '--undefined-only');
}

function isOfNodeApi(name: string): boolean {
  return /^(napi|node_api)_/.test(name);
}

/** A program that has a function for each of Node-API's that the addon asks for. */
function host(): string {
  const file = join(home, 'host');
  if (existsSync(file)) return file;
  const names = neededBy(X64).filter(isOfNodeApi);
  writeFileSync(join(home, 'stubs.h'), names.map((name) => `STUB(${name})\n`).join(''));
  execute('musl-gcc', ['-rdynamic', '-I', home, SOURCE, '-o', file], {});
  return file;
}
