// The walls between the library and what shows it at work: demo and bench stand above it, and know it by its public
// names.
import { existsSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { breaches, circle, type Rows, readSources, type Sources, specifiersOf } from './support/rooms.js';
import { suiteOf } from './support/suite.js';

/** Of demo, from the bottom up. */
const ROWS: Rows = [['kit'], ['data', 'runs'], ['net'], ['report', 'live', 'trials'], ['train'], ['main']];

const PUBLIC = ['batchnorm', 'batchnorm/tfjs', 'batchnorm/mpi'];
/** Benchmarks of kernels, which call them as no user can; they are not packed. */
const OF_KERNELS = ['addons.ts', 'exact.ts', 'exact-cases.ts', 'pool.ts', 'wasm.ts'];

const root = new URL('../', import.meta.url);
const manifestOf = (folder: string) => JSON.parse(readFileSync(new URL(`${folder}package.json`, root), 'utf8'));
const [library, demo] = [manifestOf(''), manifestOf('demo/')];
const [ofSrc, ofDemo, ofBench] = ['src/', 'demo/', 'bench/'].map((folder) => readSources(new URL(folder, root)));

/** Imports of packages, and of names of this one, that are not among the allowed. */
function strangers(sources: Sources, allows: (name: string, file: string) => boolean): string[] {
  return [...sources].flatMap(([file, text]) =>
    specifiersOf(text)
      .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !allows(name, file))
      .map((name) => `${file} imports ${name}`),
  );
}

const inSrc = (name: string) => name in library.peerDependencies;
const inDemo = (name: string) => PUBLIC.includes(name) || name in demo.dependencies;
const inBench = (name: string, file: string) =>
  inDemo(name) ||
  name.startsWith('#demo/kit/') ||
  name in demo.optionalDependencies ||
  (file === 'contenders/onnx-model.ts' && name === 'protobufjs') || // with onnxruntime-node, which is installed apart
  (file === 'live.ts' && name === 'playwright-core') || // the browser that shows the page; it is not packed
  name === '#dist/backends/threads.js' || // how many threads there are by default: it has no public name
  (OF_KERNELS.includes(file) && name.startsWith('#dist/'));

const test = suiteOf('walls of the demonstration');

test('src imports neither demo nor bench, and of packages its peers', () => {
  assert.equal(strangers(ofSrc, inSrc), []);
  for (const line of ["import '#demo/kit/text.js';", "const { draw } = await import('@observablehq/plot');"]) {
    const planted = new Map(ofSrc).set('cli/planted.ts', line);
    assert.is(strangers(planted, inSrc).length, 1, line);
  }
});

test('demo imports the public names of the library, and what its package.json has', () => {
  assert.ok(ofDemo.size > 30);
  assert.equal(strangers(ofDemo, inDemo), []);
  for (const name of ['#dist/kernels.js', 'benchmark', 'batchnorm/package.json']) {
    const planted = new Map(ofDemo).set('train/planted.ts', `export type {\n  Some,\n} from '${name}';`);
    assert.equal(strangers(planted, inDemo), [`train/planted.ts imports ${name}`]);
  }
});

test('bench imports the same and the report kit; benchmarks of kernels alone reach behind the public names', () => {
  assert.ok(ofBench.size > 20);
  assert.equal(strangers(ofBench, inBench), []);
  for (const name of ['#dist/kernels.js', '#demo/train/index.js']) {
    const planted = new Map(ofBench).set('problem.ts', `import type { Some } from '${name}';`);
    assert.equal(strangers(planted, inBench), [`problem.ts imports ${name}`]);
  }
});

test('no path leads from one of the three folders to another', () => {
  for (const sources of [ofSrc, ofDemo, ofBench]) {
    const paths = [...sources].flatMap(([file, text]) =>
      specifiersOf(text).filter((name) => name.startsWith('.') && !existsIn(sources, file, name)),
    );
    assert.equal(paths, []);
  }
});

test('the rooms of demo import from those below them, and never in a circle', () => {
  assert.equal(breaches(ofDemo, ROWS), []);
  assert.is(circle(ofDemo), null);
  const planted = new Map(ofDemo).set('kit/planted.ts', "import { summarize } from '../report/summary.js';");
  assert.equal(breaches(planted, ROWS), ['kit/planted.ts imports report/summary.ts']);
});

test('bench has no circles', () => {
  assert.is(circle(ofBench), null);
});

test('the library depends on nothing, and its peers are optional', () => {
  assert.is(library.dependencies, undefined);
  assert.equal(Object.keys(library.peerDependencies), ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers']);
  for (const name of Object.keys(library.peerDependencies))
    assert.ok(library.peerDependenciesMeta[name].optional, name);
});

// What is compiled lies in the library's folder, not in demo: it would find another version there, or none.
test('npm puts the packages of demo where dist-demo finds them', () => {
  for (const name of Object.keys({ ...demo.dependencies, ...demo.optionalDependencies })) {
    assert.ok(existsSync(new URL(`node_modules/${name}`, root)), name);
    assert.not(existsSync(new URL(`demo/node_modules/${name}`, root)), name);
  }
});

function existsIn(sources: Sources, file: string, name: string): boolean {
  const { pathname } = new URL(name.replace(/\.js$/, '.ts'), `file:///sources/${file}`);
  return sources.has(pathname.replace('/sources/', ''));
}
