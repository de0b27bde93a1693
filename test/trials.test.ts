/** The experiments of the report: the same numbers on every backend, in the form that the file has. */
import { useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { slice } from '#demo/data/dataset.js';
import { loadDigits } from '#demo/data/digits.js';
import { gatherPatches, PATCH, positionsOf, scatterPatches } from '#demo/net/patches.js';
import { planOf } from '#demo/runs/settings.js';
import { shapeOf, TRIALS, type TrialJob, trialJobs, VARIANTS } from '#demo/runs/trials.js';
import { runTrial } from '#demo/trials/index.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('trials');
test.after(() => void useBackend('auto'));

/** As short as they get. */
const SETTINGS = { steps: 30, seed: 3, quick: true };
const data = loadDigits();
const jobs = trialJobs(SETTINGS);
const none = () => undefined;

function jobOf(trial: TrialJob['trial'], variant: string): TrialJob {
  const found = jobs.find((job) => job.trial === trial && job.variant === variant);
  if (found === undefined) throw new Error(`no job of ${trial}, ${variant}`);
  return found;
}

for (const trial of TRIALS) {
  for (const variant of VARIANTS[trial]) {
    test(`${trial}, ${variant}: the same on two backends, and as long as it says`, async () => {
      const job = jobOf(trial, variant);
      const found = [];
      for (const backend of ['reference', 'wasm'] as const) {
        useBackend(backend);
        found.push(await runTrial(data, job, none));
      }
      assert.equal(found[0], found[1]);
      const lengths = Object.entries(found[0].series).map(([name, values]) => [name, values.length] as const);
      assert.equal(Object.fromEntries(lengths), shapeOf(job));
    });
  }
}

test('a trial with fewer images than a minibatch takes those that there are', async () => {
  useBackend('reference');
  const few = { ...data, train: slice(data.train, 0, 5), test: slice(data.test, 0, 3) };
  for (const job of jobs) assert.is((await runTrial(few, { ...job, steps: 2 }, none)).id, job.id);
});

test('every job of the plan has a name of its own', () => {
  const plan = planOf({ ...SETTINGS, batch: 60, learningRate: 0.3 });
  assert.is(new Set(plan.map(({ id }) => id)).size, plan.length);
  assert.ok(jobs.every(({ id }) => plan.some((job) => job.id === id)));
});

test('gradients grow on the way back by about √(π/(π − 1)) a layer, and less with skips', async () => {
  useBackend('reference');
  const growth = async (variant: string) => {
    const { norm } = (await runTrial(data, jobOf('gradients', variant), none)).series as { norm: number[] };
    return (norm[0] / norm.at(-1)!) ** (1 / (norm.length - 1));
  };
  const [normalized, skipping] = [await growth('normalized'), await growth('skipping')];
  assert.ok(Math.abs(normalized - 1.21) <= 0.04, String(normalized));
  assert.ok(skipping < normalized - 0.05, String(skipping));
});

test('patches are gathered and scattered by one linear map and its transpose', () => {
  for (const stride of [1, 2]) {
    const grid = { images: 2, height: 5, width: 4, channels: 3, stride };
    const x = Float32Array.from({ length: 2 * 5 * 4 * 3 }, (_, i) => ((i * 7) % 11) - 5);
    const factors = Float32Array.from({ length: 2 * positionsOf(grid) * PATCH * 3 }, (_, i) => ((i * 5) % 13) - 6);
    const [rows, back] = [new Float32Array(factors.length), new Float32Array(x.length)];
    gatherPatches(rows, x, grid);
    scatterPatches(back, factors, grid);
    const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    assert.is(product(rows, factors), product(x, back));
    // The patch of the first pixel: beyond the edges is 0, and its middle is the pixel itself.
    assert.equal([...rows.subarray(0, 3)], [0, 0, 0]);
    assert.equal([...rows.subarray(12, 15)], [...x.subarray(0, 3)]);
  }
});
