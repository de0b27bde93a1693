/**
 * The definition outlives the code: every backend gives the digests that are kept in digests.json. They change only
 * with docs/numerics.md; then `node scripts/digests.js --write` writes them anew.
 */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { type DigestCase, digestOf } from './support/digests.js';
import { suiteOf } from './support/suite.js';

const cases: DigestCase[] = JSON.parse(readFileSync(new URL('../test/digests.json', import.meta.url), 'utf8'));

for (const backend of allUnderTest()) {
  const test = suiteOf(`${backend.name}/${backend.isa}: digests`);
  for (const digestCase of cases) {
    test(digestCase.name, () => assert.is(digestOf(backend.kernels(), digestCase), digestCase.digest));
  }
}

const control = suiteOf('digests: negative control');
control('another seed is another digest', () => {
  const [first] = cases;
  assert.is.not(digestOf(allUnderTest()[0].kernels(), { ...first, seed: first.seed + 1 }), first.digest);
});
