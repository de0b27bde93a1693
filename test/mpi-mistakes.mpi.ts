// What ranks of an MPI job are told that do not fit together, or of which one has gone; and what ranks tell each other.
import * as assert from 'uvu/assert';
import { same } from './support/close.js';
import type { Joined } from './support/join-of-ranks.js';
import { type MpiTask, run, runJob, whyNoMpi } from './support/mpi-job.js';
import { suiteOf } from './support/suite.js';

/** Far below the timeout of an exchange, which is 60 s here. */
const SOON = 20;

if (whyNoMpi() === null) {
  testMismatches();
  testEnds();
  testExchanges();
}

function testMismatches(): void {
  const test = suiteOf('MPI: ranks at different places');

  /** All ranks get the same error, and can go on. */
  async function refused(scene: string, ranks: number, pattern: RegExp): Promise<void> {
    const { answers, code, output } = await runJob(ranks, { scene, caught: true });
    for (const answer of answers) {
      assert.is(answer!.error!.code, 'ERR_BATCHNORM_MISMATCH');
      assert.is(answer!.error!.message, answers[0]!.error!.message);
      assert.match(answer!.error!.message, pattern);
    }
    assert.is(code, 0, output);
  }

  test('other channels', () =>
    refused(
      'channels',
      3,
      /rank 0: forward 1 of layer 0 \(1 channels, 3 numbers\); rank 1: .*\(2 channels, 5 numbers\); rank 2: .*\(3 ch/,
    ));
  test('layers that need one message, and two', () =>
    refused('wide', 2, /rank 0: .*\(2000 channels, 4001 numbers\); rank 1: .*\(3 channels, 7 numbers\)/));
  test('layers that one message serves, and those that ranks divide', () =>
    refused(
      'wider',
      3,
      /rank 0: .*\(9000 channels, all-reduce of 18001 numbers\); ranks 1, 2: .*\(3 channels, 7 numbers\)/,
    ));
  test('exchange and all-reduce of as many numbers', () =>
    refused('ways', 3, /ranks 0, 2: an all-reduce of 100000 numbers; rank 1: an exchange of 100000 numbers/));
  test('another order of like layers', () =>
    refused('order', 3, /ranks 0, 2: forward 1 of layer 0 .*; rank 1: forward 1 of layer 1 /));
  test('one forward more', () =>
    refused('calls', 2, /rank 0: backward 1 of layer 0 .*; rank 1: forward 2 of layer 0 /));
  test('exact and ordered sums, of layers', () =>
    refused(
      'sums of layers',
      3,
      /ranks 0, 2: .*\(2 channels, 5 numbers, ordered sums\); rank 1: .*\(2 channels, 71 numbers, exact sums\)/,
    ));
  test('exact and ordered sums, of classes', () =>
    refused('sums of classes', 2, /rank 0: .*\(2 channels, 6 numbers, ordered sums\); rank 1: .* exact sums\)/));
  test('arrays of other lengths', () =>
    refused('lengths', 2, /rank 0: an exchange of 1 numbers; rank 1: an exchange of 100000 numbers/));
}

