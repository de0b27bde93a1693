/** Files in the format safetensors on disk: read and written whole, or not at all. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSafetensors, readSafetensors, saveSafetensors, type Tensors } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { DATA, fixture, shown } from './support/safetensors.js';
import { suiteOf } from './support/suite.js';

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-safetensors-'));
const path = join(folder, 'model.safetensors');
const tensors: Tensors = { mean: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } };

const test = suiteOf('safetensors on disk');
test.before.each(() => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
});
test.after(() => rmSync(folder, { recursive: true }));

for (const name of readdirSync(DATA).filter(
  (file) => file.endsWith('.safetensors') && file !== 'unaligned.safetensors',
)) {
  test(`${name}: read from disk as from memory, and written as it was`, async () => {
    const bytes = readFileSync(join(DATA, name));
    const loaded = await loadSafetensors(join(DATA, name));
    assert.equal(shown(loaded), shown(readSafetensors(bytes)));
    await saveSafetensors(path, loaded.tensors, loaded.metadata);
    assert.equal(readFileSync(path), bytes);
    assert.equal(readdirSync(folder), ['model.safetensors']);
  });
}

test('a file is replaced, through a link what it leads to', async () => {
  writeFileSync(path, 'before');
  const link = join(folder, 'link');
  symlinkSync(path, link);
  await saveSafetensors(link, tensors);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal([...(await loadSafetensors(link)).tensors['mean'].data], [1, 2]);
  assert.equal(readdirSync(folder), ['link', 'model.safetensors']);
});

test('what cannot be written leaves what was there', async () => {
  writeFileSync(path, 'before');
  await rejects(
    saveSafetensors(path, { mean: { ...tensors['mean'], shape: [3] } } as Tensors),
    undefined,
    /"mean.data"/,
  );
  assert.is(readFileSync(path, 'utf8'), 'before');
  const taken = join(folder, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'file'), '');
  await rejects(saveSafetensors(taken, tensors), /^E/, /taken/);
  await rejects(saveSafetensors(join(folder, 'nowhere', 'file'), tensors), 'ENOENT', /nowhere/);
  assert.equal(readdirSync(folder), ['model.safetensors', 'taken']);
});

test('a folder that must not be written into', async () => {
  if (process.platform === 'win32' || process.getuid?.() === 0) {
    console.log('skipped: this user may write everywhere');
    return;
  }
  chmodSync(folder, 0o500);
  await rejects(saveSafetensors(path, tensors), 'EACCES', /model\.safetensors/);
  chmodSync(folder, 0o700);
});

test('a length that the file does not have is refused before it is read', async () => {
  writeFileSync(path, Buffer.from([1, 225, 245, 5, 0, 0, 0, 0]));
  // What is missing is not on the disk, and would be zeros in memory.
  truncateSync(path, 2 ** 40);
  await rejects(
    loadSafetensors(path),
    'ERR_BATCHNORM_FILE',
    /loadSafetensors: ".*": the header expected .* got 100000001/,
  );
  writeFileSync(path, fixture('layer').subarray(0, 300));
  await rejects(
    loadSafetensors(path),
    'ERR_BATCHNORM_FILE',
    /the header expected .* the 292 bytes that follow, got \d+/,
  );
  writeFileSync(path, fixture('layer').subarray(0, 440));
  await rejects(loadSafetensors(path), 'ERR_BATCHNORM_FILE', /expected 72 bytes of data after its header, got 64/);
  truncateSync(path, 2 ** 40);
  await rejects(
    loadSafetensors(path),
    'ERR_BATCHNORM_FILE',
    /expected 72 bytes of data after its header, got 1099511627400/,
  );
  writeFileSync(path, '');
  await rejects(loadSafetensors(path), 'ERR_BATCHNORM_FILE', /the file expected at least 8 bytes, got 0/);
});

test('what is no file', async () => {
  await rejects(loadSafetensors(folder), /ERR_BATCHNORM_FILE|EISDIR/, /./);
  await rejects(loadSafetensors(path), 'ENOENT', /model\.safetensors/);
  await rejects(loadSafetensors(''), undefined, /loadSafetensors: "path" expected a file's name, got ""/);
  await rejects(loadSafetensors(1 as never), undefined, /loadSafetensors: "path" expected a file's name, got 1/);
  if (process.platform === 'win32') return;
  assert.is(spawnSync('mkfifo', [path]).status, 0);
  await rejects(loadSafetensors(path), 'ERR_BATCHNORM_FILE', /the file expected to be a regular one/);
});

async function rejects(promise: Promise<unknown>, code: string | RegExp | undefined, message: RegExp): Promise<void> {
  const error: NodeJS.ErrnoException | undefined = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  assert.ok(error, 'nothing was refused');
  assert.match(error.message, message);
  if (code instanceof RegExp) assert.match(String(error.code), code);
  else assert.is(error.code, code);
}
