/**
 * How native kernels share out the shapes of the benchmark among up to 64 threads: counted, so that two cores are
 * enough.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

interface Row {
  readonly shape: string;
  readonly layout: string;
  readonly processor: string;
  readonly kernel: string;
  readonly offered: number;
  /** Of the tensor. */
  readonly values: number;
  readonly threads: number;
  readonly largest: number;
  readonly bytes: number;
  readonly barriers: number;
  readonly joined: number;
  /** Units that the order of summation allows. */
  readonly pieces: number;
}

/** Where a thread has more than 1.5 × its fair share, on every processor, and why nothing can be done about it. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'B nhwc gradientSums 64': 'numerics/1 has two groups of rows and 16 lines of channels: 32 units for 49 threads',
  'B nhwc backward 64': 'numerics/1 has two groups of rows and 16 lines of channels: 32 units for 64 threads',
};

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const compiler = spawnSync('g++', ['--version'], { encoding: 'utf8' });
if (process.platform !== 'linux' || compiler.status !== 0) {
  skipAloud('plans of 64 threads', 'they are counted by a C++ program, which needs Linux and g++');
} else {
  const test = suiteOf('plans of 2 to 64 threads');
  let rows: readonly Row[] = [];
  const nameOf = ({ shape, layout, kernel, offered }: Row) => `${shape} ${layout} ${kernel} ${offered}`;

  test('the kernels ask for the passes that are counted', () => {
    const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/plans.js', '--json'], options);
    assert.is(status, 0, stderr);
    rows = JSON.parse(stdout);
    assert.is(rows.length, 15 * 8 * 6 * 3, 'shapes and layouts, kernels, threads, processors');
  });

  test('no thread has more than 1.5 × its fair share', () => {
    const uneven = rows.filter(({ threads, largest, bytes }) => !((largest / bytes) * threads <= 1.5));
    assert.equal([...new Set(uneven.map(nameOf))].sort(), Object.keys(EXCEPTIONS).sort());
  });

  test('where one has more, there are not enough units of whole cache lines', () => {
    for (const row of rows.filter((row) => nameOf(row) in EXCEPTIONS)) {
      const best = Math.ceil(row.pieces / row.threads) / row.pieces;
      assert.ok(best * row.threads > 1.5, `${nameOf(row)}: ${row.pieces} pieces`);
    }
  });

  test('a thread takes part for each 256 KiB that a call touches, but with 4,096 values', () => {
    for (const { threads, offered, values, ...row } of rows) {
      assert.ok(threads <= offered);
      if (threads > 1) assert.ok(values / threads >= 4096, `${row.shape} ${row.layout} ${row.kernel}`);
      const least = Math.min(offered, Math.floor((values * 4) / 2 ** 18));
      assert.ok(threads >= least, `${row.shape} ${row.layout} ${row.kernel}: ${threads} threads of ${offered}`);
    }
  });

  test('at most two barriers a kernel, and at most 5 % of the bytes are joined', () => {
    for (const row of rows) {
      assert.ok(row.barriers <= 2, nameOf(row));
      assert.ok(row.joined / row.bytes <= 0.05, nameOf(row));
    }
  });
}
