// The programs of examples run as a user would start them, and do what their table says. (mpi.js: mpi-examples.mpi.ts;
// browser.html: browser.test.ts.)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { RUNS_TYPESCRIPT } from './support/examples.js';
import { ROOT } from './support/install.js';
import { suiteOf } from './support/suite.js';

/** A program of TypeScript as it is, or as the compiler leaves it where this Node.js cannot. */
function start(program: string, ...args: string[]) {
  const compiled = join(ROOT, 'dist-examples', program.replace(/\.ts$/, '.js'));
  const file = program.endsWith('.ts') && !RUNS_TYPESCRIPT ? compiled : join(ROOT, 'examples', program);
  return spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
}

/** What it prints, by lines. */
function printedBy(program: string, ...args: string[]): string[] {
  const { status, stdout, stderr } = start(program, ...args);
  assert.is(status, 0, stderr);
  return stdout.trim().split('\n');
}

const test = suiteOf('examples/');

test('the table of the README has every program, and the programs are small', () => {
  const readme = readFileSync(join(ROOT, 'examples', 'README.md'), 'utf8');
  const programs = readdirSync(join(ROOT, 'examples')).filter((file) => /\.([jt]s|html)$/.test(file));
  for (const file of programs) {
    assert.match(readme, `[${file}](${file})`);
    const lines = readFileSync(join(ROOT, 'examples', file), 'utf8').split('\n').length - 1;
    assert.ok(lines <= 150, `${file}: ${lines} lines`);
  }
});

test('cnn.ts: more than 96 % of the digits that it has not seen', () => {
  const lines = printedBy('cnn.ts');
  assert.is(lines.length, 9);
  const [, right, of] = /^(\d+) of (\d+) digits that it has not seen/.exec(lines.at(-1)!)!.map(Number);
  assert.is(of, 360);
  assert.ok(right / of > 0.96, lines.at(-1));
});

test('threads.ts: four threads print the losses of one', () => {
  const [one, four] = ['1', '4'].map((threads) => printedBy('threads.ts', threads));
  assert.is(one.length, 11);
  assert.equal(four, one);
  const [first, last] = [one[0], one[9]].map((line) => Number(/: loss ([\d.]+)$/.exec(line)![1]));
  assert.ok(last < first / 5, `loss ${first}, then ${last}`);
});

test('tfjs.js: it learns, and the folded network gives the same answers', () => {
  const [trained, folded] = printedBy('tfjs.js').slice(-2);
  const right = Number(/^right of 360: (\d+)$/.exec(trained)![1]);
  assert.ok(right > 0.9 * 360, trained);
  assert.is(folded, `folded norm1 into convolution1, norm2 into convolution2: right ${right}`);
});

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-csv-'));
test.after(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const file = join(folder, 'in.csv');
  writeFileSync(file, text);
  return file;
}

test('csv.js: columns of numbers have mean 0 and deviation 1, others stay', () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => [`item ${i}`, 1e6 + (i % 7), -i * i, 5]);
  const [head, ...lines] = printedBy('csv.js', fileOf(['name,height,slope,constant', ...rows].join('\r\n')));
  assert.is(head, 'name,height,slope,constant');
  assert.is(lines.length, rows.length);
  const fields = lines.map((line) => line.split(','));
  assert.equal(
    fields.map(([name]) => name),
    rows.map(([name]) => name),
  );
  for (const column of [1, 2]) {
    const values = fields.map((row) => Number(row[column]));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const square = values.reduce((a, b) => a + b * b, 0) / values.length;
    assert.ok(Math.abs(mean) <= 1e-9 && Math.abs(square - 1) <= 1e-9, `column ${column}: ${mean}, ${square}`);
  }
  assert.ok(fields.every((row) => row[3] === '0'));
});

test('csv.js: what is no number is named', () => {
  const { status, stderr } = start('csv.js', fileOf('a,b\n1,2\n3,\n'));
  assert.is(status, 1);
  assert.match(stderr, 'Error: csv.js: expected a number for "b", got "" in the row "3,"');
  assert.match(start('csv.js', fileOf('a,b\n')).stderr, 'expected a line of names and a row');
  assert.match(start('csv.js').stderr, 'expected a file');
});
