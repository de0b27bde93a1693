// Options are read once, before anything is checked, and only own ones count.
import {
  BatchNorm,
  type BatchNormOptions,
  type BatchNormState,
  backward,
  doubleBackward,
  forwardInference,
  forwardTraining,
  GradientSums,
  leakyRelu,
  Moments,
  populationStatistics,
  ThreadReducer,
  useBackend,
} from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';
import { detached, wrong } from './bad-calls/table.js';

const SHAPE = [3, 2];
const X = Float32Array.of(1, 2, 3, 4, 5, 7);
const DY = Float32Array.of(1, 0, 2, 0, -1, 3);
const GIVEN = { mean: Float64Array.of(3, 4), variance: Float64Array.of(2, 3) };
const MASK = [1, 0, 1];

/** A call with options that are yet to be made; `with` wraps each object that a user hands over. */
type Call = (wrap: <O extends object>(options: O) => O) => unknown;

function parameters() {
  return { gamma: Float32Array.of(1, 2), beta: Float32Array.of(0, 1), residual: X.slice(), activation: leakyRelu(0.5) };
}

function layer(options: BatchNormOptions, wrap: <O extends object>(options: O) => O): unknown {
  const bn = new BatchNorm(2, wrap({ epsilon: 1e-3, ...options }));
  const y = bn.forward(X, SHAPE, wrap({ out: new Float32Array(6), residual: X.slice(), update: true }));
  const dx = bn.backward(DY, wrap({ out: new Float32Array(6), outResidual: new Float32Array(6) }));
  return [y, dx, bn.dgamma, bn.dbeta, bn.dresidual, bn.state()];
}

const CALLS: Record<string, Call> = {
  forwardTraining: (wrap) =>
    forwardTraining(
      X,
      SHAPE,
      wrap({
        ...parameters(),
        ...{ axis: 1, epsilon: 1e-3, singleValue: 'allow' as const, mask: MASK, out: new Float32Array(6) },
        ...{ outMean: new Float64Array(2), outVariance: new Float64Array(2) },
      }),
    ),
  'forwardTraining without': (wrap) => forwardTraining(X, SHAPE, wrap({})),
  'forwardTraining with none': () => forwardTraining(X, SHAPE),
  forwardInference: (wrap) =>
    forwardInference(
      X,
      SHAPE,
      wrap({ ...GIVEN, ...parameters(), axis: 1, epsilon: 1e-3, mask: MASK, out: new Float32Array(6) }),
    ),
  'forwardInference without': (wrap) => forwardInference(X, SHAPE, wrap({ ...GIVEN })),
  backward: (wrap) =>
    backward(
      DY,
      X,
      SHAPE,
      wrap({
        ...GIVEN,
        ...parameters(),
        ...{ axis: 1, epsilon: 1e-3, mask: MASK, statistics: 'batch' as const, out: new Float32Array(6) },
        ...{ outGamma: new Float32Array(2), outBeta: new Float32Array(2), outResidual: new Float32Array(6) },
      }),
    ),
  'backward without': (wrap) => backward(DY, X, SHAPE, wrap({ ...GIVEN })),
  doubleBackward: (wrap) =>
    doubleBackward(
      DY,
      X,
      SHAPE,
      wrap({
        ...GIVEN,
        ...parameters(),
        ...{ axis: 1, epsilon: 1e-3, mask: MASK, statistics: 'batch' as const, summation: 'exact' as const },
        ...{ ddx: DY, ddgamma: Float32Array.of(1, 2), ddbeta: Float32Array.of(3, 4), ddresidual: X },
      }),
    ),
  'doubleBackward without': (wrap) => doubleBackward(DY, X, SHAPE, wrap({ ...GIVEN })),
  layer: (wrap) => layer({ decay: 0.5, debias: true, scale: true, center: true }, wrap),
  'layer with variants': (wrap) =>
    layer({ ghostBatchSize: 2, grouping: 'interleaved', onNonFinite: 'skip', singleValue: 'allow' }, wrap),
  'layer with renorm': (wrap) => layer({ renorm: wrap({ rMin: 0.1, rMax: 2, dMax: 1, decay: 0.5 }) }, wrap),
  'layer with none': () => {
    const bn = new BatchNorm(2);
    return [bn.forward(X, SHAPE), bn.backward(DY), bn.state()];
  },
  'layer with limits': (wrap) => new BatchNorm(2, { renorm: true }).forward(X, SHAPE, wrap({ rMax: 2, dMax: 1 })),
  'layer with a mask': (wrap) => new BatchNorm(2).forward(X, SHAPE, wrap({ mask: MASK })),
  'state, saved and loaded': (wrap) =>
    BatchNorm.fromState(wrap(new BatchNorm(2).state() as BatchNormState), wrap({})).state(),
  Moments: (wrap) => new Moments(2).add(X, SHAPE, wrap({ axis: 1, mask: MASK })).toJSON(),
  'Moments with none': () => Moments.fromJSON(new Moments(2).add(X, SHAPE).toJSON()).toJSON(),
  GradientSums: (wrap) =>
    new GradientSums(2)
      .add(DY, X, SHAPE, wrap({ ...GIVEN, ...parameters(), axis: 1, epsilon: 1e-3, mask: MASK }))
      .toJSON(),
  ThreadReducer: (wrap) => new ThreadReducer(ThreadReducer.memory(1, 2), 0, wrap({ timeout: 5 })).size,
};

