/** The digests in whatever runs this: runtimes.packages.ts starts it in Bun, Deno and versions of Node.js. */
import { readFileSync } from 'node:fs';
import { allUnderTest } from './backends.js';
import { type DigestCase, digestOf } from './digests.js';

const cases: DigestCase[] = JSON.parse(readFileSync(new URL('../../test/digests.json', import.meta.url), 'utf8'));
let wrong = 0;
for (const backend of allUnderTest()) {
  const kernels = backend.kernels();
  const differing = cases.filter((one) => digestOf(kernels, one) !== one.digest);
  wrong += differing.length;
  const found = differing.length === 0 ? 'equal' : `different: ${differing.map(({ name }) => name).join(', ')}`;
  console.log(`${backend.name}/${backend.isa}: ${cases.length} digests ${found}`);
}
process.exit(wrong === 0 ? 0 : 1);
