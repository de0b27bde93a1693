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
  /** For what another thread takes part: the default, or so little that all that are offered do. */
  readonly worth: '256 KiB' | '4,096 values';
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

/** Where a thread has more than 1.5 × its fair share, and why nothing can be done about it. */
const TWO_GROUPS =
  'numerics/1 has two groups of rows, and there are 16 cache lines of channels: 32 units for 64 threads';
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'B nhwc statistics 64': TWO_GROUPS,
  'B nhwc forward 64': TWO_GROUPS,
  'B nhwc gradientSums 64': TWO_GROUPS,
  'B nhwc backward 64': TWO_GROUPS,
};

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const compiler = spawnSync('g++', ['--version'], { encoding: 'utf8' });
if (process.platform !== 'linux' || compiler.status !== 0) {
  skipAloud('plans of 64 threads', 'they are counted by a C++ program, which needs Linux and g++');
} else {
  const test = suiteOf('plans of 2 to 64 threads');
  let rows: readonly Row[] = [];
  const uneven = () =>
    rows.filter(({ values, threads, largest, bytes }) => {
      return values / threads >= 4096 && !((largest / bytes) * threads <= 1.5);
    });
  const nameOf = ({ shape, layout, kernel, offered }: Row) => `${shape} ${layout} ${kernel} ${offered}`;

  test('the kernels ask for the passes that are counted', () => {
    const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/plans.js', '--json'], options);
    assert.is(status, 0, stderr);
    rows = JSON.parse(stdout);
    assert.is(rows.length, 15 * 10 * 6 * 3 * 2, 'shapes and layouts, kernels, threads, processors, worth');
  });

  test('no thread has more than 1.5 × its fair share', () => {
    assert.equal([...new Set(uneven().map(nameOf))].sort(), Object.keys(EXCEPTIONS).sort());
  });

  test('where one has more, there are not enough units of whole cache lines', () => {
    for (const row of uneven()) {
      const best = Math.ceil(row.pieces / row.threads) / row.pieces;
      assert.ok(best * row.threads > 1.5, `${nameOf(row)}: ${row.pieces} pieces`);
    }
  });

  test('a thread takes part for each 256 KiB that a call touches, or for each 4,096 values', () => {
    for (const row of rows) {
      const { threads, offered, values, worth } = row;
      const least = Math.min(offered, Math.floor(worth === '256 KiB' ? (values * 4) / 2 ** 18 : values / 4096));
      assert.ok(least <= threads && threads <= offered, `${nameOf(row)}: ${threads} threads`);
      if (worth === '256 KiB' && threads > 1) assert.ok(values / threads >= 4096, nameOf(row));
    }
  });

  test('at most two barriers a kernel, three where a pass joins exact sums; 5 % of the bytes are joined', () => {
    for (const row of rows) {
      const joins = /^exact(Forward|Backward)$/.test(row.kernel) && row.joined > 0;
      assert.ok(row.barriers <= (joins ? 3 : 2), nameOf(row));
      assert.ok(row.joined / row.bytes <= 0.05, nameOf(row));
    }
  });
}
