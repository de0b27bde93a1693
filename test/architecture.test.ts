// The rooms of src and the walls between them: a file imports from its own room and from those before it, never in a
// circle.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { breaches, circle, type Rows, readSources } from './support/rooms.js';
import { suiteOf } from './support/suite.js';

/**
 * From the bottom up, rooms of one row side by side: these do not know each other. ARCHITECTURE.md begins with this
 * picture.
 */
const ROWS: Rows = [
  ['types', 'generated'],
  ['kernels'],
  ['arguments', 'reference'],
  ['channels', 'backends'],
  ['passes'],
  ['statistics'],
  ['functions', 'ranks'],
  ['layer'],
  ['inference'],
  ['index'],
  ['tfjs', 'mpi', 'interop'],
  ['cli'],
];

const test = suiteOf('architecture');
const sources = readSources(new URL('../src/', import.meta.url));

test('no import runs up', () => {
  assert.ok(sources.size > 100);
  assert.equal(breaches(sources, ROWS), []);
});

test('no imports run in a circle', () => {
  assert.is(circle(sources), null);
});

test('an import that runs up or to the side is found, in whichever way it is written', () => {
  for (const line of [
    "import { BatchNorm } from '../layer/batch-norm.js';",
    "import type { BatchNorm } from '../layer/batch-norm.js';",
    "import {\n  type A,\n  BatchNorm,\n} from '../layer/batch-norm.js';",
    "export * from '../layer/batch-norm.js';",
    "const { BatchNorm } = await import('../layer/batch-norm.js');",
  ]) {
    const planted = new Map(sources).set('arguments/planted.ts', `// Above.\n${line}\n`);
    assert.equal(breaches(planted, ROWS), ['arguments/planted.ts imports layer/batch-norm.ts'], line);
  }
  const sideways = new Map(sources).set(
    'ranks/planted.ts',
    "import '';\nexport { backward } from '../functions/backward.js';",
  );
  assert.equal(breaches(sideways, ROWS), ['ranks/planted.ts imports functions/backward.ts']);
  assert.equal(breaches(new Map(sources).set('attic/planted.ts', ''), ROWS), [
    'attic/planted.ts lies in a room without a row',
  ]);
});

test('a circle is found within a room', () => {
  const planted = new Map(sources)
    .set('layer/a.ts', "import { b } from './b.js';")
    .set('layer/b.ts', "import type { a } from './a.js';");
  assert.equal(circle(planted), ['layer/a.ts', 'layer/b.ts', 'layer/a.ts']);
});

test('ARCHITECTURE.md names every room', () => {
  const text = readFileSync(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8');
  for (const room of ROWS.flat()) assert.match(text, new RegExp(`src/${room}\\b|^ .*\\b${room}\\b`, 'm'), room);
});
