// A state that is loaded into a layer, and copies of layers.
import { BatchNorm, type BatchNormOptions, type BatchNormState, type Reducer } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { suiteFor } from '../support/suite.js';
import { wrong } from './bad-calls/table.js';

const X = Float32Array.of(1, 10, 3, 30, -2, 7, 0.5, 9);
const DY = Float32Array.of(1, 0, 0, 2, -1, 0, 3, 1);
const SHAPE = [4, 2];

const SETTINGS: readonly BatchNormOptions<'float32'>[] = [
  {},
  { renorm: true, updateRate: 0.5 },
  { scale: false, updateRate: 'pooled', activation: { name: 'clip', min: -0, max: Infinity } },
  { center: false, debias: true, ghostBatchSize: 2, grouping: 'interleaved' },
];

/** After some steps, with switches and update rate as nobody has them at first. */
function trained(options: BatchNormOptions<'float32'>): BatchNorm {
  const bn = new BatchNorm(2, options);
  for (let step = 0; step < 3; step++) {
    bn.forward(
      X.map((x) => x * (step + 1)),
      SHAPE,
    );
    bn.backward(DY);
    for (const { value, gradient } of bn.parameters()) {
      for (let ch = 0; ch < 2; ch++) value[ch] -= gradient[ch] / 8;
    }
  }
  if (bn.updateRate === 0.5) bn.updateRate = 0.25;
  bn.normalizeWith = 'batch';
  bn.learn = false;
  return bn;
}

function arraysOf(bn: BatchNorm) {
  const { gamma, beta, runningMean, runningVariance, renormMean, renormDeviation } = bn;
  return { gamma, beta, runningMean, runningVariance, renormMean, renormDeviation };
}

function memoryOf(bn: BatchNorm): ArrayBufferLike[] {
  const { dgamma, dbeta } = bn;
  return Object.values({ ...arraysOf(bn), dgamma, dbeta }).flatMap((array) => array?.buffer ?? []);
}

