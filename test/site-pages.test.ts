// The pages of the site and README's table of them: all of docs, in one order.
import { readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const root = new URL('../', import.meta.url);
const { PAGES, SECTIONS }: { PAGES: string[]; SECTIONS: Record<string, string[]> } = await import(
  new URL('site/pages.js', root).href
);

const test = suiteOf('the pages of the site');

test('are those of docs', () => {
  const written = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md'));
  const listed = PAGES.filter((page) => page.startsWith('docs/'));
  assert.equal(listed.sort(), written.map((name) => `docs/${name}`).sort());
});

test("have the order of README's table", () => {
  const [, section = ''] = readFileSync(new URL('README.md', root), 'utf8').split('\n## Documentation\n');
  const rows = [...section.matchAll(/^\| \[(.+?)\]\(\1\)/gm)].map(([, page]) => page);
  assert.equal(rows, Object.values(SECTIONS).flat());
});