/** What libraries put on `Object.prototype`, and all names that are options here. */
const NAMES = ['groupBy2', 'axis', 'epsilon', 'gamma', 'beta', 'residual', 'activation', 'singleValue', 'mask', 'out'];
NAMES.push('outMean', 'outVariance', 'mean', 'variance', 'statistics', 'sums', 'outGamma', 'outBeta', 'outResidual');
NAMES.push('update', 'rMin', 'rMax', 'dMax', 'updateRate', 'decay', 'debias', 'varianceEstimator', 'scale', 'center');
NAMES.push('dtype', 'ghostBatchSize', 'grouping', 'renorm', 'onNonFinite', 'synchronize', 'gradients', 'timeout');
NAMES.push('isa', 'threads', 'memory', 'from', 'onProgress', 'slope', 'min', 'max', 'origin', 'weights', 'groups');
NAMES.push('summation', 'ddx', 'ddgamma', 'ddbeta', 'ddresidual');

async function polluted(name: string, enumerable: boolean, value: unknown, run: () => unknown): Promise<void> {
  Object.defineProperty(Object.prototype, name, { value, enumerable, configurable: true, writable: true });
  try {
    await run();
  } finally {
    delete (Object.prototype as Record<string, unknown>)[name];
  }
}

/** Counts how often each property is read. */
function counting<O extends object>(options: O, reads: Map<string, number>): O {
  const counted = {};
  for (const [name, value] of Object.entries(options)) {
    const get = () => {
      reads.set(name, (reads.get(name) ?? 0) + 1);
      return value;
    };
    Object.defineProperty(counted, name, { get, enumerable: true });
  }
  return counted as O;
}

