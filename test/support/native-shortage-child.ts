/**
 * A process whose addon refuses memory and threads as it is told: for every call the first, the second ... request is
 * refused, alone or with all that follow, until none is left to refuse. native/runtime/refuse.h, refuse.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { loadWith } from '#dist/backends/native.js';
import type { FromWorker } from './native-shortage-worker.js';
import { attempt, CALLS } from './shortage-calls.js';
import { suiteOf } from './suite.js';

interface Refusing {
  /** Answers how many requests there were since the last time. */
  refuse(after: number, all: boolean): number;
  isas(): string[];
  load(isa: string, resources: object): unknown;
}

const NEVER = 2 ** 53;
const THREADS = 3;
const CLEAR = /^RangeError: batchnorm: native: (load: )?no memory for \d+ bytes$/;
/** The same file under the same name as the library's: it is loaded once in a thread. */
const addon: Refusing = createRequire(import.meta.url)('../../build/Release/batchnorm.node');
const [isa] = addon.isas();

// Small calls are worth several threads here, on however few processors.
const { load } = addon;
addon.load = (name, resources) => load(name, { ...resources, threads: THREADS, threadBytes: 1 });

const native = () => useBackend('native', { threads: THREADS });

/** Every number, in words. */
function textOf(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null });
}

/** What it gives, or its error, and how many requests it made. */
function refusing(
  after: number,
  all: boolean,
  call: () => unknown,
): { given?: string; error?: string; requests: number } {
  addon.refuse(after, all);
  try {
    const given = textOf(call());
    return { given, requests: addon.refuse(NEVER, false) };
  } catch (error) {
    return { error: String(error), requests: addon.refuse(NEVER, false) };
  }
}

/** How many requests the call made. */
function tryWith(title: string, after: number, all: boolean, expected: { state: string; result: string }): number {
  const tried = attempt(CALLS[title], false);
  const { given, error, requests } = refusing(after, all, tried.call);
  const where = `${title}, request ${after}, ${all ? 'and all that follow' : 'alone'}`;
  if (error === undefined) assert.ok(given === expected.result, `${where}: the result`);
  else {
    assert.match(error, CLEAR, where);
    assert.ok(textOf(tried.state()) === expected.state, `${where}: as before`);
    assert.ok(textOf(tried.call()) === expected.result, `${where}: the next call`);
  }
  tried.end();
  return requests;
}

const test = suiteOf('native: shortage');
for (const title of Object.keys(CALLS).filter((name) => name !== 'allocate')) {
  test(title, () => {
    useBackend('reference');
    const whole = attempt(CALLS[title], false);
    const expected = { state: textOf(whole.state()), result: textOf(whole.call()) };
    native();
    for (const all of [false, true]) {
      let after = 0;
      while (tryWith(title, after, all, expected) > after) after++;
      assert.ok(after >= THREADS, `memory and ${THREADS - 1} threads were refused: ${after}`);
    }
  });
}

test('a coefficient cache that finds no memory', () => {
  useBackend('reference');
  const result = textOf(attempt(CALLS['forwardInference'], false).call());
  native();
  const outcomes = [0, 1].map((after) => refusing(after, false, attempt(CALLS['forwardInference'], false).call));
  assert.match(outcomes[0].error!, CLEAR, 'no memory to work in');
  assert.ok(outcomes[1].given === result, 'no memory for what is kept: it is computed all the same');
});

test('load', () => {
  const loading = () => typeof loadWith(isa!, { threads: 2 });
  for (const all of [false, true]) {
    const { error, requests } = refusing(0, all, loading);
    assert.match(String(error), CLEAR);
    assert.ok(requests > 0);
    assert.is(loading(), 'object');
  }
});

/** What a worker answers to a message. */
async function ask(worker: Worker): Promise<FromWorker> {
  worker.postMessage('compute');
  const [answer] = await once(worker, 'message');
  return answer;
}

test('the first load of an environment', async () => {
  const file = new URL('native-shortage-worker.js', import.meta.url);
  for (const all of [false, true]) {
    let after = 0;
    let requests: number;
    let refused = 0;
    do {
      const worker = new Worker(file);
      await once(worker, 'message');
      addon.refuse(after, all);
      const { error } = await ask(worker);
      requests = addon.refuse(NEVER, false);
      const again = await ask(worker);
      await worker.terminate();
      assert.equal(again, { error: null, mean: '2' }, `after ${after}`);
      if (error !== null) {
        assert.match(error, /^Error: batchnorm: useBackend .* native: (load: )?no memory for \d+ bytes$/);
        refused++;
      }
    } while (requests > after++);
    assert.ok(refused >= 3, `the environment, the table and memory to work in: ${refused}`);
  }
});
