// Prints the digests of test/digests.json as the reference backend computes them, or writes them (--write): after a
// change of docs/numerics.md, and only then. Needs `npm run build:test`.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../test/digests.json', import.meta.url);
const { load } = await import('../dist/backends/reference.js');
const { digestOf } = await import('../dist-test/support/digests.js');

const cases = JSON.parse(readFileSync(file, 'utf8'));
for (const digestCase of cases) digestCase.digest = digestOf(load(), digestCase);
if (process.argv.includes('--write')) writeFileSync(file, `${JSON.stringify(cases, null, 2)}\n`);
else for (const { name, digest } of cases) console.log(digest, name);
