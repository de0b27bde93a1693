/** Which addon file is used, and that one which computes wrong bits, or is damaged, is not. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { findFiles } from '#dist/backends/native/files.js';
import { Addons } from '#dist/backends/native/opened.js';
import { PROOF, proofOf } from '#dist/backends/native/proof.js';
import { missingIn } from '#dist/backends/native/table.js';
import { targetOfProcess } from '#dist/backends/native/target.js';
import { packageRoot } from '#dist/backends/package-root.js';
import { load as reference } from '#dist/backends/reference.js';
import { EXACT_KERNEL_NAMES, EXACT_TENSOR_NAMES, HALF_KERNEL_NAMES, KERNEL_NAMES } from '#dist/kernels.js';
import { underTest } from './support/backends.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';
import { buildWrongAddon } from './support/wrong-addon.js';

const VERSION = '1.2.3';
const TARGET = targetOfProcess();
const OWN = 'build/Release/batchnorm.node';
const PREBUILT = `prebuilds/${TARGET}.node`;

const proof = suiteOf('proof of an addon');

proof('is what the reference computes', () => {
  assert.is(proofOf(reference()), PROOF);
});

proof('is what WebAssembly computes', () => {
  const found = underTest('wasm');
  if (!Array.isArray(found)) return assert.unreachable(found.reason);
  for (const backend of found) assert.is(proofOf(backend.kernels()), PROOF);
});

proof('depends on every kernel', () => {
  const right = reference();
  for (const name of ['statistics', 'normalize', 'forward', 'gradientSums', 'gradientInput', 'backward'] as const) {
    assert.is.not(proofOf({ ...right, [name]: () => {} }), PROOF, name);
  }
});

const built = join(packageRoot()!, OWN);
if (existsSync(built)) {
  const home = mkdtempSync(join(tmpdir(), 'batchnorm-files-'));
  const test = suiteOf('addon files');
  test.after(() => rmSync(home, { recursive: true }));
  let packages = 0;

  /** A package of its own with copies of the addon that was built here. */
  function packageWith(...files: readonly string[]): string {
    const root = join(home, String(packages++));
    write(root, 'package.json', { version: VERSION });
    for (const file of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      cpSync(built, join(root, file));
    }
    return root;
  }

  function write(root: string, file: string, content: object): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), JSON.stringify(content));
  }

  function describe(root: string, file: string) {
    const bytes = readFileSync(join(root, file));
    return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  function writeManifest(root: string, version = VERSION, target = TARGET): void {
    const made = { file: `${TARGET}.node`, needs: 'a penguin', ...describe(root, PREBUILT) };
    write(root, 'prebuilds/manifest.json', { version, targets: { [target]: made } });
  }

  function writeStamp(root: string, version = VERSION): void {
    write(root, 'build/batchnorm.json', { version, date: '2026-01-02', sources: '', ...describe(root, OWN) });
  }

  function load(root: string) {
    const addons = new Addons(root);
    const { origin, refused } = addons.load(addons.isas()[0], { threads: 1 })!;
    return { origin, refused };
  }

  test('the prebuilt one of this system, by the manifest', () => {
    const root = packageWith(PREBUILT);
    writeManifest(root);
    assert.equal(load(root), { origin: `prebuilt ${TARGET}`, refused: undefined });
    assert.match(findFiles(root).reasons.join(), 'none was built here');
  });

  test('one that was built here comes first', () => {
    const root = packageWith(OWN, PREBUILT);
    writeManifest(root);
    assert.match(load(root).origin!, /^built here on \d{4}-\d\d-\d\d$/);
    writeStamp(root);
    assert.is(load(root).origin!, 'built here on 2026-01-02');
  });

  test('but not one of another version', () => {
    const root = packageWith(OWN, PREBUILT);
    writeManifest(root);
    writeStamp(root, '1.2.2');
    assert.is(load(root).origin!, `prebuilt ${TARGET}`);
    assert.match(findFiles(root).reasons.join(), 'what was built here is of version 1.2.2, and this is 1.2.3');
  });

  test('a truncated one is refused before it is opened, and the next is used', () => {
    const [root, both] = [packageWith(OWN, PREBUILT), packageWith(OWN, PREBUILT)];
    for (const each of [root, both]) {
      writeManifest(each);
      writeStamp(each);
      truncateSync(join(each, OWN), 100_000);
    }
    const { origin, refused } = load(root);
    assert.is(origin, `prebuilt ${TARGET}`);
    assert.match(refused!.join(), /^built here on 2026-01-02: it has 100000 bytes instead of \d+$/);
    truncateSync(join(both, PREBUILT), 50_000);
    assert.throws(
      () => load(both),
      /^native: no addon is used: built here .*; prebuilt .*: it has 50000 .* To build it: /,
    );
  });

  test('one for another processor is refused, with what it needs', () => {
    const root = packageWith(PREBUILT);
    const bytes = readFileSync(built);
    bytes[process.platform === 'linux' ? 18 : 4] ^= 0xff; // the architecture in an ELF header, or in that of Mach-O
    writeFileSync(join(root, PREBUILT), bytes);
    writeManifest(root);
    assert.throws(
      () => load(root),
      /^native: no addon is used: prebuilt .*: .* \(it needs a penguin\); none was built here\. /,
    );
  });

  test('those for other systems alone are none', () => {
    const root = packageWith(PREBUILT);
    writeManifest(root, VERSION, 'plan9-mips');
    assert.throws(() => load(root), `there is no prebuilt addon for ${TARGET}`);
  });

  test('without files it says so, and what a failed build said', () => {
    const root = packageWith();
    assert.throws(
      () => load(root),
      /no addon is used: none was built here; no prebuilt addons came with this package\. /,
    );
    mkdirSync(join(root, 'build'));
    writeFileSync(join(root, 'build/failure.txt'), 'Python 3 was not found\n');
    assert.throws(() => load(root), 'building it here failed: Python 3 was not found; no prebuilt');
  });

  test('a file that is in the list and nowhere else is said', () => {
    const root = packageWith(PREBUILT);
    writeManifest(root);
    rmSync(join(root, PREBUILT));
    assert.throws(() => load(root), `none was built here; ${PREBUILT}, which came with this package, is missing. `);
  });

  test('damaged lists are said, and do not hide what is right', () => {
    const root = packageWith(OWN, PREBUILT);
    mkdirSync(join(root, 'prebuilds'), { recursive: true });
    writeFileSync(join(root, 'prebuilds/manifest.json'), '{');
    assert.match(load(root).origin!, /^built here/);
    assert.match(findFiles(root).reasons.join(), 'prebuilds/manifest.json is damaged (');
  });

  test('prebuilt ones of another version are not used', () => {
    const root = packageWith(PREBUILT);
    writeManifest(root, '1.2.4');
    assert.throws(() => load(root), 'the prebuilt addons are of version 1.2.4, and this is 1.2.3');
  });

  for (const flags of [['-Ofast'], ['-O2', '-mfma', '-ffp-contract=fast'], ['-O2', '-ffinite-math-only']]) {
    const name = flags.join(' ');
    const wrong = buildWrongAddon(join(home, flags.at(-1)!), flags);
    if ('reason' in wrong) {
      skipAloud(`an addon built with ${name}`, wrong.reason);
      continue;
    }
    test(`one that was built with ${name} is refused, and the next is used`, () => {
      const root = packageWith(OWN, PREBUILT);
      writeManifest(root);
      cpSync(wrong.file, join(root, OWN));
      writeStamp(root);
      const addons = new Addons(root);
      const kernels = addons.load('baseline', { threads: 1 })!;
      assert.is(kernels.origin, `prebuilt ${TARGET}`);
      assert.match(
        kernels.refused!.join(),
        'built here on 2026-01-02: it computes other bits than it should with baseline',
      );
      assert.is(proofOf(kernels), PROOF);
    });
  }
} else {
  skipAloud('addon files', 'no addon was built here');
}

const test = suiteOf('addon files: another version');

test('an addon of another version is told by the kernels that it lacks', () => {
  const ofHalves = [...KERNEL_NAMES, ...EXACT_TENSOR_NAMES, ...HALF_KERNEL_NAMES];
  const later = [...EXACT_KERNEL_NAMES, ...['_f16', '_bf16'].flatMap((end) => ofHalves.map((name) => name + end))];
  const table: Record<string, unknown> = Object.fromEntries(KERNEL_NAMES.map((name) => [name, () => {}]));
  assert.equal(missingIn(table), later);
  for (const name of later) table[name] = () => {};
  assert.equal(missingIn(table), []);
  assert.equal(missingIn({ ...table, rowSums: 1 }), ['rowSums']);
});
