/** The command line as its users meet it: a child process, its output, its exit code, and the files it leaves. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { idxImages, idxLabels } from './idx-files.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'batchnorm-cli-'));

const cli = suite('command line');
cli.after(() => rmSync(home, { recursive: true }));

cli('a short run shows a table and writes a report that needs nothing else', () => {
  const { status, stdout, folder } = run(['train', '--steps', '20', '--backend', 'reference']);
  assert.is(status, 0);
  assert.match(stdout, 'backend reference (javascript, 1 thread)');
  assert.match(stdout, 'test accuracy after 20 steps');
  assert.match(stdout, 'steps to reach 90 %');
  assert.match(stdout, /time in BN.*– │ +\d+\.\d\d s/);
  assert.equal(readdirSync(folder), ['report.html']);
  const report = readFileSync(join(folder, 'report.html'), 'utf8');
  assert.is(report.match(/<figure[^>]*>\s*<svg/g)?.length, 3);
  assert.is(report.match(/<path [^>]*d="M/g)!.length >= 10, true, 'the lines and areas of three drawings');
  assert.not.match(report, /NaN|undefined|\[object/);
  assert.not.match(report, /<script|<link|<img|<iframe|@import|\b(src|href)=|url\(/i);
  assert.match(report, 'Alpaydin');
  assert.match(report, 'CC BY 4.0');
});

cli('the same seed gives the same numbers, another seed others', () => {
  const [first, second, other] = ['7', '7', '8'].map((seed) => run(['train', '--steps', '12', '--seed', seed]));
  assert.is(first!.status, 0);
  assert.ok(accuracies(first!.stdout).length >= 6);
  assert.equal(accuracies(second!.stdout), accuracies(first!.stdout));
  assert.not.equal(accuracies(other!.stdout), accuracies(first!.stdout));
});

cli('backends train alike', () => {
  const [reference, wasm] = ['reference', 'wasm'].map((name) => run(['train', '--steps', '12', '--backend', name]));
  assert.match(wasm!.stdout, 'backend wasm');
  assert.equal(accuracies(wasm!.stdout), accuracies(reference!.stdout));
});

cli('trains on IDX files', () => {
  const data = idxFolder({ images: idxImages(20, 3, 3), labels: idxLabels(20) });
  const { status, stdout, folder } = run([
    'train',
    '--data',
    data,
    '--steps',
    '3',
    '--batch',
    '8',
    '--out',
    'mine.html',
  ]);
  assert.is(status, 0);
  assert.match(stdout, '16 to learn from, 4 held out');
  assert.equal(readdirSync(folder), ['mine.html']);
});

const truncated = idxFolder({ images: idxImages(20, 3, 3).subarray(0, 100), labels: idxLabels(20) });
const small = idxFolder({ images: idxImages(20, 3, 3), labels: idxLabels(20) });
const BAD: [string, string[], RegExp][] = [
  ['truncated data', ['--data', truncated], /^batchnorm: .*t10k-images-idx3-ubyte: is truncated: expected 196 bytes/],
  ['missing data', ['--data', join(home, 'nowhere')], /^batchnorm: .*nowhere: expected a folder with IDX files/],
  ['more than there is in a minibatch', ['--data', small], /^batchnorm: --batch 60: expected at most 16/],
  ['a folder as the report', ['--out', home], /^batchnorm: --out .*expected the name of a file, found a folder/],
  [
    'a report in no folder',
    ['--out', 'no/where.html'],
    /^batchnorm: --out no\/where\.html: cannot write into the folder no/,
  ],
  ['no number of steps', ['--steps', 'many'], /'--steps <n>' argument 'many' is invalid\. Expected a whole number/],
  ['no steps', ['--steps', '0'], /Expected a whole number from 1 to/],
  ['half a step', ['--steps', '1.5'], /Expected a whole number from 1 to/],
  ['a negative learning rate', ['--learning-rate=-1'], /Expected a number above 0/],
  ['a learning rate that is no number', ['--learning-rate', 'NaN'], /Expected a number above 0/],
  ['a misspelt backend', ['--backend', 'nativ'], /Allowed choices are auto, native, wasm, reference/],
  ['an unknown option', ['--step', '3'], /unknown option '--step'/],
  ['an argument too many', ['digits'], /too many arguments/],
];
for (const [what, options, message] of BAD) {
  cli(`refuses ${what}, and writes nothing`, () => {
    const { status, stdout, stderr, folder } = run(['train', ...options]);
    assert.is(status, 1);
    assert.match(stderr, message);
    assert.not.match(stderr, /^ +at /m, 'no stack');
    assert.is(stdout, '');
    assert.equal(readdirSync(folder), []);
  });
}

cli('helps', () => {
  const general = run(['--help']);
  assert.is(general.status, 0);
  assert.match(general.stdout, 'train');
  const train = run(['train', '--help']);
  assert.is(train.status, 0);
  for (const option of ['--data', '--steps', '--batch', '--learning-rate', '--seed', '--backend', '--out']) {
    assert.match(train.stdout, option);
  }
});

cli('without the packages for training, says in one line how to install them', () => {
  const bare = join(home, 'bare');
  for (const part of ['dist', 'data', 'package.json']) cpSync(join(ROOT, part), join(bare, part), { recursive: true });
  mkdirSync(join(bare, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules', 'commander'), join(bare, 'node_modules', 'commander'), 'junction');
  const { status, stderr, folder } = run(['train'], join(bare, 'dist', 'cli', 'main.js'));
  assert.is(status, 1);
  assert.match(
    stderr,
    'npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm @observablehq/plot linkedom ' +
      'cli-progress cli-table3\n',
  );
  assert.equal(readdirSync(folder), []);
});

cli.run();

/** Runs the command in a new empty folder. */
function run(options: string[], main = join(ROOT, 'dist', 'cli', 'main.js')) {
  const folder = mkdtempSync(join(home, 'run-'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...options], { cwd: folder, encoding: 'utf8' });
  return { status, stdout, stderr, folder };
}

/** The lines of the table that do not tell times. */
function accuracies(stdout: string): string[] {
  return stdout.split('\n').filter((line) => /│ (test accuracy|steps)/.test(line));
}

function idxFolder({ images, labels }: { images: Buffer; labels: Buffer }): string {
  const path = mkdtempSync(join(home, 'idx-'));
  writeFileSync(join(path, 't10k-images-idx3-ubyte'), images);
  writeFileSync(join(path, 't10k-labels-idx1-ubyte'), labels);
  return path;
}
