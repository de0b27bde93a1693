/** What the command line reads: IDX files, good and bad, and the embedded digits. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, inputs, minibatches } from '#demo/data/dataset.js';
import { loadDigits } from '#demo/data/digits.js';
import { loadIdx } from '#demo/data/idx.js';
import { Failure } from '#demo/kit/failure.js';
import { measuringSteps, tableSteps, typicalUnit } from '#demo/runs/measurements.js';
import { accuracyOf, percentilesOf, saturatedShare } from '#demo/train/measure.js';
import { idxImages, idxLabels } from './idx-files.js';

const idx = suite('IDX files');
const home = mkdtempSync(join(tmpdir(), 'batchnorm-idx-'));
idx.after(() => rmSync(home, { recursive: true }));

const IMAGES = 't10k-images-idx3-ubyte';
const LABELS = 't10k-labels-idx1-ubyte';
let folders = 0;

/** A new folder with these files. */
function folder(files: Record<string, Buffer>): string {
  const path = join(home, String(folders++));
  mkdirSync(path);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(path, name), bytes);
  return path;
}

idx('plain and compressed files read alike, whatever their name says', () => {
  const [images, labels] = [idxImages(10, 2, 3), idxLabels(10)];
  const plain = loadIdx(folder({ [IMAGES]: images, [LABELS]: labels }));
  const zipped = loadIdx(folder({ [`${IMAGES}.gz`]: gzipSync(images), [`${LABELS}.gz`]: gzipSync(labels) }));
  const misnamed = loadIdx(folder({ [IMAGES]: gzipSync(images), [`${LABELS}.gz`]: labels }));
  const parts = ({ train, test }: Dataset) => ({ train, test });
  assert.equal(parts(zipped), parts(plain));
  assert.equal(parts(misnamed), parts(plain));
});

idx('one pair is divided: every image once, with its label, a fifth held out', () => {
  const { train, test, name } = loadIdx(folder({ [IMAGES]: idxImages(10, 2, 3), [LABELS]: idxLabels(10) }));
  assert.match(name, 't10k');
  assert.equal([train.count, test.count, train.rows, train.columns], [8, 2, 2, 3]);
  const all = [train, test].flatMap(({ count, pixels, labels }) =>
    Array.from({ length: count }, (_, i) => [...pixels.subarray(6 * i, 6 * i + 6), labels[i]]),
  );
  all.sort((a, b) => a[0] - b[0]);
  const expected = Array.from({ length: 10 }, (_, i) => [...Array.from({ length: 6 }, (_, j) => 6 * i + j), i]);
  assert.equal(all, expected);
});

idx('two pairs stay what they are', () => {
  const files = {
    'train-images-idx3-ubyte': idxImages(6, 2, 2),
    'train-labels-idx1-ubyte': idxLabels(6),
    [IMAGES]: idxImages(4, 2, 2),
    [LABELS]: idxLabels(4),
  };
  const { train, test } = loadIdx(folder(files));
  assert.equal([train.count, test.count], [6, 4]);
  assert.equal([...test.labels], [0, 1, 2, 3]);
  assert.throws(
    () => loadIdx(folder({ ...files, [IMAGES]: idxImages(4, 3, 2) })),
    /images of one size, found 2×2.*3×2/,
  );
});

const images = idxImages(10, 2, 3);
const labels = idxLabels(10);
const zipped = gzipSync(images);
const damaged = Buffer.from(zipped);
damaged.fill(0xff, 12, 30);
const BAD: [string, Record<string, Buffer>, RegExp][] = [
  ['no files', {}, /expected train-images-idx3-ubyte or t10k-images-idx3-ubyte/],
  ['images without labels', { [IMAGES]: images }, /t10k-labels-idx1-ubyte: not found/],
  ['labels without images', { [LABELS]: labels }, /t10k-images-idx3-ubyte: not found/],
  [
    'truncated',
    { [IMAGES]: images.subarray(0, -1), [LABELS]: labels },
    /images.*truncated: expected 76 bytes.*found 75/,
  ],
  ['too long', { [IMAGES]: images, [LABELS]: Buffer.concat([labels, labels]) }, /labels.*longer than its header says/],
  ['a header alone', { [IMAGES]: images.subarray(0, 9), [LABELS]: labels }, /header of 16 bytes, found 9/],
  ['an empty file', { [IMAGES]: Buffer.alloc(0), [LABELS]: labels }, /images.*begins with 0x00000803, found 0 bytes/],
  ['labels for images', { [IMAGES]: labels, [LABELS]: labels }, /begins with 0x00000803, found 0x00000801/],
  ['foreign', { [IMAGES]: images, [LABELS]: Buffer.from('PK-something') }, /labels.*0x00000801, found 0x504b2d73/],
  ['wrong counts', { [IMAGES]: images, [LABELS]: idxLabels(9) }, /expected 10 labels, one for each image.*found 9/],
  ['foreign labels', { [IMAGES]: images, [LABELS]: idxLabels(10, 37) }, /labels from 0 to 9, found 37/],
  ['no images', { [IMAGES]: idxImages(0, 2, 3), [LABELS]: idxLabels(0) }, /expected images, found 0/],
  [
    'truncated gzip',
    { [IMAGES]: zipped.subarray(0, -9), [LABELS]: labels },
    /images.*truncated: its gzip data end early/,
  ],
  ['damaged gzip', { [IMAGES]: damaged, [LABELS]: labels }, /images.*damaged gzip data/],
];
for (const [what, files, message] of BAD) {
  idx(`refuses ${what}`, () => {
    const path = folder(files);
    try {
      loadIdx(path);
    } catch (error) {
      assert.instance(error, Failure);
      assert.match((error as Failure).message, message);
      assert.ok((error as Failure).message.startsWith(path), 'the message names the file');
      return;
    }
    assert.unreachable('it was read');
  });
}

