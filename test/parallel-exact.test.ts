// Exact sums over threads: ten training steps on any shares have the bits of one process with the whole batch.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Moments, mergeRanks, ThreadReducer } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest, type BackendUnderTest } from './support/backends.js';
import { orderedDiffers, sameAsOne } from './support/exact-compare.js';
import { EXACT_SHARES, type ExactCase, type ExactResult, exactCases } from './support/exact-training.js';
import type { ExactTask } from './support/exact-worker.js';
import { suiteFor } from './support/suite.js';

interface Answer {
  readonly results?: ExactResult[];
  readonly error?: { readonly code?: string; readonly message: string };
}

/** Of each rank. */
async function answersOf(
  casesOf: (rank: number) => readonly ExactCase[],
  memory: SharedArrayBuffer,
  size: number,
  { name, isa }: BackendUnderTest,
): Promise<Answer[]> {
  const file = new URL('support/exact-worker.js', import.meta.url);
  const workers = Array.from({ length: size }, (_, rank) => {
    const workerData: ExactTask = { memory, rank, backend: name, isa, cases: casesOf(rank) };
    return new Worker(file, { workerData });
  });
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as Answer));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return answers;
}

/** One of each kind; test/suites/exact-facade.ts has the others, with ranks that take turns. */
const kinds = allUnderTest().filter(({ name }, i, all) => all.findIndex((other) => other.name === name) === i);

for (const backend of kinds) {
  const test = suiteFor(backend, 'exact sums over threads');

  for (const shares of EXACT_SHARES) {
    const size = shares[0].length;
    test(`${size} threads with unequal, empty and masked parts: ten training steps are those of one`, async () => {
      const cases = exactCases(shares);
      const ordered = { ...cases[0], summation: 'ordered' as const };
      const memory = ThreadReducer.memory(size, 80, { summation: 'exact' });
      const answers = await answersOf(() => [...cases, ordered], memory, size, backend);
      for (const { error } of answers) assert.is(error, undefined);
      const resultsOf = (i: number) => answers.map(({ results }) => results![i]);
      for (const [i, one] of cases.entries()) sameAsOne(one, resultsOf(i));
      // It would show: these values have other ordered sums in parts.
      if (size > 1) assert.ok(orderedDiffers(ordered, resultsOf(cases.length)));
    });
  }
}

const [reference] = allUnderTest();
const test = suiteFor(reference, 'exact and ordered sums over threads');
const [one] = exactCases([[6, 6]]);

test('ranks that sum in different ways all get an error that names both', async () => {
  const memory = ThreadReducer.memory(2, 3, { summation: 'exact' });
  const casesOf = (rank: number) => [{ ...one, summation: rank === 0 ? ('exact' as const) : ('ordered' as const) }];
  for (const { error } of await answersOf(casesOf, memory, 2, reference)) {
    assert.is(error!.code, 'ERR_BATCHNORM_MISMATCH');
    assert.match(error!.message, /rank 0: .*106 numbers, exact sums\); rank 1: .*7 numbers, ordered sums\)/);
  }
});

test('a memory without room for exact moments says how to make it', () => {
  const reducer = new ThreadReducer(ThreadReducer.memory(1, 3), 0);
  const moments = new Moments(3, { summation: 'exact' });
  assert.throws(
    () => mergeRanks(reducer, [moments]),
    /\(3 channels, .*\); exact sums need its \{ summation: 'exact' \}/,
  );
});

test('a memory without room for exact sums says how to make it', async () => {
  const answers = await answersOf(() => [one], ThreadReducer.memory(2, 3), 2, reference);
  for (const { error } of answers) {
    assert.match(error!.message, /at most 12 numbers \(3 channels, .*\); exact sums need its \{ summation: 'exact' \}/);
  }
});
