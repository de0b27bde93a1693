// Mean and deviation of every column of a CSV file that need not fit into memory, by four workers and by one process.
// Values are float32, which is what exact sums are of.
//   node standard-scaler.js              a million rows, exact sums: one digest
//   node standard-scaler.js 1000000 ordered    ordered sums: two, which differ in the last bits
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Moments } from 'batchnorm';

const COLUMNS = ['year', 'price', 'latitude', 'counter'];
const WORKERS = 4;
/** Rows that are added at once: enough that a call is nothing beside them. */
const ROWS_AT_ONCE = 4096;
const [rows = '1000000', ordered] = process.argv.slice(2);
const summation = ordered === 'ordered' ? 'ordered' : 'exact';

/** @typedef {{ file: string, start: number, end: number }} Part  bytes of a file */

if (!isMainThread) parentPort?.postMessage(await momentsOf(workerData));
else await main();

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'scaler-'));
  try {
    const file = join(folder, 'data.csv');
    await writeRows(file, Number(rows));
    const ends = [...cuts(file, WORKERS)];
    const [one] = await timed('one process', 1, async () => [
      await momentsOf({ file, start: 0, end: statSync(file).size }),
    ]);
    const parts = await timed('four workers', WORKERS, () =>
      Promise.all(ends.map((end, k) => byWorker({ file, start: ends[k - 1] ?? 0, end }))),
    );
    const merged = parts.map(Moments.fromJSON).reduce((all, part) => all.merge(part));
    for (const moments of [Moments.fromJSON(one), merged]) console.log(digest(moments), describe(moments));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {Part} part
 * @returns {Promise<unknown>}
 */
async function byWorker(part) {
  const worker = new Worker(new URL(import.meta.url), { workerData: part, argv: [rows, summation] });
  return (await once(worker, 'message'))[0];
}

/**
 * Of the rows between two places in the file, as JSON: what a worker can send, and a file can keep.
 *
 * @param {Part} part
 */
async function momentsOf({ file, start, end }) {
  const moments = new Moments(COLUMNS.length, { summation });
  const values = new Float32Array(ROWS_AT_ONCE * COLUMNS.length);
  let length = 0;
  const add = () => {
    moments.add(values.subarray(0, length), [length / COLUMNS.length, COLUMNS.length]);
    length = 0;
  };
  if (start === end) return moments.toJSON();
  for await (const line of createInterface({ input: createReadStream(file, { start, end: end - 1 }) })) {
    for (const field of line.split(',')) values[length++] = Number(field);
    if (length === values.length) add();
  }
  if (length > 0) add();
  return moments.toJSON();
}

/** Where each of so many parts ends: behind a line. */
function* cuts(file = '', parts = 1) {
  const { size } = statSync(file);
  const descriptor = openSync(file, 'r');
  const bytes = Buffer.alloc(1024);
  for (let part = 1; part < parts; part++) {
    const near = Math.floor((size * part) / parts);
    const read = readSync(descriptor, bytes, 0, bytes.length, near);
    yield near + bytes.subarray(0, read).indexOf('\n') + 1;
  }
  closeSync(descriptor);
  yield size;
}

/** The same rows each time. The counter is far from 0 for its deviation, where plain sums of squares lose digits. */
async function writeRows(file = '', count = 0) {
  const out = createWriteStream(file);
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  for (let row = 0; row < count; ) {
    let text = '';
    for (const end = Math.min(row + 10_000, count); row < end; row++) {
      const price = Math.exp(3 * uniform() + 2 * uniform());
      const fields = [1970 + 50 * uniform(), price, 90 * uniform(), 500_000 + uniform()];
      text += `${fields.map((field) => field.toFixed(2)).join()}\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/**
 * @template T
 * @param {string} name
 * @param {number} threads
 * @param {() => Promise<T>} run
 */
async function timed(name, threads, run) {
  const start = performance.now();
  const result = await run();
  const seconds = (performance.now() - start) / 1000;
  console.error(`${name}: ${seconds.toFixed(1)} s, ${threads} at once`);
  return result;
}

/** @param {Moments} moments */
function digest({ count, mean, variance }) {
  const hash = createHash('sha256');
  for (const values of [count, mean, variance]) hash.update(values);
  return hash.digest('hex').slice(0, 16);
}

/**
 * What a scaler subtracts and divides by.
 *
 * @param {Moments} moments
 */
function describe({ mean, variance }) {
  return COLUMNS.map((name, ch) => `${name} ${mean[ch].toFixed(3)}±${Math.sqrt(variance[ch]).toFixed(3)}`).join(', ');
}