export default function restore(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'loadState, clone');

  for (const options of SETTINGS) {
    test(`loadState restores everything, into the arrays that are there: ${JSON.stringify(options)}`, () => {
      const bn = trained(options);
      const state: BatchNormState = JSON.parse(JSON.stringify(bn));
      const other = new BatchNorm(2, options).eval();
      const arrays = arraysOf(other);
      assert.is(other.loadState(state), other);
      assert.equal(other.state(), bn.state());
      for (const [name, array] of Object.entries(arraysOf(other))) assert.is(array, arrays[name as 'gamma']);
      assert.equal(other.forward(X, SHAPE), bn.forward(X, SHAPE));
      assert.equal(other.state(), bn.state());
    });

    test(`a clone goes on as its original, and shares nothing: ${JSON.stringify(options)}`, () => {
      const bn = trained(options);
      const [saved, x] = [bn.state(), X.map((x) => x / 3)];
      const copy = bn.clone();
      assert.equal(copy.state(), saved);
      assert.equal([copy.dgamma, copy.dbeta, copy.dresidual], [null, null, null]);
      assert.throws(() => copy.backward(DY), /forward/);
      copy.learn = bn.learn = true;
      assert.equal(copy.forward(x, SHAPE), bn.forward(x, SHAPE));
      assert.equal(copy.backward(DY), bn.backward(DY));
      assert.equal(copy.state(), bn.state());
      const own = memoryOf(bn);
      for (const buffer of memoryOf(copy)) assert.not(own.includes(buffer));
    });
  }

  test('loadState: gradients and the kept forward stay, what waits for commit does not', () => {
    const bn = new BatchNorm(2);
    const state = bn.state();
    bn.forward(X, SHAPE, { update: false });
    const dx = bn.backward(DY);
    const dgamma = bn.dgamma!.slice();
    bn.loadState(state);
    assert.equal(bn.dgamma, dgamma);
    assert.equal(bn.backward(DY), dx);
    assert.is(bn.commit(), false);
    assert.equal(bn.state(), state);
  });

  const REFUSED: readonly [title: string, change: (state: BatchNormState) => object, message: RegExp][] = [
    ['dtype', (s) => ({ ...s, dtype: 'float64' }), /"dtype" expected "float32", as this layer has, got "float64"; Ba/],
    ['channels', () => new BatchNorm(3).state(), /"channels" expected 2, as this layer has, got 3; BatchNorm.fromSta/],
    ['epsilon', (s) => ({ ...s, epsilon: 0.5 }), /"epsilon" expected 0.00001, as this layer has, got 0.5; BatchNor/],
    ['axis', (s) => ({ ...s, axis: -1 }), /"axis" expected 1, as this layer has, got -1; BatchNorm.fromState makes/],
    ['scale', (s) => ({ ...s, scale: false, gamma: null }), /"scale" expected true, as this layer has, got false; /],
    ['renorm', () => new BatchNorm(2, { renorm: true }).state(), /"renorm" expected null, as .*, got \[0,"Infinity"/],
    ['activation', (s) => ({ ...s, activation: 'relu' }), /"activation" expected "none", as .*, got "relu"/],
    ['a variance', (s) => ({ ...s, runningVariance: [1, -1] }), /"runningVariance\[1\]" expected a variance >= 0/],
    ['a parameter', (s) => ({ ...s, beta: [0.5, 0.1] }), /"beta\[1\]" expected a float32 value, got 0.1/],
    ['a switch', (s) => ({ ...s, learn: 1 }), /"learn" expected true or false, got 1/],
    ['a number', (s) => ({ ...s, batchesTracked: 0.5 }), /"batchesTracked" expected an integer >= 0, got 0.5/],
    [
      'three fields',
      ({ gamma, learn, axis, ...rest }) => ({ ...rest, gamma: undefined }),
      /"state" lacks "axis", "learn", "gamma"$/,
    ],
    ['no state', () => [1, 2], /"state" expected an object, got Array of length 2/],
  ];
  for (const [title, change, message] of REFUSED) {
    test(`loadState refuses another ${title}, and has written nothing`, () => {
      const bn = trained({});
      const before = bn.state();
      const state = change({ ...before, training: false, runningMean: [5, 5] });
      assert.throws(
        () => bn.loadState(state as BatchNormState),
        (error: Error) => error.message.startsWith('batchnorm: BatchNorm.loadState: ') && message.test(error.message),
      );
      assert.equal(bn.state(), before);
    });
  }

  test('loadState takes another update rate, as one that was set', () => {
    const bn = new BatchNorm(2, { updateRate: 'cumulative' });
    assert.is(bn.loadState(new BatchNorm(2, { updateRate: 0.75 }).state()).updateRate, 0.75);
    const debiased = new BatchNorm(2, { debias: true });
    const state = { ...debiased.state(), updateRate: 'pooled' } as const;
    assert.throws(() => debiased.loadState(state), /"updateRate" expected a number, for debias/);
  });

  test('loadState and clone of a layer whose gamma is gone', () => {
    const bn = new BatchNorm(2);
    const state = bn.state();
    structuredClone(bn.gamma!.buffer, { transfer: [bn.gamma!.buffer as ArrayBuffer] });
    assert.throws(() => bn.loadState({ ...state, batchesTracked: 7 }), /BatchNorm.loadState: "gamma" .*detached/);
    assert.is(bn.batchesTracked, 0);
    assert.throws(() => bn.clone(), /"gamma" .*detached/);
  });

  test('a clone is synchronised where it is told to be', () => {
    let exchanges = 0;
    const exchange = (values: Float64Array) => {
      exchanges++;
      return [values.slice()];
    };
    const counting: Reducer = { rank: 0, size: 1, exchange };
    const bn = new BatchNorm(2, { synchronize: counting });
    bn.clone().forward(X, SHAPE);
    assert.is(exchanges, 0);
    bn.clone({ synchronize: counting }).forward(X, SHAPE);
    assert.ok(exchanges > 0);
    assert.throws(() => bn.clone(wrong({ epsilon: 1 })), /BatchNorm.clone: "options" has no "epsilon"/);
  });
}
