// The reference of every function, as TypeDoc has written it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const folder = new URL('../dist-site/docs/functions/', import.meta.url);
const test = suiteOf('reference of functions');

test('no type is never: Float16Array is known to the compiler that reads it', () => {
  assert.ok(existsSync(folder), 'no dist-site: npm run docs makes it');
  const pages = readdirSync(folder);
  assert.ok(pages.length > 30, `${pages.length} functions`);
  const texts = pages.map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const found = pages.filter((_, i) => /class="tsd-signature-type">never</.test(texts[i]!));
  assert.equal(found, []);
  assert.ok(
    texts.some((text) => text.includes('>Float16Array<')),
    'Float16Array is nowhere',
  );
});
