/** What the first paragraph of the report says follows from the runs, and turns where they turn. */
import * as assert from 'uvu/assert';
import { claimsOf } from '#demo/report/claims.js';
import { type Result, type Results, tunedOf } from '#demo/runs/results.js';
import { planOf, RUNS, seedRun, type TrainingJob } from '#demo/runs/settings.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('claims of the report');
const settings = { steps: 100, batch: 60, learningRate: 0.3, seed: 1, quick: true };

/** All training runs of the plan, with the accuracy that the function gives them, from step 10 on and at the end. */
function resultsOf(accuracyOf: (job: TrainingJob) => number): Results {
  const runs: Record<string, Result> = {};
  for (const job of planOf(settings)) {
    if (job.kind !== 'training') continue;
    const accuracy = accuracyOf(job);
    const saturated = [0, 0, job.normalized ? 0.1 : 0.9];
    const at = (step: number, share: number) => ({ step, accuracy: share, loss: 1, layers: [], units: [], saturated });
    const measurements = [at(10, accuracy - 0.05), at(job.steps, accuracy)];
    const { inference: _, ...setting } = job;
    runs[job.id] = { ...setting, milliseconds: 1, batchNormMilliseconds: 0, trainAccuracy: 1, measurements };
  }
  const words = { format: 'batchnorm-report/1', date: '', backend: '', host: '', machine: '' } as const;
  return { ...words, data: { description: '', division: '', attribution: '' }, settings, runs };
}

const held = (results: Results) => claimsOf(results).map((claim) => claim.held);

test('all hold where every network with batch normalization is better, none where every one is worse', () => {
  const better = held(resultsOf(({ normalized, dropout }) => (normalized ? 0.96 : 0.91) - dropout / 100));
  assert.equal(better, [true, true, true, false, false, true, true], 'higher rates and other weights: alike here');
  const worse = held(resultsOf(({ normalized, dropout }) => (normalized ? 0.91 : 0.96) + dropout / 100));
  assert.equal(worse, Array(7).fill(false));
});

test('one seed that is no better is enough for a claim not to hold', () => {
  const weak = seedRun(RUNS.tunedNormalized, 1);
  const found = held(resultsOf(({ id, normalized }) => (id === weak ? 0.9 : normalized ? 0.96 : 0.91)));
  assert.equal(found.slice(0, 3), [true, false, false]);
});

test('the tuned setting is that of the best cell, the first of equals, and none while cells are missing', () => {
  const best = (id: string) => (id === 'grid-1-0.3-plain' || id === 'grid-10-0.1-plain' ? 0.9 : 0.8);
  const results = resultsOf(({ id }) => best(id));
  const [plain, normalized] = tunedOf(results)!;
  assert.equal(plain, { learningRate: 1, deviation: 0.3 });
  assert.equal(normalized, { learningRate: 0.1, deviation: 0.01 });
  const { 'grid-100-1-plain': _, ...runs } = results.runs;
  assert.is(tunedOf({ ...results, runs }), null);
  assert.equal(claimsOf({ ...results, runs: {} }), []);
});
