/** The package as it is published: what is in it, and that it installs and runs whatever the machine lacks. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, posix, sep } from 'node:path';
import * as assert from 'uvu/assert';
import { targetOfProcess } from '#dist/backends/native/target.js';
import { isRequired, underTest } from './support/backends.js';
import { compileConsumers, install, npm, pack, type Report, ROOT, report } from './support/install.js';
import { skipAloud } from './support/runner.js';
import { LIMIT, withAllAddons } from './support/sizes.js';
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
const tarball = once(() => pack(home));
/** As it was packed. */
const bare = once(() => install(join(home, 'bare'), tarball()));
const compiled = once(() => compileConsumers(bare()));
/** What this very build computes; the folder is inside the package, where 'batchnorm' means it. */
const current = once(() => report(join(ROOT, 'dist-test'), compiled(), 'esm.mjs'));

const test = suiteOf('install');
test.after(() => rmSync(home, { recursive: true }));

test('the tarball is small, also with the addons that are not in it', () => {
  const files = packedFiles();
  const bytesOf = (names: readonly string[]) =>
    names.reduce((sum, file) => sum + statSync(join(packageIn(bare()), file)).size, 0);
  const addons = bytesOf(files.filter((file) => file.endsWith('.node')));
  const { packed, unpacked } = withAllAddons({ packed: statSync(tarball()).size, unpacked: bytesOf(files) }, addons);
  assert.ok(packed <= LIMIT.packed, `${packed} bytes`);
  assert.ok(unpacked <= LIMIT.unpacked, `${unpacked} bytes unpacked`);
});

test('the tarball has what is used, and nothing else', () => {
  const files = packedFiles();
  assert.equal([...new Set(files.map((file) => file.split('/')[0]))].sort(), [
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'bench',
    'data',
    'demo',
    'dist',
    'dist-bench',
    'dist-demo',
    'docs',
    'examples',
    'native',
    'package.json',
    'prebuilds',
  ]);
  // The benchmark is a part of the command line, and some examples are TypeScript.
  const meant = /^(dist\/cli|dist-bench|bench\/native|prebuilds|examples)\//;
  const strangers = /driver|test|bench|\.map$|\.o$|\.node$|tsconfig|(?<!\.d)\.[cm]?ts$/;
  assert.equal(
    files.filter((file) => strangers.test(file) && !meant.test(file)),
    [],
  );
});

test('its documents are there, and none links to what is not', () => {
  const files = new Set(packedFiles());
  const documents = [...files].filter((file) => file.endsWith('.md') && !file.startsWith('dist/'));
  assert.ok(documents.includes('README.md') && documents.includes('docs/numerics.md'), documents.join());
  const missing = documents.flatMap((file) => {
    const text = readFileSync(join(packageIn(bare()), file), 'utf8').replace(/```.*?```/gs, '');
    const targets = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, target = '']) => target);
    const inside = targets.filter((target) => !/^[a-z]+:/.test(target));
    return inside
      .filter((target) => !files.has(posix.join(posix.dirname(file), target)))
      .map((to) => `${file} → ${to}`);
  });
  assert.equal(missing, []);
});

test('a program of the examples runs where it is installed', () => {
  const file = join(home, 'in.csv');
  writeFileSync(file, 'value\n1\n3\n');
  const program = join(packageIn(bare()), 'examples', 'csv.js');
  assert.is(execFileSync(process.execPath, [program, file], { encoding: 'utf8' }), 'value\n-1\n1\n');
});

test('nothing runs when it is installed', () => {
  const { scripts, gypfile } = JSON.parse(readFileSync(join(packageIn(bare()), 'package.json'), 'utf8'));
  assert.equal([scripts.preinstall, scripts.install, scripts.postinstall], [undefined, undefined, undefined]);
  assert.is(gypfile, false);
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
    /exit code 1\n.*train needs packages that are not installed; with --yes it installs \d+ packages/s,
  );
});

const TARGET = targetOfProcess();
const native = underTest('native');
if (Array.isArray(native) || isRequired('native')) {
  test('native, by the addon that came with the package', () => {
    const { backend, origin, reason } = expectCurrentBits(bare());
    assert.equal({ backend, origin, reason }, { backend: 'native', origin: `prebuilt ${TARGET}`, reason: null });
  });

  test('with --no-addons: wasm, and the advice helps', () => {
    const { backend, reason } = expectCurrentBits(bare(), '--no-addons');
    assert.is(backend, 'wasm');
    assert.match(reason ?? '', /is disabled.* Start Node\.js without --no-addons\.$/);
  });

  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  test("under Node's permission model: wasm, and the advice helps", () => {
    const flags = [permission, '--allow-fs-read=*'];
    const { backend, reason } = expectCurrentBits(bare(), ...flags);
    assert.is(backend, 'wasm');
    const [, advice = ''] = / Start Node\.js with (\S+)\.$/.exec(reason ?? '') ?? [];
    assert.is(expectCurrentBits(bare(), ...flags, advice).backend, 'native', reason ?? '');
  });

  test('without an addon of this system: wasm, and the command that is advised builds one', () => {
    const folder = installed('advised');
    rmSync(join(packageIn(folder), 'prebuilds'), { recursive: true });
    const { backend, reason } = expectCurrentBits(folder);
    assert.is(backend, 'wasm');
    const [, command = ''] =
      /none was built here; .* To build it: npx (.*?); it needs Python 3,? /.exec(reason ?? '') ?? [];
    assert.match(npm(folder, ['exec', '--offline', '--', ...command.split(' ')]), 'built build/Release/batchnorm.node');
    const found = expectCurrentBits(folder);
    assert.is(found.backend, 'native');
    assert.match(found.origin ?? '', /^built here on /);
    assert.equal(filesOf(join(packageIn(folder), 'build')), ['Release/batchnorm.node', 'batchnorm.json']);
  });

  test('the doctor sees a file that was changed', () => {
    const folder = installed('changed');
    const doctor = () => npm(folder, ['exec', '--offline', '--', 'batchnorm', 'doctor']);
    assert.match(doctor(), `✓ prebuilt ${TARGET}: `);
    const file = join(packageIn(folder), 'prebuilds', `${TARGET}.node`);
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1; // of the last section's header, which nobody reads
    writeFileSync(file, bytes);
    assert.throws(doctor, /exit code 1\n.*✗ prebuilt .*is not what it was when it was made: its SHA-256 is/s);
  });
} else {
  skipAloud('native after an install', native.reason);
}

function installed(folder: string): string {
  return install(join(home, folder), tarball());
}

/** In both module systems. */
function expectCurrentBits(folder: string, ...flags: readonly string[]): Report {
  const found = report(folder, compiled(), 'esm.mjs', ...flags);
  assert.is(found.bits, current().bits);
  assert.equal(report(folder, compiled(), 'cjs.cjs', ...flags), found);
  return found;
}

function packageIn(folder: string): string {
  return join(folder, 'node_modules', 'batchnorm');
}

function packedFiles(): string[] {
  return filesOf(packageIn(bare()));
}

function filesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return files.map((name) => name.replaceAll(sep, '/')).sort();
}
