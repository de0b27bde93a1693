/**
 * A process that calls the addon with nonsense: `node addon-child.js JOURNAL [RUNS]`. Prints a line of JSON for each
 * suite of calls: what was found wrong, how many calls were accepted and how many refused. The call that is being made
 * stands in the file JOURNAL, so that it is known if the process dies of it.
 */
import { openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import fc from 'fast-check';
import * as nonsense from './addon-nonsense.js';
import { FUNCTION_NAMES, type FunctionName, goodArguments, isGood } from './addon-slots.js';
import { SEED } from './random.js';
import { DTYPES } from './tensors.js';

type AnyFunction = (...values: unknown[]) => unknown;
type Outcome = 'accepted' | 'refused';

interface Addon {
  isas(...values: unknown[]): string[];
  load(...values: unknown[]): Record<FunctionName, AnyFunction>;
}

export interface Finding {
  readonly title: string;
  readonly wrong: string[];
  readonly accepted: number;
  readonly refused: number;
}

const addon: Addon = createRequire(import.meta.url)('../../build/Release/batchnorm.node');
const journal = openSync(process.argv[2], 'w');
const RUNS = { numRuns: Number(process.argv[3] ?? 300), seed: SEED };
const VIEW = { n: 2, c: 3, s: 2 };

/** One suite of calls. */
class Calls {
  readonly #wrong: string[] = [];
  readonly #counts = { accepted: 0, refused: 0 };

  constructor(readonly title: string) {}

  /** Throws unless the call does what is expected of it. */
  check(expected: Outcome, values: readonly unknown[], call: () => unknown): void {
    const line = `${this.title}(${values.map((value) => inspect(value, { depth: 1, maxArrayLength: 2 })).join(', ')})`;
    writeSync(journal, line.replace(/\s+/g, ' ').slice(0, 1000).padEnd(1000), 0);
    const found = outcomeOf(call);
    if (found !== expected) throw new Error(`${line}: expected to be ${expected}, was ${found}`);
    this.#counts[found]++;
  }

  /** Goes on after what is wrong. */
  attempt(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#wrong.push(error instanceof Error ? error.message : String(error));
    }
  }

  /** Not console.log, which may come too late if the process dies. */
  print(): void {
    const finding: Finding = { title: this.title, wrong: this.#wrong, ...this.#counts };
    writeSync(1, `${JSON.stringify(finding)}\n`);
  }
}

function outcomeOf(call: () => unknown): Outcome {
  try {
    call();
    return 'accepted';
  } catch (error) {
    const isKind = error instanceof TypeError || error instanceof RangeError;
    if (isKind && error.message.startsWith('batchnorm: native: ')) return 'refused';
    throw new Error(`not an error of the addon: ${inspect(error)}`);
  }
}

/** All arrays over one piece of memory, whatever they are for. */
function overlapping(values: readonly unknown[]): unknown[] {
  const floats = new Float32Array(256);
  const doubles = new Float64Array(floats.buffer);
  return values.map((value, k) => {
    if (value instanceof Float64Array) return doubles.subarray(k, k + value.length);
    return value instanceof Float32Array ? floats.subarray(k, k + value.length) : value;
  });
}

/** Each of the good arguments in turn replaced by what no argument may be. */
function* oneBad(good: readonly unknown[]): Generator<unknown[]> {
  const { convertible, detached, explosive, lying, resized } = nonsense;
  const { NaN: nan } = Number;
  const sizes = [-1, 0, 0.5, nan, Infinity, 2 ** 32, 2 ** 53, 2 ** 64, 1e300];
  const arrays = [
    detached(12),
    explosive(12),
    lying(12),
    resized(0),
    resized(30, 6),
    new Float32Array(0),
    new Float64Array(2),
  ];
  const positions = [
    Int32Array.of(-1),
    Int32Array.of(0, 4),
    Float64Array.of(nan),
    Float64Array.of(0, 4),
    Int32Array.of(3),
  ];
  const others = [undefined, 'text', '2', 2n, Symbol('2'), {}, [0, 0], () => 2, convertible(), new Int32Array(12)];
  for (const at of good.keys())
    for (const bad of [...sizes, ...arrays, ...positions, ...others]) yield good.with(at, bad);
}

function checkFunction(isa: string, name: FunctionName, call: AnyFunction): void {
  const calls = new Calls(`${isa} ${name}`);
  const check = (values: readonly unknown[]) =>
    calls.check(isGood(name, values) ? 'accepted' : 'refused', values, () => call(...values));
  for (const dtype of DTYPES) {
    const good = goodArguments(name, dtype, VIEW);
    const explicit = [
      good,
      overlapping(good),
      ...good.map((_, count) => good.slice(0, count)),
      [...good, 1],
      ...oneBad(good),
    ];
    for (const values of explicit) calls.attempt(() => check(values));
    calls.attempt(() => calls.check('refused', good, () => Reflect.construct(call, [])));
  }
  for (const values of [nonsense.spoilt(name), nonsense.nonsense]) {
    calls.attempt(() => fc.assert(fc.property(values, check), RUNS));
  }
  calls.print();
}

function checkLoad(): void {
  const calls = new Calls('load');
  const check = (values: readonly unknown[]) => calls.check('refused', values, () => addon.load(...values));
  const names = ['', 'AVX2', 'baseline ', 'x'.repeat(1e6), '\ud800', 0, null, nonsense.convertible(), ['baseline']];
  for (const name of names) calls.attempt(() => check([name]));
  calls.attempt(() => fc.assert(fc.property(nonsense.nonsense, check), RUNS));
  calls.attempt(() => calls.check('accepted', ['baseline'], () => addon.isas(...names)));
  calls.print();
}

const RESOURCES = ['threads', 'threadBytes', 'tileBytes', 'sharedBytes', 'streamBytes'];

function isResource(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

/** Every number that load takes; with those that it accepts, a call of several threads is made. */
function checkResources(isa: string): void {
  const calls = new Calls('load: resources');
  const work = goodArguments('backward', 'float32', { n: 40, c: 6, s: 9 });
  const check = (resources: Record<string, unknown>) => {
    const expected = Object.values(resources).every(isResource) ? 'accepted' : 'refused';
    calls.check(expected, [resources], () => addon.load(isa, resources).backward(...work));
  };
  const { convertible } = nonsense;
  const numbers = [0, -0, -1, 0.5, 1.5, Number.NaN, Infinity, -Infinity, 5e-324, 2 ** 53, 2 ** 63, 2 ** 64, 1e300];
  const others = [undefined, null, '2', 2n, true, Symbol('2'), {}, [2], convertible()];
  const good = [1, 7, 255, 256, 257, 4096, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1];
  for (const name of RESOURCES) {
    for (const value of [...numbers, ...others]) calls.attempt(() => check({ [name]: value }));
    for (const value of good) calls.attempt(() => check({ threads: 2, threadBytes: 1, [name]: value }));
  }
  for (const value of [null, 2, '', 'threads', true, 2n, Symbol('2'), () => 2]) {
    calls.attempt(() => calls.check('refused', [value], () => addon.load(isa, value)));
  }
  const all = Object.fromEntries(RESOURCES.map((name) => [name, fc.oneof(fc.constantFrom(...good), nonsense.numbers)]));
  calls.attempt(() => fc.assert(fc.property(fc.record(all), check), RUNS));
  for (const ifma of [true, false])
    calls.attempt(() => calls.check('accepted', [ifma], () => addon.load(isa, { ifma })));
  for (const ifma of [undefined, null, 0, 1, '', 'false', {}]) {
    calls.attempt(() => calls.check('refused', [ifma], () => addon.load(isa, { ifma })));
  }
  calls.attempt(() => calls.check('accepted', [], () => addon.load(isa, Object.create({ threads: Infinity }))));
  calls.print();
}

checkLoad();
checkResources(addon.isas()[0]);
for (const isa of addon.isas()) {
  const table = addon.load(isa);
  for (const name of FUNCTION_NAMES) checkFunction(isa, name, table[name]);
}