/** A header that promises so much, and what there is of it. */
function promising(sizes: number[], there = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head.writeUInt32BE(0x800 | sizes.length, 0);
  sizes.forEach((size, i) => {
    head.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([head, there]);
}

/** Before the compressed data, a name of so many letters: they begin late. */
function named(zipped: Buffer, letters: number): Buffer {
  const head = Buffer.from(zipped.subarray(0, 10));
  head[3] |= 8;
  return Buffer.concat([head, Buffer.alloc(letters, 'n'), Buffer.of(0), zipped.subarray(10)]);
}

const MOST = 2 ** 32 - 1;
const bomb = gzipSync(Buffer.alloc(2 ** 26), { level: 9 });
const PROMISES: [string, Record<string, Buffer>, RegExp][] = [
  ['a bomb of zeros', { [`${IMAGES}.gz`]: bomb, [LABELS]: labels }, /begins with 0x00000803, found 0x00000000/],
  [
    'a bomb behind a good header',
    { [`${IMAGES}.gz`]: gzipSync(promising([10, 2, 3], Buffer.alloc(2 ** 26))), [LABELS]: labels },
    /longer than its header says: expected 76 bytes for 10×2×3 images, found more/,
  ],
  [
    'a small file that promises all there is',
    { [IMAGES]: promising([MOST, 512, 512]), [LABELS]: labels },
    /is truncated: expected 1125899906580.*found 16/,
  ],
  [
    'compressed data that promise more than memory',
    { [`${IMAGES}.gz`]: gzipSync(promising([MOST, 512, 512])), [LABELS]: labels },
    /expected 1125899906580.* where 1073741824 are the most that are read/,
  ],
  [
    'compressed data that promise more than can be in them',
    {
      [`${IMAGES}.gz`]: gzipSync(promising([1000, 500, 500])),
      [LABELS]: gzipSync(promising([1000], Buffer.alloc(1000))),
    },
    /images.*gzip data end early/,
  ],
  [
    'images too large to learn from',
    { [IMAGES]: promising([1, 2 ** 10, 2 ** 10], Buffer.alloc(2 ** 20)), [LABELS]: promising([1], Buffer.alloc(1)) },
    /images of at most 262144 pixels, found 1024×1024/,
  ],
  [
    'labels of another number, before images are read',
    { [IMAGES]: promising([10, 2, 3], Buffer.alloc(60)), [LABELS]: promising([MOST]) },
    /labels.*is truncated: expected 4294967303 bytes for 4294967295 labels, found 8/,
  ],
  [
    'compressed data that begin nowhere',
    { [`${IMAGES}.gz`]: named(zipped, 2 ** 18), [LABELS]: labels },
    /damaged gzip data \(nothing comes of its first 131072 bytes\)/,
  ],
];
for (const [what, files, message] of PROMISES) {
  idx(`refuses ${what}, at once and in little memory`, () => {
    const path = folder(files);
    const { error, grown } = inChild(path);
    assert.match(error, message);
    assert.ok(error.includes(path), 'the message names the file');
    assert.ok(grown < 40e6, `${grown} bytes more than before`);
  });
}

idx('compressed data may begin late', () => {
  const late = { [IMAGES]: named(zipped, 20_000), [LABELS]: gzipSync(labels) };
  assert.is(loadIdx(folder(late)).train.count, 8);
});

/** Makes what is no regular file; null where this machine can't. */
const OTHERS: [string, RegExp, (path: string) => unknown][] = [
  ['a FIFO', /expected a regular file, found a FIFO/, (path) => spawnSync('mkfifo', [path]).status === 0 || null],
  ['a link to a device', /expected a regular file, found a device/, (path) => symlinkSync('/dev/zero', path)],
  ['a folder', /expected a regular file, found a folder/, (path) => mkdirSync(path)],
  ['a socket', /expected a regular file, found a socket/, (path) => createServer().listen(path).unref()],
];
for (const [what, message, make] of process.platform === 'win32' ? [] : OTHERS) {
  for (const name of [IMAGES, LABELS]) {
    idx(`refuses ${what} for ${name}, at once`, async () => {
      const files: Record<string, Buffer> = { [IMAGES]: images, [LABELS]: labels };
      delete files[name];
      const path = folder(files);
      assert.is.not(make(join(path, name)), null, `${what} can be made`);
      await new Promise((resolve) => setImmediate(resolve));
      assert.match(inChild(path).error, message);
    });
  }
}

idx('a file that is longer than memory is refused by its size', () => {
  const path = folder({ [IMAGES]: images, [LABELS]: labels });
  truncateSync(join(path, IMAGES), 2 ** 40);
  assert.match(inChild(path).error, /images.*longer than its header says: expected 76 bytes.*found 1099511627776/);
});

idx('refuses what is no folder', () => {
  assert.throws(() => loadIdx(join(home, 'missing')), /missing: expected a folder with IDX files/);
});

idx.run();

/** What loading a folder says, in a process that is given ten seconds, and how much memory that took. */
function inChild(path: string): { error: string; grown: number } {
  const module = new URL('../dist-demo/data/idx.js', import.meta.url).href;
  const script = `const { loadIdx } = await import(${JSON.stringify(module)});
const before = process.resourceUsage().maxRSS;
let error = 'it was read';
try { loadIdx(${JSON.stringify(path)}); } catch ({ name, message }) { error = name + ': ' + message; }
console.log(JSON.stringify({ error, grown: 1024 * (process.resourceUsage().maxRSS - before) }));`;
  const options = { encoding: 'utf8', timeout: 10_000 } as const;
  const { stdout, status, signal, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    options,
  );
  assert.is(status, 0, `${signal ?? ''} ${stderr}`);
  const found = JSON.parse(stdout);
  assert.match(found.error, /^Failure: /);
  return found;
}

const digits = suite('digits and measuring');

digits('the embedded digits are whole', () => {
  const { train, test, attribution } = loadDigits();
  assert.is(train.count + test.count, 1797);
  assert.is(test.count, 359);
  assert.match(attribution, 'Alpaydin');
  const perClass = new Array(10).fill(0);
  for (const { labels } of [train, test]) for (const label of labels) perClass[label]++;
  assert.equal(perClass, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
  const values = inputs(train);
  assert.is(values.length, train.count * 64);
  assert.is(Math.min(...values.subarray(0, 6400)), 0);
  assert.is(Math.max(...values.subarray(0, 6400)), 1);
});

digits('a foreign file of digits is refused by line', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'batchnorm-digits-')), 'digits.csv');
  const row = [...new Array(64).fill(16), 3].join(',');
  writeFileSync(path, `${row}\n${row.replace('16', '17')}\n`);
  assert.throws(() => loadDigits(path), /digits\.csv: line 2: expected 64 pixels from 0 to 16/);
});

