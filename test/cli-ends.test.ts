/** How `batchnorm train` ends when something does: a worker, or the patience of who started it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { planOf } from '#demo/runs/settings.js';
import { type Listener, Pool } from '#demo/train/pool.js';
import { shortFirst } from '#demo/train/schedule.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('train ends');
const settings = { steps: 2, batch: 2, learningRate: 1, seed: 1, quick: true };

test('with the error of a worker, and with its other workers', async () => {
  const done: string[] = [];
  const listener: Listener = {
    ready() {},
    progress() {},
    done: ({ id }) => void done.push(id),
    interrupted: () => assert.unreachable(),
  };
  // The folder has gone since it was checked.
  const pool = new Pool({ settings, data: join(tmpdir(), 'batchnorm-has-gone') }, 2);
  try {
    await pool.run(planOf(settings), listener);
    assert.unreachable('should have failed');
  } catch (error) {
    assert.match((error as Error).message, /batchnorm-has-gone: expected a folder with IDX files/);
  } finally {
    await pool.stop();
  }
  assert.equal(done, []);
});

test('with runs that are whole: those of few steps come first', () => {
  const jobs = planOf({ ...settings, steps: 1000 }).filter(({ kind }) => kind === 'training');
  const steps = shortFirst(jobs).map((job) => job.steps);
  assert.ok(steps[0]! < 200 && steps.at(-1) === 1000);
  assert.equal(
    steps,
    [...steps].sort((a, b) => a - b),
  );
});

test('at once, at a second signal that is no echo of the first', async () => {
  const module = fileURLToPath(new URL('../dist-demo/train/interruption.js', import.meta.url));
  const script = `import { onInterruption } from ${JSON.stringify(module)};
    onInterruption((signal) => console.log(signal)); // and what is under way does not end
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8');
  const said = async () => ((await once(child.stdout, 'data')) as [string])[0].trim();
  assert.is(await said(), 'ready');
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  assert.is(await said(), 'SIGINT');
  child.kill('SIGINT'); // as npm and mpirun pass on what the terminal has sent already
  await setTimeout(1200);
  assert.is(child.exitCode, null, 'an echo ends nothing');
  child.kill('SIGTERM');
  assert.is((await ended)[0], 143);
});
