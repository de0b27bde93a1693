/**
 * How the native kernels share out the shapes of the benchmark among 2 to 64 threads, on processors that are not here:
 * counted by native/driver/plans.cc, not timed. Prints the table of docs/threads.md, or with --json every count.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layoutsOf, SHAPES, viewOf } from '../dist-bench/shapes.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const THREADS = [2, 4, 8, 16, 32, 64];
/** Bytes of the second and of the last cache. */
const PROCESSORS = {
  'Zen 5, 1 MiB and 32 MiB': [2 ** 20, 2 ** 25],
  'Xeon, 2 MiB and 300 MiB': [2 ** 21, 300 * 2 ** 20],
  'Skylake, 256 KiB and 8 MiB': [2 ** 18, 2 ** 23],
};
/** Bytes for which another thread takes part: the default, and 4,096 values, so that all that are offered do. */
const WORTHS = { '256 KiB': 0, '4,096 values': 2 ** 14 };
const COUNTS = ['threads', 'units', 'largest', 'bytes', 'barriers', 'joined', 'pieces'];

const cases = Object.keys(SHAPES).flatMap((shape) =>
  layoutsOf(shape).flatMap((layout) =>
    Object.entries(PROCESSORS).flatMap(([processor, caches]) =>
      Object.keys(WORTHS).flatMap((worth) =>
        THREADS.map((offered) => ({ shape, layout, processor, caches, worth, offered, view: viewOf(shape, layout) })),
      ),
    ),
  ),
);
const counted = rows(
  count(cases.map(({ offered, worth, caches, view: { n, c, s } }) => [offered, WORTHS[worth], ...caches, n, c, s])),
);
console.log(process.argv.includes('--json') ? JSON.stringify(counted) : table(counted));

/** The output of the driver, which is compiled for it. */
function count(input) {
  const folder = mkdtempSync(join(tmpdir(), 'batchnorm-plans-'));
  try {
    const isa = readFileSync(join(root, 'native/kernels/isa.gypi'), 'utf8');
    const kernels = [.../'sources': \[([^\]]*)\]/.exec(isa)[1].matchAll(/'([^']+)'/g)].map(
      ([, name]) => `native/kernels/${name}`,
    );
    const program = join(folder, 'plans');
    const flags = ['-std=c++17', '-O0', '-ffp-contract=off', '-DBN_ISA=baseline'];
    execFileSync('g++', [...flags, ...kernels, 'native/driver/plans.cc', '-o', program], { cwd: root });
    return execFileSync(program, { input: input.map((line) => line.join(' ')).join('\n'), encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each line of output with its case: a case has as many lines as there are kernels. */
function rows(output) {
  const lines = output.trim().split('\n');
  const each = lines.length / cases.length;
  return lines.map((line, i) => {
    const [kernel, ...numbers] = line.split(' ');
    const { shape, layout, processor, worth, offered, view } = cases[Math.floor(i / each)];
    const counts = Object.fromEntries(COUNTS.map((name, j) => [name, Number(numbers[j])]));
    const values = view.n * view.c * view.s;
    return { shape, layout, processor, worth, offered, kernel, values, ...counts };
  });
}

/** A line for each shape, layout and kernel, with the worst of the processors. */
function table(all) {
  const groups = new Map();
  for (const row of all.filter(({ worth }) => worth === '256 KiB')) {
    const name = `${row.shape} ${row.layout} | ${row.kernel}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const lines = [...groups].map(([name, group]) => {
    const cells = THREADS.map((offered) => cell(group.filter((row) => row.offered === offered)));
    const barriers = Math.max(...group.map((row) => row.barriers));
    const joined = Math.max(...group.map((row) => row.joined / row.bytes)) * 100;
    return `| ${[name, ...cells, barriers, joined === 0 ? '0' : `${joined.toPrecision(2)} %`].join(' | ')} |`;
  });
  const titles = ['shape', 'kernel', ...THREADS.map((threads) => `${threads} threads`), 'barriers', 'joined'];
  return [
    `| ${titles.join(' | ')} |`,
    `| ${titles.map((_, i) => (i < 2 ? '---' : '---:')).join(' | ')} |`,
    ...lines,
  ].join('\n');
}

function cell(group) {
  const share = (row) => (row.largest / row.bytes) * row.threads;
  const worst = group.reduce((a, b) => (share(b) > share(a) ? b : a));
  if (worst.threads === 1) return '–';
  const threads = worst.threads < worst.offered ? `${worst.threads}: ` : '';
  return `${threads}${worst.units}, ${share(worst).toFixed(2)}`;
}
