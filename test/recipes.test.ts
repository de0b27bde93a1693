// The programs of docs/recipes.md print what the page says.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const root = new URL('../', import.meta.url);
const page = readFileSync(new URL('docs/recipes.md', root), 'utf8');
const test = suiteOf('docs/recipes.md');

/** What a program of examples prints, by lines. */
function printedBy(program: string, ...args: string[]): string[] {
  const file = fileURLToPath(new URL(`examples/${program}`, root));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.trim().split('\n');
}

/** Lines of the page that programs have printed. */
const promised = (pattern: RegExp) => page.split('\n').flatMap((line) => (pattern.test(line) ? line.trim() : []));
const digestOf = (line: string) => /^[0-9a-f]{16}(?= )/.exec(line)![0];

test('recompute.js prints what the page says: the same gradients with fewer activations', () => {
  const lines = printedBy('recompute.js');
  assert.equal(lines, promised(/^ {4}[0-9a-f]{16} {2}/));
  assert.is(digestOf(lines[1]), digestOf(lines[0]));
});

test('standard-scaler.js prints what the page says: exact sums by four workers are those of one process', () => {
  const lines = printedBy('standard-scaler.js');
  assert.equal(lines, promised(/^ {4}[0-9a-f]{16} year/));
  assert.is(lines[1], lines[0]);
});

test('standard-scaler.js: ordered sums by four workers are not', () => {
  const [one, four] = printedBy('standard-scaler.js', '20001', 'ordered').map(digestOf);
  assert.is.not(four, one);
});

test('standard-scaler.js: fewer rows than workers', () => {
  const [one, four] = printedBy('standard-scaler.js', '3');
  assert.is(four, one);
});

test('tiles.js runs', () => {
  for (const summation of ['ordered', 'exact']) {
    const lines = printedBy('tiles.js', summation, '2000');
    assert.is(lines.length, 8);
    assert.ok(lines.every((line) => /: \d+\.\d+ (ms|of that)$/.test(line)));
  }
});
