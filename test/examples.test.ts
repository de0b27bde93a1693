// Every example in the documentation of the public API runs, and prints what its comments say: `// → value`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suiteOf } from './support/suite.js';

const root = new URL('../', import.meta.url);
/** Inside the package, where 'batchnorm' means this very package. */
const folder = new URL('dist-test/examples/', root);

const FILES = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(cli|mpi)\b/.test(file))
  .map((file) => `src/${file.replaceAll('\\', '/')}`)
  .sort();

interface Example {
  readonly title: string;
  readonly code: string;
}

function fromComments(file: string): Example[] {
  const text = readFileSync(new URL(file, root), 'utf8');
  return [...text.matchAll(/ \* @example\n(( +\*(?! @|\/).*\n)+)/g)].map(([, lines], i) => ({
    title: `${file} ${i + 1}`,
    code: lines.replace(/^ +\* ?/gm, ''),
  }));
}

function fromMarkdown(file: string): Example[] {
  const text = readFileSync(new URL(file, root), 'utf8');
  return [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code], i) => ({ title: `${file} ${i + 1}`, code }));
}

/**
 * Runs the example as a process, as who reads the page would: nothing is imported or chosen before. What it printed.
 */
function run({ title, code }: Example): string[] {
  const file = fileURLToPath(new URL(`${title.replace(/\W+/g, '-')}.mjs`, folder));
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, code);
  const { FORCE_COLOR: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', env });
  assert.is(status, 0, stderr);
  return stdout.split('\n').slice(0, -1);
}

const test = suiteOf('examples');
const DOCUMENTS = [
  'README.md',
  'docs/inference.md',
  'docs/interop.md',
  'docs/variants.md',
  'docs/tfjs.md',
  'docs/wasm.md',
  'docs/reproducible.md',
  'docs/recipes.md',
  'docs/half.md',
];
const examples = [...FILES.flatMap(fromComments), ...DOCUMENTS.flatMap(fromMarkdown)];

for (const example of examples) {
  test(example.title, () => {
    const printed = run(example);
    const promised = [...example.code.matchAll(/\/\/ → (.*)/g)].map(([, value]) => value.trim());
    if (promised.length > 0) assert.equal(printed, promised);
  });
}

test('every exported function and class has one', async () => {
  const code = examples.map((example) => example.code).join('\n');
  const entries = await Promise.all([import('batchnorm'), import('batchnorm/interop')]);
  for (const name of entries.flatMap(Object.keys)) assert.match(code, new RegExp(`\\b${name}\\(`));
});
