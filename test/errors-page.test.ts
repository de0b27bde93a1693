// docs/errors.md has every code that the sources have, and no other; and what it quotes is what the sources say.
import { readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const root = new URL('../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('generated'))
  .map((file) => read(`src/${file}`));
const page = read('docs/errors.md');
/** The rows of the tables of messages; that of the classes is another one. */
const rows = page.split('\n').filter((line) => /^\| `(?!(Type|Range)?Error`)/.test(line));
const quotations = rows.map((row) => /^\| `([^`]+)` \|/.exec(row)?.[1] ?? '');

/** Messages as they read: those that are written in pieces, over several lines, are joined, and quotes are bare. */
const messages = sources
  .join('\n')
  .replace(/(['"`])\s*\+\s*(['"`])/g, '')
  .replaceAll("\\'", "'");

const test = suiteOf('the page of errors');

test('has every code that there is', () => {
  const codes = new Set(sources.flatMap((text) => text.match(/ERR_BATCHNORM_[A-Z_]+(?=')/g) ?? []));
  const headings = [...page.matchAll(/^## (ERR_\w+)$/gm)].map(([, code]) => code);
  assert.ok(codes.size >= 8, `${codes.size} codes found in the sources`);
  assert.equal(headings.sort(), [...codes].sort());
});

test('has a cause and a cure for each', () => {
  const sections = page.split(/^## /m).slice(1);
  for (const section of sections) assert.match(section, /^\| the message has \| cause \| cure \|$/m, section);
  for (const row of rows) assert.match(row, /^\| `[^|`]+` \| [^|]+\. \| [^|]+\. \|$/);
});

test('quotes what the library says', () => {
  assert.ok(quotations.length > 30);
  const stale = quotations.filter((quotation) => quotation.split('…').some((words) => !isSaid(words.trim())));
  assert.equal(stale, []);
});

/** Whether a message has these words. Arguments and what was wanted of them meet in `expected`, and only there. */
function isSaid(words: string): boolean {
  const parts = words.split(/\bexpected\b|\bgot\b/).map((part) => part.trim());
  return messages.includes(words) || (parts.length > 1 && parts.every((part) => messages.includes(part)));
}
