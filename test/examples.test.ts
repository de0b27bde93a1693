// Every example in the documentation is strict TypeScript, runs as it is printed, and prints what its comments say.
import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { allExamples, compileExamples, type Example, fileToRun, needOf, promisedBy } from './support/examples.js';
import { suiteOf } from './support/suite.js';

/** Runs the example as a process, as who reads the page would: nothing is imported or chosen before. Its lines. */
function run(example: Example): string[] {
  const { FORCE_COLOR: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileToRun(example)], { encoding: 'utf8', env });
  assert.is(status, 0, stderr);
  return stdout.split('\n').slice(0, -1);
}

const test = suiteOf('examples');
const examples = allExamples();
const [readme] = examples;

test('all of them are strict TypeScript', () => assert.is(compileExamples(examples), ''));

test('one with a wrong type is not', () => {
  const code = readme.code.replace('new Float32Array(6)', 'new Float64Array(6)');
  const messages = compileExamples([{ ...readme, code }], 'wrong');
  assert.match(messages, /README-md-1\.mts\(.*: error TS2345: Argument of type 'Float64Array/);
});

for (const example of examples.filter((example) => needOf(example) === null)) {
  test(example.title, () => {
    const [printed, promised] = [run(example), promisedBy(example)];
    if (promised.length > 0) assert.equal(printed, promised);
  });
}

test('those that need more than Node.js say so, and run elsewhere', () => {
  const needs = examples.flatMap((example) => needOf(example) ?? []);
  assert.equal(needs, ['MPI', 'MPI', 'MPI', 'MPI']); // mpi-examples.mpi.ts
});

test('every exported function and class has one', async () => {
  const code = examples.map((example) => example.code).join('\n');
  const entries = ['batchnorm', 'batchnorm/interop', 'batchnorm/tfjs', 'batchnorm/mpi'];
  const names = (await Promise.all(entries.map((entry) => import(entry)))).flatMap(Object.keys);
  assert.ok(names.length > entries.length);
  for (const name of names) assert.match(code, new RegExp(`\\b${name}\\(|instanceof ${name}\\b`));
});