digits('minibatches show every image once, then again in another order; seeds tell', () => {
  const { test } = loadDigits();
  const twelve = {
    ...test,
    count: 12,
    pixels: test.pixels.subarray(0, 12 * 64),
    labels: Uint8Array.from({ length: 12 }, (_, i) => i),
  };
  const draw = (seed: number) => {
    const batches = minibatches(twelve, 4, seed);
    return Array.from({ length: 6 }, () => [...batches.next().value.labels]).flat();
  };
  const order = draw(1);
  const sorted = (numbers: number[]) => [...numbers].sort((a, b) => a - b);
  assert.equal(sorted(order.slice(0, 12)), [...twelve.labels]);
  assert.equal(sorted(order.slice(12)), [...twelve.labels]);
  assert.not.equal(order.slice(0, 12), order.slice(12));
  assert.equal(draw(1), order);
  assert.not.equal(draw(2), order);
});

digits('percentiles are linear between ranks, column by column', () => {
  const matrix = Float32Array.from([40, 0, 0, 0, 20, 0, 10, 1, 30, 0]);
  const rounded = percentilesOf(matrix, 2).map((column) => column.map((value) => Number(value!.toFixed(6))));
  assert.equal(rounded, [
    [6, 20, 34],
    [0, 0, 0.4],
  ]);
});

digits('steps of measuring hold those of the table, the first and the last', () => {
  for (const steps of [1, 2, 7, 20, 61, 3000, 50_000]) {
    const measured = measuringSteps(steps);
    assert.is(measured[0], 1);
    assert.is(measured.at(-1), steps);
    assert.ok(tableSteps(steps).every((step) => measured.includes(step)));
    assert.ok(measured.every((step, i) => Number.isInteger(step) && (i === 0 || step > measured[i - 1])));
  }
});

digits('accuracy counts, and the typical unit travels neither most nor least', () => {
  assert.is(accuracyOf([1, 2, 3, 4], Uint8Array.from([1, 2, 0, 0])), 0.5);
  const run = (ends: number[]) => [0, 1].map((time) => ({ units: ends.map((end) => [0, end * time, 0]) }));
  assert.is(typicalUnit([run([0, 9, 5, -6, 8])]), 3);
  assert.is(typicalUnit([run([0, 9, 5, -6, 8]), run([1, 2, 3, 50, 4])]), 2);
});

digits('a sigmoid is saturated below 5 % and above 95 %', () => {
  assert.is(saturatedShare(Float32Array.of(0, 2.9, 3, -2.9, -3, 100, Infinity, 1)), 0.5);
  assert.is(saturatedShare(Float32Array.of(2.944, -2.944)), 0);
});

digits.run();
