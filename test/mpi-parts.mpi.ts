// Ranks of an MPI job with parts of each batch, against one process with all of it.
import { leakyRelu } from 'batchnorm';
import * as assert from 'uvu/assert';
import { allUnderTest, isRequired } from './support/backends.js';
import { ulp } from './support/bounds.js';
import { same } from './support/close.js';
import { Hosts, whyNoEnd, whyNoHosts } from './support/mpi-hosts.js';
import { type MpiTask, runJob, whyNoMpi } from './support/mpi-job.js';
import { compareParts, joined, type Problem, problems, shareOf, within } from './support/parallel-problems.js';
import { type ParallelBatch, type ParallelResult, parallelStep } from './support/parallel-step.js';
import { randomFor } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

/** Samples of each rank: even, uneven, none. */
const SHARES = [
  [[32]],
  [
    [16, 16],
    [31, 1],
    [0, 32],
  ],
  [
    [11, 11, 10],
    [1, 0, 31],
    [0, 32, 0],
  ],
  [
    [8, 8, 8, 8],
    [1, 20, 0, 11],
    [0, 0, 32, 0],
  ],
];

const backends = allUnderTest().map(({ name, isa }) => ({ name, isa }));
const absent = whyNoMpi();

if (absent === null) {
  for (const shares of SHARES) testRanks(shares);
  testHosts();
}
if (absent !== null && isRequired('mpi')) suiteOf('MPI: required')('is there', () => assert.unreachable(absent));
else if (absent !== null) skipAloud('MPI', absent);

/** Not under mpirun on this machine, or with an end of its own. */
type OtherJob = { readonly start?: readonly string[] } & Pick<MpiTask, 'exitCode'>;

/** Results by backend, step and rank; those of the whole by backend and step. */
async function compute(
  steps: readonly { whole: ParallelBatch; parts: readonly ParallelBatch[] }[],
  { start, ...end }: OtherJob = {},
) {
  const task = { backends, batches: steps.map(({ parts }) => parts), ...end };
  const { code, output, answers } = await runJob(steps[0].parts.length, task, start);
  for (const answer of answers) assert.is(answer?.error?.message, undefined);
  assert.is(code, end.exitCode ?? 0, output);
  return allUnderTest().map((backend, b) => {
    backend.use();
    return steps.map(({ whole }, i) => ({
      one: parallelStep(whole),
      parts: answers.map((answer) => answer!.steps![b][i]),
    }));
  });
}

function testRanks(shares: readonly (readonly number[])[]): void {
  const ranks = shares[0].length;
  const test = suiteOf(`MPI: ${ranks} ranks`);
  const all = problems(shares);

  test('parts of the batch are one process with all of it, on every backend', () => comparePartsWithWhole(all));

  test("gradients: 'summed' are those of the batch, on every rank the same bits", async () => {
    const summed = (part: ParallelBatch) => ({ ...part, options: { ...part.options, gradients: 'summed' as const } });
    const results = await compute(
      all.map((problem) => ({ whole: problem.whole, parts: partsOf(problem).map(summed) })),
    );
    for (const steps of results) {
      all.forEach((problem, i) => {
        const { one, parts } = steps[i];
        for (const part of parts.slice(1)) {
          for (const name of ['dgamma', 'dbeta'] as const)
            same(part[name], parts[0][name], `${problem.title}: ${name}`);
        }
        const none = new Float32Array(problem.c);
        compareParts(
          problem,
          [parts[0], ...parts.slice(1).map((part) => ({ ...part, dgamma: none, dbeta: none }))],
          one,
        );
      });
    }
  });

  test('masks, weights and activations count over all ranks', async () => {
    const variants = shares.flatMap(variantsOf);
    const results = await compute(variants);
    for (const steps of results) {
      steps.forEach(({ one, parts }, i) => {
        const { title } = variants[i];
        sameStatistics(parts, title);
        closeTo(one.mean, parts[0].mean, 1e-12, `${title}: mean`);
        closeTo(one.variance, parts[0].variance, 1e-12, `${title}: variance`);
        same(one.count, parts[0].count, `${title}: count`);
        closeInFloat32(one.y, joined(parts.map(({ y }) => y)), `${title}: y`);
        closeInFloat32(one.dx, joined(parts.map(({ dx }) => dx)), `${title}: dx`);
        for (const name of ['dgamma', 'dbeta'] as const) {
          const sum = one[name].map((_, ch) => parts.reduce((total, part) => total + part[name][ch], 0));
          closeInFloat32(one[name], sum, `${title}: ${name}`, 2 * parts.length);
        }
      });
    }
  });
}

const partsOf = (problem: Problem) => problem.shares.map((_, rank) => shareOf(problem, rank));

async function comparePartsWithWhole(all: readonly Problem[], job?: OtherJob): Promise<void> {
  const results = await compute(
    all.map((problem) => ({ whole: problem.whole, parts: partsOf(problem) })),
    job,
  );
  for (const steps of results) {
    all.forEach((problem, i) => {
      const { one, parts } = steps[i];
      sameStatistics(parts, problem.title);
      assert.equal([...parts[0].count], Array(problem.c).fill(problem.whole.x.length / problem.c));
      compareParts(problem, parts, one);
      if (problem.shares.filter((samples) => samples > 0).length > 1) return;
      same(joined(parts.map(({ y }) => y)), one.y, 'y of one rank that has everything');
      same(joined(parts.map(({ dx }) => dx)), one.dx, 'dx of one rank that has everything');
    });
  }
}

