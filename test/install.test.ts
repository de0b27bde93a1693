/** The package as it is published: what is in it, and that it installs and runs whatever the machine lacks. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import * as assert from 'uvu/assert';
import { isRequired, underTest } from './support/backends.js';
import {
  compileConsumers,
  type InstallOptions,
  install,
  npm,
  pack,
  type Report,
  ROOT,
  report,
} from './support/install.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const home = mkdtempSync(join(tmpdir(), 'batchnorm-install-'));
/** Made when the first test asks for it, so that a failure is that of a test. */
const once = <T>(make: () => T) => {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
};
const tarballs = once(() => pack(home));
/** As it was packed: no script has run there. */
const bare = once(() => install(join(home, 'bare'), tarballs(), { ignoreScripts: true }));
const compiled = once(() => compileConsumers(bare()));
/** What this very build computes; the folder is inside the package, where 'batchnorm' means it. */
const current = once(() => report(join(ROOT, 'dist-test'), compiled(), 'esm.mjs'));

const test = suiteOf('install');
test.after(() => rmSync(home, { recursive: true }));

test('the tarball is small', () => {
  const [tarball] = tarballs();
  assert.ok(statSync(tarball).size < 400_000, `${statSync(tarball).size} bytes`);
});

test('the tarball has what is used, and nothing else', () => {
  const files = packedFiles();
  assert.equal([...new Set(files.map((file) => file.split('/')[0]))].sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bench',
    'binding.gyp',
    'data',
    'dist',
    'dist-bench',
    'native',
    'package.json',
    'scripts',
  ]);
  assert.equal(
    files.filter((file) => file.startsWith('scripts/')),
    ['scripts/build-mpi.js', 'scripts/install.js', 'scripts/mpi-flags.js'],
  );
  // The benchmark is a part of the command line.
  const meant = /^(dist\/cli|dist-bench|bench\/native)\//;
  const strangers = /driver|test|bench|\.map$|\.o$|\.node$|tsconfig|(?<!\.d)\.[cm]?ts$/;
  assert.equal(
    files.filter((file) => strangers.test(file) && !meant.test(file)),
    [],
  );
});

test('no file names a folder of the machine where it was packed', () => {
  const folders = [homedir(), ROOT].map((folder) => folder.replace(/[\\/]*$/, sep)).filter((folder) => folder !== sep);
  const naming = packedFiles().filter((file) => {
    const text = readFileSync(join(packageIn(bare()), file), 'latin1');
    return folders.some((folder) => text.includes(folder));
  });
  assert.equal(naming, []);
});

test('the typings compile for ES modules, CommonJS and TensorFlow.js', () => {
  assert.equal(readdirSync(compiled()).sort(), ['cjs.cjs', 'esm.mjs', 'probe.cjs']);
});

test('the command is there', () => {
  assert.match(npm(bare(), ['exec', '--offline', '--', 'batchnorm', '--help']), /Usage: batchnorm/);
});

test('the doctor runs, and training says what it needs', () => {
  assert.match(npm(bare(), ['exec', '--offline', '--', 'batchnorm', 'doctor']), /✓ wasm\/simd128/);
  assert.throws(
    () => npm(bare(), ['exec', '--offline', '--', 'batchnorm', 'train']),
    /exit code 1\n.*npm install .*@observablehq\/plot linkedom/s,
  );
});

test('with --ignore-scripts: wasm, and the command that it advises runs the script', () => {
  const advice = expectWasm(bare(), /the install script of batchnorm did not run/);
  npm(bare(), advice.split(' ').slice(1), { BATCHNORM_SKIP_NATIVE: '1' });
  expectWasm(bare(), /BATCHNORM_SKIP_NATIVE was set/);
});

test('with BATCHNORM_SKIP_NATIVE=1: wasm', () => {
  expectWasm(installed('skipped', { env: { BATCHNORM_SKIP_NATIVE: '1' } }), /BATCHNORM_SKIP_NATIVE was set\. /);
});

const native = underTest('native');
if (Array.isArray(native) || isRequired('native')) {
  test('with scripts: native', () => {
    const { backend, reason } = expectCurrentBits(installed('built'));
    assert.equal({ backend, reason }, { backend: 'native', reason: null });
  });
} else {
  skipAloud('install with scripts', native.reason);
}

if (Array.isArray(native) && process.platform !== 'win32') {
  test('with a compiler that fails: wasm', () => {
    expectWasm(installed('failed', { env: { CC: 'false', CXX: 'false' } }), /a command of make failed: .*Error 1\. /);
  });

  test('with a compiler that is not there: wasm', () => {
    expectWasm(installed('missing', { env: { CC: 'no-cc', CXX: 'no-cc' } }), /not built: no-cc was not found\. /);
  });
} else {
  skipAloud('install with a compiler that fails', 'nothing else may be missing, and the compiler be set by CXX');
}

function installed(folder: string, options: InstallOptions = {}): string {
  return install(join(home, folder), tarballs(), options);
}

/** The advice on how to build, a command. */
function expectWasm(folder: string, why: RegExp): string {
  const { backend, reason } = expectCurrentBits(folder);
  assert.is(backend, 'wasm');
  assert.match(reason ?? '', why);
  const [, command, needs] = /To build it: (npm rebuild batchnorm .*?) \(.*\); (.*)$/.exec(reason ?? '') ?? [];
  assert.is(needs, 'it needs Python 3, make and a C++17 compiler.');
  return command;
}

/** In both module systems, of which CommonJS cannot load ES modules before Node.js 20.19. */
function expectCurrentBits(folder: string): Report {
  const found = report(folder, compiled(), 'esm.mjs');
  assert.is(found.bits, current().bits);
  if ('require_module' in process.features) assert.equal(report(folder, compiled(), 'cjs.cjs'), found);
  return found;
}

function packageIn(folder: string): string {
  return join(folder, 'node_modules', 'batchnorm');
}

function packedFiles(): string[] {
  const root = packageIn(bare());
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(join(root, name)).isFile()).map((name) => name.replaceAll(sep, '/'));
}
