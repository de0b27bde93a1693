// The examples of docs/distributed.md and of MpiReducer; digits learnt by one, two and four ranks, with the same loss
// at every step.
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { allExamples, type Example, fileToRun, needOf, promisedBy } from './support/examples.js';
import { mpirun, run, whyNoMpi } from './support/mpi-job.js';
import { within } from './support/parallel-problems.js';
import { suiteOf } from './support/suite.js';

const PROGRAM = fileURLToPath(new URL('../examples/mpi.js', import.meta.url));
/** TensorFlow.js sums gradients in float32, in another order for every number of ranks; a hundred steps amplify it. */
const DRIFT = 1e-4;

if (whyNoMpi() === null) {
  testExamples();
  const test = suiteOf('MPI: digits');

  test('the same losses and the same accuracy from one, two and four ranks', async () => {
    const one = await learn(1);
    assert.is(one.losses.length, 11);
    within(one.losses.at(-1)!, one.losses[0] / 20, 'the last loss, beside the first');
    within(0.9, one.accuracy, '90 %, beside the accuracy');
    for (const ranks of [2, 4]) {
      const several = await learn(ranks);
      several.losses.forEach((loss, i) => {
        within(Math.abs(loss - one.losses[i]), DRIFT * one.losses[i], `${ranks} ranks: loss ${i}`);
      });
      assert.is(several.losses.length, one.losses.length);
      assert.is(several.accuracy, one.accuracy);
    }
  });
}

function testExamples(): void {
  const test = suiteOf('MPI: examples');
  const examples = allExamples().filter((example) => needOf(example) === 'MPI');

  /** What they print, under mpirun with two ranks. */
  async function printedBy(example: Example): Promise<string[]> {
    const { code, output } = await run([...mpirun(), '-n', '2', process.execPath, fileToRun(example)]);
    assert.is(code, 0, output);
    return output.trim().split('\n').sort();
  }

  for (const example of examples) {
    test(example.title, async () => {
      const printed = await printedBy(example);
      if (example.title.startsWith('docs/distributed.md')) assert.equal(printed, ['0 2 -1', '1 2 1']);
      else assert.equal(printed, [...promisedBy(example), ...promisedBy(example)]);
    });
  }
}

async function learn(ranks: number) {
  const { code, output } = await run([...mpirun(), '-n', `${ranks}`, process.execPath, PROGRAM]);
  assert.is(code, 0, output);
  const losses = [...output.matchAll(/^step \d+: loss (\S+)$/gm)].map(([, loss]) => Number(loss));
  return { losses, accuracy: Number(output.match(/^accuracy (\S+)$/m)?.[1]) };
}
