// examples/reproducible.js prints what docs/reproducible.md says, on every backend.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { suiteOf } from './support/suite.js';

const root = new URL('../', import.meta.url);
const WAYS = ['one process', 'four ranks', 'eight micro-batches'];
const test = suiteOf('examples/reproducible.js');

function printedBy(backend: string, isa: string, ...args: string[]): string {
  const program = fileURLToPath(new URL('examples/reproducible.js', root));
  const env = { ...process.env, BATCHNORM_BACKEND: backend, BATCHNORM_ISA: isa };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout;
}

/** Digests by way. */
const digestsIn = (text: string) => [...text.matchAll(/^ *([0-9a-f]{16}) {2}(.*)$/gm)].map(([, ...found]) => found);

const page = readFileSync(new URL('docs/reproducible.md', root), 'utf8');

for (const { name, isa } of allUnderTest()) {
  test(`${name}/${isa}: the digest of the page, three times`, () => {
    const printed = digestsIn(printedBy(name, isa));
    assert.equal(printed, digestsIn(page));
    assert.equal(
      printed.map(([, way]) => way),
      WAYS,
    );
    assert.is(new Set(printed.map(([digest]) => digest)).size, 1);
  });
}

test('ordered sums print three', () => {
  const [{ name, isa }] = allUnderTest();
  const digests = digestsIn(printedBy(name, isa, 'ordered')).map(([digest]) => digest);
  assert.is(new Set(digests).size, 3);
});
