// The rooms of src and the walls between them: a file imports from its own room and from those before it, never in a circle.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

/** From the bottom up, rooms of one row side by side: these do not know each other. ARCHITECTURE.md begins with this picture. */
const ROWS: readonly (readonly string[])[] = [
  ['types', 'generated'],
  ['kernels'],
  ['arguments', 'reference'],
  ['channels', 'backends'],
  ['passes'],
  ['statistics'],
  ['functions', 'ranks'],
  ['layer'],
  ['index'],
  ['tfjs', 'mpi'],
  ['cli'],
];

type Sources = ReadonlyMap<string, string>;

const root = new URL('../src/', import.meta.url);

function readSources(): Map<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const files = names.filter((name) => name.endsWith('.ts'));
  return new Map(files.map((name) => [name, readFileSync(new URL(name, root), 'utf8')]));
}

/** The folder, or the name of a file that lies in none. */
const roomOf = (file: string) => file.replace(/\.ts$/, '').split('/')[0];

/** The files of src that a file imports, whether for types or for values. */
function importsOf(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)\.js';/gms)].map(([, name]) => name);
  const awaited = [...text.matchAll(/^(?! *(?:\*|\/\/)).*\bimport\('(\.[^']+)\.js'\)/gm)].map(([, name]) => name);
  return [...specifiers, ...awaited].map((name) => `${posix.join(posix.dirname(file), name)}.ts`);
}

/** Every import that runs up or to the side, and every room that nobody has given a row. */
function breaches(sources: Sources): string[] {
  const floorOf = (file: string) => ROWS.findIndex((row) => row.includes(roomOf(file)));
  return [...sources].flatMap(([file, text]) => {
    if (floorOf(file) < 0) return [`${file} lies in a room without a row`];
    return importsOf(file, text)
      .filter((other) => roomOf(other) !== roomOf(file) && !(floorOf(other) < floorOf(file)))
      .map((other) => `${file} imports ${other}`);
  });
}

/** A circle of imports as the names in it, the first one again at its end; null where there is none. */
function circle(sources: Sources): string[] | null {
  const left = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (left.has(file)) return null;
    left.add(file);
    for (const other of importsOf(file, sources.get(file) ?? '')) {
      const found = visit(other, [...path, file]);
      if (found !== null) return found;
    }
    return null;
  };
  for (const file of sources.keys()) {
    const found = visit(file, []);
    if (found !== null) return found;
  }
  return null;
}

const test = suiteOf('architecture');
const sources = readSources();
const library = new Map([...sources].filter(([file]) => roomOf(file) !== 'cli'));

test('no import runs up', () => {
  assert.ok(sources.size > 100);
  assert.equal(breaches(sources), []);
});

test('no imports run in a circle', () => {
  assert.is(circle(library), null);
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
    assert.equal(breaches(planted), ['arguments/planted.ts imports layer/batch-norm.ts'], line);
  }
  const sideways = new Map(sources).set(
    'ranks/planted.ts',
    "import '';\nexport { backward } from '../functions/backward.js';",
  );
  assert.equal(breaches(sideways), ['ranks/planted.ts imports functions/backward.ts']);
  assert.equal(breaches(new Map(sources).set('attic/planted.ts', '')), [
    'attic/planted.ts lies in a room without a row',
  ]);
});

test('a circle is found within a room', () => {
  const planted = new Map(library)
    .set('layer/a.ts', "import { b } from './b.js';")
    .set('layer/b.ts', "import type { a } from './a.js';");
  assert.equal(circle(planted), ['layer/a.ts', 'layer/b.ts', 'layer/a.ts']);
});

test('ARCHITECTURE.md names every room', () => {
  const text = readFileSync(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8');
  for (const room of ROWS.flat()) assert.match(text, new RegExp(`src/${room}\\b|^ .*\\b${room}\\b`, 'm'), room);
});

test.run();
