// Exact sums over ranks of an MPI job: ten training steps have the bits of one process with the whole batch.
import * as assert from 'uvu/assert';
import { allUnderTest } from './support/backends.js';
import { orderedDiffers, sameAsOne } from './support/exact-compare.js';
import { EXACT_SHARES, type ExactResult, exactCases } from './support/exact-training.js';
import { runJob, whyNoMpi } from './support/mpi-job.js';
import { suiteOf } from './support/suite.js';

/** One of each kind; test/suites/exact-facade.ts has the others, with ranks that take turns. */
const kinds = allUnderTest().filter(({ name }, i, all) => all.findIndex((other) => other.name === name) === i);
const backends = kinds.map(({ name, isa }) => ({ name, isa }));

if (whyNoMpi() === null) for (const shares of EXACT_SHARES) testRanks(shares);

function testRanks(shares: readonly (readonly number[])[]): void {
  const ranks = shares[0].length;
  const test = suiteOf(`MPI: exact sums, ${ranks} ranks`);

  test('unequal, empty and masked parts: ten training steps are those of one process', async () => {
    const exactly = exactCases(shares);
    const ordered = exactly.slice(0, 1).map((one) => ({ ...one, summation: 'ordered' as const }));
    const { answers, code, output } = await runJob(ranks, {
      scene: 'exact',
      backends,
      exact: [...exactly, ...ordered],
    });
    assert.is(code, 0, output);
    kinds.forEach((backend, b) => {
      backend.use();
      const resultsOf = (i: number) => answers.map((answer) => (answer!.result as ExactResult[][])[b][i]);
      for (const [i, one] of exactly.entries()) sameAsOne(one, resultsOf(i));
      // It would show: these values have other ordered sums in parts.
      if (ranks > 1) assert.ok(orderedDiffers(ordered[0], resultsOf(exactly.length)));
    });
  });
}
