/**
 * The prebuilt files as they lie there: what they ask of a system, what they show, and that they are what was written
 * down.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { sep } from 'node:path';
import * as assert from 'uvu/assert';
import { ROOT } from './support/install.js';
import { readMachO } from './support/prebuilds/mach-o.js';
import {
  bytesOf,
  FOLDER,
  madeTargets,
  pathOf,
  testUnless,
  whyNoProgram,
  whyNotMade,
} from './support/prebuilds/made.js';
import { limitOf } from './support/sizes.js';
import { suiteOf } from './support/suite.js';

/** What each target's file begins with, and the instruction sets that it must have. */
const TARGETS = {
  'linux-x64': { begins: '7f454c460201', isas: ['baseline', 'avx2', 'avx512'] },
  'linux-x64-musl': { begins: '7f454c460201', isas: ['baseline', 'avx2', 'avx512'] },
  'linux-arm64': { begins: '7f454c460201', isas: ['neon'] },
  'linux-arm64-musl': { begins: '7f454c460201', isas: ['neon'] },
  'darwin-x64': { begins: 'cffaedfe07000001', isas: ['baseline', 'avx2', 'avx512'] },
  'darwin-arm64': { begins: 'cffaedfe0c000001', isas: ['neon'] },
  'win32-x64': { begins: '4d5a', isas: ['baseline', 'avx2', 'avx512'] },
};
const ENTRIES = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const noObjdump = whyNoProgram('objdump', 'binutils');

const written = suiteOf('prebuilds: written down');
for (const [target, { begins, isas }] of Object.entries(TARGETS)) {
  testUnless(whyNotMade(target), written, target, 'is what the manifest says', () => {
    const made = madeTargets()[target];
    const bytes = bytesOf(target);
    assert.is(bytes.length, made.bytes);
    assert.is(createHash('sha256').update(bytes).digest('hex'), made.sha256);
    assert.ok(bytes.length <= limitOf(target), `${bytes.length} bytes`);
    assert.equal(made.isas, isas);
    assert.ok(bytes.toString('hex', 0, 16).startsWith(begins), bytes.toString('hex', 0, 16));
  });

  testUnless(whyNotMade(target), written, target, 'names no folder of the machine where it was built', () => {
    const text = bytesOf(target).toString('latin1');
    const folders = [homedir(), ROOT]
      .map((folder) => folder.replace(/[\\/]*$/, sep))
      .filter((folder) => folder !== sep);
    const named = [...folders, '/tmp/', '/usr/include/', '.cc\0', '.h\0'].filter((part) => text.includes(part));
    assert.equal(named, []);
  });
}

const first = Object.keys(TARGETS).find((target) => whyNotMade(target) === null);
testUnless(first === undefined ? 'there are none' : null, written, 'all', 'and nothing else lies there', () => {
  const files = readdirSync(FOLDER);
  assert.equal(
    files.filter((file) => file !== 'manifest.json').sort(),
    [...new Set(Object.values(madeTargets()).map(({ file }) => file))].sort(),
  );
});

const linux = suiteOf('prebuilds: linux');
for (const target of ['linux-x64', 'linux-arm64']) {
  const reason = whyNotMade(target) ?? noObjdump;

  testUnless(reason, linux, target, "needs C's library alone, of glibc 2.28 or before", () => {
    const needed = objdump('-p', target).flatMap((line) => /^\s*NEEDED\s+(\S+)/.exec(line)?.slice(1) ?? []);
    assert.ok(needed.includes('libc.so.6'), needed.join());
    assert.equal(
      needed.filter((name) => name !== 'libc.so.6' && name !== 'libpthread.so.0'),
      [],
    );
    const versions = objdump('-T', target).flatMap((line) => /\((\w+_[\w.]+)\)/.exec(line)?.slice(1) ?? []);
    assert.ok(versions.length > 10, versions.join());
    assert.equal(versions.filter(isTooNew), []);
  });

  testUnless(reason, linux, target, 'exports what Node.js looks for, and nothing else', () => {
    const exported = objdump('-T', target).filter((line) => / g /.test(line) && !line.includes('*UND*'));
    assert.equal(exported.map((line) => line.split(' ').at(-1)).sort(), ENTRIES);
  });
}

linux('a version of glibc after 2.28 is too new, and so is any other library', () => {
  const versions = ['GLIBC_2.2.5', 'GLIBC_2.17', 'GLIBC_2.28', 'GLIBC_2.29', 'GLIBC_2.34', 'GLIBCXX_3.4', 'GCC_3.0'];
  assert.equal(versions.filter(isTooNew), ['GLIBC_2.29', 'GLIBC_2.34', 'GLIBCXX_3.4', 'GCC_3.0']);
});

const windows = suiteOf('prebuilds: win32');
const noWindows = whyNotMade('win32-x64') ?? noObjdump;
testUnless(noWindows, windows, 'win32-x64', 'imports from the system alone: its host may have any name', () => {
  const lines = objdump('-p', 'win32-x64');
  const imported = lines.flatMap((line) => /DLL Name: (\S+)/.exec(line)?.slice(1) ?? []);
  assert.equal(imported.map((name) => name.toLowerCase()).sort(), ['kernel32.dll', 'msvcrt.dll']);
  assert.match(bytesOf('win32-x64').toString('latin1'), 'node.exe\0', 'which is asked for at the first call');
});

testUnless(noWindows, windows, 'win32-x64', 'exports what Node.js looks for, and nothing else', () => {
  const lines = objdump('-p', 'win32-x64');
  const exported = lines.slice(lines.findIndex((line) => line.startsWith('[Ordinal/Name Pointer] Table')) + 1);
  const names = exported.flatMap((line) => /^\s*\[\s*\d+\] .*?(\w+)$/.exec(line)?.slice(1) ?? []);
  assert.equal(names.sort(), ENTRIES);
});

const darwin = suiteOf('prebuilds: darwin');
for (const [target, processor] of Object.entries({ 'darwin-x64': 0x01000007, 'darwin-arm64': 0x0100000c })) {
  testUnless(whyNotMade(target), darwin, target, 'carries a signature, "ad hoc", of all that is before it', () => {
    const file = readMachO(bytesOf(target));
    assert.is(file.processor, processor);
    assert.is(file.directory.flags & 2, 2);
    assert.is(file.directory.limit, file.signatureAt);
    assert.ok(file.directory.hashes.length > 10);
    assert.equal(file.directory.hashes, file.directory.found);
  });

  testUnless(whyNotMade(target), darwin, target, 'with a changed byte is not what was signed', () => {
    const bytes = bytesOf(target);
    for (const at of [100, bytes.length >> 1, readMachO(bytes).signatureAt - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1;
      const { hashes, found } = readMachO(changed).directory;
      assert.is(hashes.filter((hash, i) => hash !== found[i]).length, 1, `byte ${at}`);
    }
  });

  testUnless(whyNotMade(target), darwin, target, 'without its signature is said to have none', () => {
    const bytes = bytesOf(target);
    const command = bytes.indexOf(Buffer.from([0x1d, 0, 0, 0, 0x10, 0, 0, 0]));
    bytes[command] = 0x26; // another command
    assert.throws(() => readMachO(bytes), 'Mach-O: there is no signature');
  });
}

/** Whether a symbol has a version that systems of 2018 do not know. */
function isTooNew(version: string): boolean {
  const [, minor] = /^GLIBC_2\.(\d+)/.exec(version) ?? [];
  return !(Number(minor) <= 28);
}

function objdump(option: string, target: string): string[] {
  const { status, stdout, stderr } = spawnSync('objdump', [option, pathOf(target)], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.split('\n');
}