function testHosts(): void {
  const why = whyNoHosts();
  if (why !== null) {
    if (isRequired('hosts')) suiteOf('MPI: two hosts: required')('are there', () => assert.unreachable(why));
    else skipAloud('MPI: two hosts', why);
    return;
  }
  const test = suiteOf('MPI: two hosts');
  // Then the job ends by MPI_Abort, when all ranks have answered.
  const noEnd = whyNoEnd();
  const end = noEnd === null ? {} : { exitCode: 7 };
  let hosts: Hosts;
  test.before(() => {
    hosts = new Hosts();
  });
  test.after(() => hosts.close());

  test('two ranks on each, with addresses of their own, and a cable between them', async () => {
    const before = hosts.bytes;
    const { answers, code, output } = await runJob(4, { scene: 'job', ...end }, hosts.mpirun(2));
    assert.is(code, end.exitCode ?? 0, output);
    const jobs = answers.map((answer) => answer?.result as { host: string } | undefined);
    assert.is(new Set(jobs.map((job) => job?.host)).size, 2, output);
    // Each host needs the 100,000 numbers of both ranks on the other at least once.
    const received = hosts.bytes - before;
    if (!(received > 2 * 8 * 100_000)) assert.unreachable(`${received} bytes`);
  });

  test('parts of the batch are one process with all of it', () =>
    comparePartsWithWhole(problems(SHARES.at(-1)!), { start: hosts.mpirun(2), ...end }));

  if (noEnd !== null) skipAloud('MPI: two hosts: a good end', noEnd);
}

/** To the bit on all ranks. */
function sameStatistics(parts: readonly ParallelResult[], title: string): void {
  for (const part of parts.slice(1)) {
    for (const name of ['mean', 'variance', 'runningMean', 'runningVariance'] as const) {
      same(part[name], parts[0][name], `${title}: ${name}, the same on every rank`);
    }
  }
}

function closeTo(expected: Float64Array, actual: Float64Array, bound: number, what: string): void {
  expected.forEach((value, i) => {
    within(Math.abs(actual[i] - value), bound * Math.max(1, Math.abs(value)), what);
  });
}

/** Both are within two units in the last place of the largest value. */
function closeInFloat32(expected: Float32Array, actual: Float32Array, what: string, units = 4): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.is(actual.length, expected.length, what);
  expected.forEach((value, i) => {
    within(Math.abs(actual[i] - value), units * ulp(largest, 'float32'), what);
  });
}

const [C, S] = [3, 5];

function variantsOf(shares: readonly number[]) {
  const random = randomFor(`variants over ranks ${shares}`);
  const samples = shares.reduce((a, b) => a + b);
  const draw = (length: number) => Float32Array.from({ length }, () => random.normal());
  const [gamma, beta, dy] = [draw(C).map((value) => value + 2), draw(C), draw(samples * C * S)];
  const chosen = Uint8Array.from({ length: samples * S }, () => (random.normal() > 0 ? 1 : 0));
  // Quarters add up without rounding in any order.
  const weights = Float64Array.from(chosen, (value) => value * (1 + Math.floor(4 * Math.abs(random.normal())) / 4));
  // A rank of which the mask leaves nothing.
  const lastOfFirst = chosen.map((value, i) => (i < shares[0] * S && shares.length > 1 ? 0 : value));
  const masks = { none: undefined, chosen, weights, lastOfFirst };
  const activations = { none: 'none', relu: 'relu', leaky: leakyRelu(0.1) } as const;
  return Object.entries(masks).flatMap(([maskName, mask]) =>
    Object.entries(activations).map(([name, activation]) => {
      const x = draw(samples * C * S);
      // What is masked is no part of the batch, whatever lies there.
      for (let i = 0; i < x.length; i++) {
        if (mask?.[Math.floor(i / (C * S)) * S + (i % S)] === 0) x[i] = Number.NaN;
      }
      const options = { activation };
      const whole: ParallelBatch = { options, gamma, beta, x, dy, shape: [samples, C, S], ...(mask && { mask }) };
      const parts = shares.map((_, rank) => partOf(whole, shares, rank));
      return { title: `[${shares}] samples, mask ${maskName}, activation ${name}`, whole, parts };
    }),
  );
}

function partOf(whole: ParallelBatch, shares: readonly number[], rank: number): ParallelBatch {
  const from = shares.slice(0, rank).reduce((a, b) => a + b, 0);
  const to = from + shares[rank];
  const cut = (tensor: Float32Array) => tensor.slice(from * C * S, to * C * S);
  const mask = (whole.mask as Uint8Array | undefined)?.slice(from * S, to * S);
  return { ...whole, x: cut(whole.x), dy: cut(whole.dy), shape: [to - from, C, S], ...(mask && { mask }) };
}
