// The check of the lengths of lines finds a long line, and lets a row of a table be long.
import * as assert from 'uvu/assert';
import { ROOT } from './support/install.js';
import { suiteOf } from './support/suite.js';

const { longLines } = (await import(`${ROOT}scripts/line-length.js`)) as {
  longLines(file: string, text: string): readonly string[];
};

const test = suiteOf('line length');

test('a line of 121 characters is found, and one of 120 is not', () => {
  const text = `${'x'.repeat(120)}\n${'x'.repeat(121)}\n`;
  for (const file of ['a.ts', 'a.md']) assert.equal(longLines(file, text), [`${file}:2: 121 characters`]);
});

test('characters are counted, not bytes', () => {
  assert.equal(longLines('a.ts', '√𝜎'.repeat(60)), []);
  assert.equal(longLines('a.ts', `${'√𝜎'.repeat(60)}!`), ['a.ts:1: 121 characters']);
});

test('a row of a table may be long, in Markdown alone', () => {
  const row = `| ${'x'.repeat(130)} |`;
  assert.equal(longLines('a.md', row), []);
  assert.equal(longLines('a.ts', row), ['a.ts:1: 134 characters']);
});
