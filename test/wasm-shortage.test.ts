/**
 * Whatever allocation fails, in whatever call, there is a right answer or a clear error, and everything is as before:
 * for every call the first, the second ... allocation fails, alone or with all that follow, until none is left to fail.
 */
import { inspect } from 'node:util';
import { allocate, forwardTraining, release, useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { Heap } from '#dist/backends/wasm/heap.js';
import { memoryInUse } from '#dist/backends/wasm/memory.js';
import { attempt, CALLS } from './support/shortage-calls.js';
import { suiteOf } from './support/suite.js';

const MEBI = 2 ** 20;
const test = suiteOf('wasm: shortage');

/** Runs with the `nth` call of a method failing, alone or with all after it; how many times the method was called. */
function failing<Owner>(
  owner: Owner,
  method: keyof Owner,
  [nth, alone]: readonly [nth: number, alone: boolean],
  fail: () => unknown,
  run: () => void,
): number {
  const whole = owner[method] as (...args: unknown[]) => unknown;
  let count = 0;
  const replaced = function (this: unknown, ...args: unknown[]) {
    count++;
    if (count === nth || (count > nth && !alone)) return fail();
    return new.target === undefined ? whole.apply(this, args) : Reflect.construct(whole, args);
  };
  Object.assign(owner as object, { [method]: replaced });
  try {
    run();
  } finally {
    Object.assign(owner as object, { [method]: whole });
  }
  return count;
}

function errorOf(call: () => unknown): Error | null {
  try {
    call();
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** Blocks of the heap that belong to tensors: the others are kept for speed, and given back now. */
function blocksInUse(): number {
  const memory = memoryInUse();
  for (const giveBack of memory.onPressure) giveBack();
  return memory.heap.blocks;
}

/** Every number, in words: a clone of what lies in shared memory would change with it. */
function textOf(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null });
}

const CLEAR = /^batchnorm: \w+: no room for .* in WebAssembly memory, where .* are free in one piece; release tensors/;

/** How many allocations the call makes. */
function tryWith(title: string, isAllocated: boolean, which: readonly [nth: number, alone: boolean]): number {
  const whole = attempt(CALLS[title], isAllocated);
  const state = textOf(whole.state());
  const result = textOf(whole.call());
  whole.end();
  const before = blocksInUse();
  const tried = attempt(CALLS[title], isAllocated);
  for (const giveBack of memoryInUse().onPressure) giveBack();
  let given: unknown;
  let error: Error | null = null;
  const count = failing(
    Heap.prototype,
    'allocate',
    which,
    () => 0,
    () => {
      error = errorOf(() => {
        given = textOf(tried.call());
      });
    },
  );
  const where = `${title}, allocation ${which}`;
  if (error === null) assert.ok(given === result, `${where}: the result`);
  else {
    assert.match((error as Error).message, CLEAR, where);
    assert.ok(textOf(tried.state()) === state, `${where}: as before`);
    assert.ok(textOf(tried.call()) === result, `${where}: the next call`);
  }
  tried.end();
  assert.is(blocksInUse(), before, `${where}: nothing is lost`);
  return count;
}

for (const isAllocated of [false, true]) {
  for (const title of Object.keys(CALLS)) {
    test(`${title}, ${isAllocated ? 'tensors of the memory' : 'ordinary arrays'}`, () => {
      useBackend('wasm', { threads: 1 });
      for (const alone of [true, false]) {
        let nth = 1;
        while (tryWith(title, isAllocated, [nth, alone]) >= nth) nth++;
        assert.ok(nth > 1, 'some allocation was made to fail');
      }
    });
  }
}

/** Has the memory in use given up, so that the next call must reserve another. */
async function giveUp(): Promise<void> {
  const memory = memoryInUse();
  const awake = setInterval(() => undefined, 1000);
  await new Promise<void>((resolve) => {
    memory.onDrop.add(resolve);
    release(allocate(100 * MEBI));
  });
  clearInterval(awake);
}

const AGAIN: Record<string, () => unknown> = {
  forwardTraining: () => forwardTraining(Float32Array.of(1, 3), [2, 1], { epsilon: 0 }).y.join(),
  allocate: () => release(allocate(8)),
};

for (const [call, method, says] of [
  ['forwardTraining', 'Memory', 'cannot be reserved'],
  ['allocate', 'Memory', 'cannot be reserved'],
  ['forwardTraining', 'Instance', 'may only be compiled'],
] as const) {
  test(`${call} where there is no new ${method}`, async () => {
    useBackend('wasm', { threads: 1 });
    const expected = AGAIN[call]();
    await giveUp();
    const fail = () => {
      throw new RangeError('Out of memory');
    };
    let error: Error | null = null;
    failing(WebAssembly, method, [1, false], fail, () => {
      error = errorOf(AGAIN[call]);
    });
    assert.match(String(error), new RegExp(`^Error: batchnorm: .*${says}`));
    assert.is(AGAIN[call](), expected, 'the next call');
  });
}