function testEnds(): void {
  const test = suiteOf('MPI: a rank that goes');

  async function ended(scene: string, task: Omit<MpiTask, 'scene'> = {}, ranks = 3) {
    const end = await runJob(ranks, { scene, ...task });
    if (!(end.seconds < SOON)) assert.unreachable(`took ${end.seconds} s`);
    assert.is.not(end.code, 0);
    assert.is(end.answers[0], undefined);
    return end;
  }

  test('at its end, while others exchange', async () => {
    const { output } = await ended('ends early');
    assert.match(output, /ranks 0, 2: backward 1 of layer 0 .*; rank 1: the end of its program/);
  });
  test('by an exception', async () => {
    const { output } = await ended('throws');
    assert.match(output, /rank 1 of 3 ends the job: Error: a fault of rank 1/);
  });
  test('by a promise that is rejected', async () => {
    const { output } = await ended('rejects');
    assert.match(output, /rank 1 of 3 ends the job: Error: a broken promise/);
  });
  test('killed', async () => {
    const { output } = await ended('killed');
    assert.match(output, /signal 9|KILLED/i);
  });
  test('with an exit code of its own, which is that of the job', async () => {
    const { code } = await ended('exit code');
    assert.is(code, 3);
  });
  test('too late: its name, and the code', async () => {
    const { output } = await ended('late', { timeout: 300 });
    assert.match(output, /forward 1 of layer 0 .* and waited 300 ms; nothing came from rank 1 of 3/);
    assert.match(output, /ERR_BATCHNORM_TIMEOUT/);
  });
  test('too late: no other rank is named, although it is through some of them that ranks send', async () => {
    const { output } = await ended('late', { timeout: 300 }, 4);
    assert.match(output, /nothing came from rank 1 of 4/);
    assert.not.match(output, /nothing came from ranks/);
  });
  test('a timeout that is caught still ends the job', async () => {
    const { code, seconds } = await runJob(2, { scene: 'late', caught: true, timeout: 300 });
    assert.is.not(code, 0);
    if (!(seconds < SOON)) assert.unreachable(`took ${seconds} s`);
  });
}

function testExchanges(): void {
  const test = suiteOf('MPI: exchanges');

  test('of any length, in order of rank', async () => {
    const { answers } = await runJob(3, { scene: 'long messages' });
    for (const answer of answers) {
      const received = answer!.result as Float64Array[][];
      assert.equal(
        received.map((all) => all.map(({ length }) => length)),
        [1, 258, 259, 5000].map((length) => [length, length, length]),
      );
      for (const all of received) {
        all.forEach((values, rank) => {
          values.forEach((value, i) => {
            if (value !== rank + i / 8192) assert.unreachable(`${value} at ${i} of rank ${rank}`);
          });
        });
      }
    }
  });

  test('what ranks divide is what each would join by itself, to the bit, on all of them', async () => {
    for (const ranks of [2, 3, 4]) {
      const [divided, undivided] = [
        await runJob(ranks, { scene: 'divided' }),
        await runJob(ranks, { scene: 'undivided' }),
      ];
      const expected = undivided.answers[0]!.result as Joined;
      assert.ok(Object.keys(expected).length > 50);
      for (const [rank, answer] of divided.answers.entries()) {
        const own = undivided.answers[rank]!.result as Joined;
        for (const [name, array] of Object.entries(answer!.result as Joined)) {
          same(array, own[name], `rank ${rank} of ${ranks}: ${name}`);
          if (!/^(y|dx) /.test(name)) same(array, expected[name], `rank ${rank} of ${ranks}: ${name}, as on rank 0`);
        }
      }
    }
  });

  test('of several things at once', async () => {
    const { answers } = await runJob(3, { scene: 'together' });
    for (const answer of answers) {
      // 1, 3 of rank 1 and 2, 4 of rank 2.
      assert.equal(answer!.result, {
        mean: Float64Array.of(2.5),
        values: Float64Array.of(4),
        count: 3,
        sumDy: Float64Array.of(3, 3),
        sumDyDeviation: Float64Array.of(3, 3),
        all: [0, 1, 2].map((rank) => [Float64Array.of(rank), new Float64Array(0), Float64Array.of(1, rank)]),
      });
    }
  });

  test('without mpirun: a job of one rank', async () => {
    const { answers, code, output } = await runJob(1, { scene: 'job' }, ['env']);
    assert.is(code, 0, output);
    const { rank, size } = answers[0]!.result as { rank: number; size: number };
    assert.equal([rank, size], [0, 1]);
  });

  test('without mpirun a mistake is one as in any program', async () => {
    const { code, output } = await runJob(1, { scene: 'exit code' }, ['env']);
    assert.is(code, 0, output);
    const script = "import { MpiReducer } from 'batchnorm/mpi'; new MpiReducer(); throw new Error('own fault')";
    const end = await run([process.execPath, '--input-type=module', '-e', script]);
    assert.is(end.code, 1);
    assert.match(end.output, /Error: own fault/);
    assert.not.match(end.output, /MPI_ABORT/);
  });
}