export default function optionsOnce(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'options');
  const asIs = <O extends object>(options: O) => options;

  for (const [title, call] of Object.entries(CALLS)) {
    test(`${title}: Object.prototype is no option`, async () => {
      const clean = call(asIs);
      for (const name of NAMES) {
        for (const enumerable of [true, false]) {
          for (const value of [() => 0, X, [0, 0, 0], 1e9]) {
            await polluted(name, enumerable, value, () => {
              const now = call(asIs);
              delete (Object.prototype as Record<string, unknown>)[name];
              assert.equal(now, clean, `${name} on Object.prototype`);
            });
          }
        }
      }
    });

    test(`${title}: every option is read once`, () => {
      const all: Map<string, number>[] = [];
      const counted = call((options) => {
        const reads = new Map<string, number>();
        all.push(reads);
        return counting(options, reads);
      });
      assert.equal(counted, call(asIs));
      for (const reads of all)
        for (const [name, times] of reads) assert.is(times, 1, `${name} was read ${times} times`);
    });
  }

  test('populationStatistics and useBackend: Object.prototype is no option', async () => {
    const clean = await populationStatistics([{ x: X, shape: SHAPE }]);
    for (const name of NAMES) {
      await polluted(name, true, [0, 0, 0], async () => {
        const now = await populationStatistics([{ x: X, shape: SHAPE }], {});
        const used = useBackend(backend.name, { isa: backend.isa });
        delete (Object.prototype as Record<string, unknown>)[name];
        assert.equal(now.toJSON(), clean.toJSON(), name);
        assert.equal(used.name, backend.name);
      });
    }
  });

  test('inherited options are none', () => {
    const clean = forwardTraining(X, SHAPE);
    assert.equal(forwardTraining(X, SHAPE, Object.create({ epsilon: 1e9 })), clean);
    const state = JSON.parse(JSON.stringify(new BatchNorm(2).state()));
    delete state.gamma;
    Object.setPrototypeOf(state, { gamma: [9, 9] });
    assert.throws(() => BatchNorm.fromState(state), /"state" lacks "gamma"/);
  });

  test('an out that answers differently is the first one', () => {
    for (const run of [
      (options: object) => forwardTraining(X, SHAPE, options).y,
      (options: object) => forwardInference(X, SHAPE, { ...GIVEN, ...options }),
      (options: object) => new BatchNorm(2).forward(X, SHAPE, options),
    ]) {
      const answers = [new Float32Array(6), new Float32Array(2).fill(7), new Float32Array(6).fill(7)];
      const [first, short, other] = answers;
      const y = run({
        get out() {
          return answers.shift();
        },
      });
      assert.is(y, first);
      assert.equal([...short, ...other], Array(8).fill(7));
    }
  });

  // All that can run of the user's, here to take x away after it has been looked at.
  const late: Record<string, (x: Float32Array, away: () => void) => unknown> = {
    'an element of a mask': (x, away) => forwardTraining(x, SHAPE, { mask: trap([1, 0, 1], away) }),
    'an element of a mask, inference': (x, away) =>
      forwardInference(x, SHAPE, { ...GIVEN, mask: trap([1, 0, 1], away) }),
    'an element of a mask, backward': (x, away) => backward(DY, x, SHAPE, { ...GIVEN, mask: trap([1, 0, 1], away) }),
    'an element of a mask, layer': (x, away) => new BatchNorm(2).forward(x, SHAPE, { mask: trap([1, 0, 1], away) }),
    'an element of a mask, Moments': (x, away) => new Moments(2).add(x, SHAPE, { mask: trap([1, 0, 1], away) }),
    'an element of a mask, GradientSums': (x, away) =>
      new GradientSums(2).add(DY, x, SHAPE, { ...GIVEN, mask: trap([1, 0, 1], away) }),
    'the variance': (x, away) => forwardInference(x, SHAPE, { mean: GIVEN.mean, variance: trap([2, 3], away) }),
    'a dimension': (x, away) => forwardTraining(x, trap([3, 2], away)),
    'a dimension, layer': (x, away) => new BatchNorm(2).forward(x, trap([3, 2], away)),
    'an activation': (x, away) =>
      forwardTraining(x, SHAPE, { activation: { name: 'leakyRelu', slope: 0, ...getter('slope', 0.5, away) } }),
  };
  for (const [title, call] of Object.entries(late)) {
    test(`${title} is read before x is checked`, () => {
      const x = X.slice();
      const away = () => {
        if (x.length > 0) structuredClone(x.buffer, { transfer: [x.buffer] });
      };
      assert.throws(() => call(x, away), /"x" expected .* whose buffer is detached/);
    });
  }

  test('a mean of float64 is checked after the variance has been read', () => {
    const mean = GIVEN.mean.slice();
    const away = () => structuredClone(mean.buffer, { transfer: [mean.buffer] });
    const call = () => forwardInference(X, SHAPE, { mean, variance: trap([2, 3], away) });
    assert.throws(call, /"mean" expected .* whose buffer is detached/);
  });

  test('elements of a mask are numbers, true and false, read once', () => {
    const reads = new Map<string, number>();
    const mask = Object.assign(counting({ 0: 1, 1: 0, 2: 1 }, reads), { length: 3 });
    assert.equal(forwardTraining(X, SHAPE, { mask }), forwardTraining(X, SHAPE, { mask: MASK }));
    assert.equal([...reads.values()], [1, 1, 1]);
    for (const element of ['1', null, undefined, [1], 1n, { valueOf: () => 1 }]) {
      assert.throws(
        () => forwardTraining(X, SHAPE, { mask: wrong([1, element, 1]) }),
        (error: Error) => error instanceof TypeError && /"mask\[1\]" expected 0, 1 or a finite/.test(error.message),
      );
    }
    assert.throws(() => forwardTraining(X, SHAPE, { mask: wrong(BigInt64Array.of(1n, 1n, 0n)) }), /"mask\[0\]"/);
    assert.throws(() => forwardTraining(X, SHAPE, { mask: detached(3) }), /"mask" expected/);
  });
}

/** An array whose last element runs this first. */
function trap(values: number[], run: () => void): number[] {
  return Object.defineProperties(
    values.slice(),
    Object.getOwnPropertyDescriptors(getter(`${values.length - 1}`, values.at(-1), run)),
  );
}

function getter(name: string, value: unknown, run: () => void): object {
  return Object.defineProperty({}, name, {
    get() {
      run();
      return value;
    },
    enumerable: true,
    configurable: true,
  });
}
