/**
 * Whatever kernel call finds no memory to work in, the call of the user that needs it throws, and everything is as
 * before: for every call the first, the second ... kernel call is refused.
 */
import { inspect } from 'node:util';
import { useBackend } from 'batchnorm';
import * as assert from 'uvu/assert';
import { kernels } from '#dist/backends/select.js';
import { attempt, CALLS, CALLS_IN_PIECES } from './support/shortage-calls.js';
import { suiteOf } from './support/suite.js';

const ALL = { ...CALLS, ...CALLS_IN_PIECES };
const REFUSED = new RangeError('no memory for 1 bytes');
type Kernel = (...args: unknown[]) => unknown;

/** Every number, in words. */
function textOf(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null });
}

/** The kernels of a table and of those in it, each with the table that it is of. */
function* kernelsOf(table: object): Generator<readonly [Record<string, Kernel>, string]> {
  for (const [name, value] of Object.entries(table)) {
    if (typeof value === 'function') yield [table as Record<string, Kernel>, name];
    else if (typeof value === 'object' && value !== null) yield* kernelsOf(value);
  }
}

/** Runs with the `nth` kernel call refused; its error or null, and how many there were. */
function refusing(nth: number, run: () => void): { error: unknown; count: number } {
  const whole = [...kernelsOf(kernels())].map(([table, name]) => [table, name, table[name]] as const);
  let count = 0;
  for (const [table, name, kernel] of whole) {
    table[name] = (...args) => {
      if (++count === nth) throw REFUSED;
      return kernel(...args);
    };
  }
  try {
    run();
    return { error: null, count };
  } catch (error) {
    return { error, count };
  } finally {
    for (const [table, name, kernel] of whole) table[name] = kernel;
  }
}

/** Whether there was such a kernel call. */
function tryWith(title: string, nth: number): boolean {
  const whole = attempt(ALL[title], false);
  const state = textOf(whole.state());
  const result = textOf(whole.call());
  const tried = attempt(ALL[title], false);
  let given: unknown;
  const { error, count } = refusing(nth, () => {
    given = textOf(tried.call());
  });
  const where = `${title}, kernel call ${nth}`;
  if (error === null) assert.ok(given === result, `${where}: the result`);
  else {
    assert.is(error, REFUSED, where);
    assert.ok(textOf(tried.state()) === state, `${where}: as before`);
    assert.ok(textOf(tried.call()) === result, `${where}: the next call`);
  }
  return count >= nth;
}

const test = suiteOf('kernel: shortage');
for (const title of Object.keys(ALL).filter((name) => name !== 'allocate')) {
  test(title, () => {
    useBackend('reference');
    let nth = 1;
    while (tryWith(title, nth)) nth++;
    assert.ok(nth > 1, 'some kernel call was refused');
  });
}
