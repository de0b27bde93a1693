// `batchnorm train` under mpirun: what one process learns is what its ranks learn together.
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { mpirun, run, whyNoMpi } from './support/mpi-job.js';
import { within } from './support/parallel-problems.js';
import { suiteOf } from './support/suite.js';
import { learnt, numbers, type TrainedRun } from './support/train-numbers.js';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const TRAIN = [process.execPath, MAIN, 'train', '--quick', '--steps', '40'];
/**
 * The networks that are measured all the way. Those of the grid include learning rates that are meant to be too large.
 */
const WATCHED = ['plain', 'normalized', 'dropout', 'normalized-dropout', 'large-plain', 'large-normalized'];
/**
 * TensorFlow.js sums gradients in float32, in another order for every number of ranks, which 40 steps amplify; and the
 * file has five digits of a loss.
 */
const DRIFT = 2e-4;
/** Until a run is taken to hang: ranks that share processors wait for these. */
const MINUTES = 5;
/** Images of the embedded digits. */
const HELD_OUT = 359;

if (whyNoMpi() === null) {
  testLearning(suiteOf('MPI: train'));
  testMistakes(suiteOf('MPI: train, mistakes'));
}

function testLearning(test: Test): void {
  const home = homeOf(test);
  const start = (ranks: number, out: string) => [...mpirun(), '-n', `${ranks}`, ...TRAIN, '--out', join(home, out)];
  const textOf = (out: string) => readFileSync(join(home, out), 'utf8');

  test('one, two and four ranks learn what one process does', async () => {
    const alone = await train('alone', [...TRAIN, '--out', join(home, 'alone.html')]);
    within(0.9, alone['normalized'].measurements.at(-1)!.accuracy, '90 %, beside the accuracy');
    for (const ranks of [1, 2, 4]) {
      const several = await train(`${ranks}`, start(ranks, `${ranks}.html`));
      assert.equal(Object.keys(several), Object.keys(alone));
      for (const id of WATCHED) compare(alone[id], several[id], `${ranks} ranks: ${id}`);
      if (ranks === 1) assert.equal(several, alone, 'a job of one rank: the same numbers');
    }
  });

  async function train(name: string, command: readonly string[]): Promise<Record<string, TrainedRun>> {
    const { code, output } = await run(command, undefined, MINUTES);
    assert.is(code, 0, output);
    assert.match(output, /test accuracy after 40 steps/);
    assert.is(output.split('Report: ').length, 2, 'one rank reports');
    assert.ok(existsSync(join(home, `${name}.html`)));
    return learnt(textOf(`${name}.json`));
  }

  test('Ctrl-C writes what is there; --resume goes on, and ends with the same numbers', async () => {
    const interrupt = (output: string, child: ChildProcess) => {
      if (!child.killed && / [1-9]\d* of \d+ runs/.test(output)) child.kill('SIGINT');
    };
    const interrupted = await run(start(2, 'half.html'), interrupt, MINUTES);
    assert.is.not(interrupted.code, 0);
    assert.match(interrupted.output, /interrupted after \d+ of \d+ runs; .*--resume goes on/s);
    assert.match(textOf('half.html'), '<h1');
    const before = numbers(textOf('half.json'));
    const resumed = await run([...start(2, 'half.html'), '--resume'], undefined, MINUTES);
    assert.is(resumed.code, 0, resumed.output);
    assert.match(resumed.output, `of which ${Object.keys(before.runs).length} are there`);
    const after = textOf('half.json');
    for (const [id, found] of Object.entries(before.runs))
      assert.equal(numbers(after).runs[id], found, 'not run again');
    assert.equal(learnt(after), learnt(textOf('2.json')), 'the numbers of the test before');
  });
}

/** The same accuracy but for one image, which may lie on the border of two classes. */
function compare(expected: TrainedRun, actual: TrainedRun, title: string): void {
  const steps = (run: TrainedRun) => run.measurements.map(({ step }) => step);
  assert.equal(steps(actual), steps(expected), title);
  expected.measurements.forEach(({ step, loss, accuracy }, i) => {
    const found = actual.measurements[i];
    within(Math.abs(found.loss - loss), DRIFT * loss, `${title}: loss after ${step} steps`);
    within(Math.abs(found.accuracy - accuracy), 1 / HELD_OUT + 1e-9, `${title}: accuracy after ${step} steps`);
  });
  assert.is(actual.trainAccuracy, expected.trainAccuracy, title);
  assert.is(actual.measurements.at(-1)!.accuracy, expected.measurements.at(-1)!.accuracy, title);
  assert.equal(actual.inference, expected.inference, title);
}

function testMistakes(test: Test): void {
  const home = homeOf(test);
  const alike = (...options: string[]) => [...mpirun(), '-n', '3', ...TRAIN, ...options];

  const MISTAKES: [string, string[], RegExp][] = [
    [
      'fewer images than ranks',
      alike('--batch', '2'),
      /^batchnorm: --batch 2: expected at least 3, an image for each/m,
    ],
    [
      'several workers',
      alike('--workers', '2'),
      /^batchnorm: --workers 2: expected 1 over MPI, where all ranks train/m,
    ],
    ['a report in no folder', alike('--out', 'no/where.html'), /^batchnorm: --out no\/where\.html: cannot write into/m],
    ['nothing to resume', alike('--resume'), /^batchnorm: --resume: .*report\.json cannot be read/m],
    [
      'ranks with other options',
      [...mpirun(), '-n', '1', ...TRAIN, ':', '-n', '2', ...TRAIN, '--seed', '2'],
      /^batchnorm: on rank 1: expected the options and the data of rank 0, found others/m,
    ],
    [
      'data that one rank lacks',
      [...mpirun(), '-n', '2', ...TRAIN, ':', '-n', '1', ...TRAIN, '--data', join(home, 'nowhere')],
      /^batchnorm: on rank 2: .*nowhere: expected a folder with IDX files/m,
    ],
  ];
  for (const [what, command, message] of MISTAKES) {
    test(`${what}: said once, and nothing is written`, async () => {
      const { code, output } = await run(['env', '-C', home, ...command]);
      assert.is.not(code, 0);
      assert.match(output, message);
      assert.is(output.match(/^batchnorm: /gm)!.length, 1, output);
      assert.equal(readdirSync(home), []);
    });
  }
}

/** A folder for the files of a suite. */
function homeOf(test: Test): string {
  const home = mkdtempSync(join(tmpdir(), 'batchnorm-train-'));
  test.after(() => rmSync(home, { recursive: true }));
  return home;
}
