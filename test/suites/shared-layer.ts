// One layer at several places of a network: only the last forward is kept, and a second backward may be meant for
// another.
import { BatchNorm, type BatchNormForwardOptions, type BatchNormOptions } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { same } from '../support/close.js';
import { suiteFor } from '../support/suite.js';

const SHAPE = [4, 1];
const X = Float32Array.of(1, 2, 4, 7);
const OTHER = Float32Array.of(0, 10, 3, 5);
const DY = Float32Array.of(1, 0, 0, 0);
const MASK = [1, 1, 1, 0];

type Prepare = (bn: BatchNorm) => unknown;
type Use = BatchNormForwardOptions<Float32Array>;

/** Layers, and how their two uses are called. */
const USES: readonly [string, BatchNormOptions<'float32'>, Prepare, Use, Use][] = [
  ['plain', {}, () => {}, {}, {}],
  ['update: false', {}, () => {}, { update: false }, { update: false }],
  ['masked', {}, () => {}, { mask: MASK }, { mask: MASK }],
  ['weighted', {}, () => {}, { mask: [1, 2, 1, 0] }, { mask: [1, 2, 1, 0] }],
  ['masked once', {}, () => {}, { mask: MASK }, {}],
  ['ghost batches', { ghostBatchSize: 2 }, () => {}, {}, {}],
  ['renorm', { renorm: true }, () => {}, {}, {}],
  ['frozen', { activation: 'relu' }, (bn) => bn.freeze(), {}, {}],
  ['by running statistics', {}, (bn) => Object.assign(bn, { normalizeWith: 'running' }), {}, {}],
  ['evaluation by the batch', {}, (bn) => Object.assign(bn.eval(), { normalizeWith: 'batch' }), {}, {}],
];

const isReplaced = (error: unknown) =>
  error instanceof Error &&
  (error as { code?: string }).code === 'ERR_BATCHNORM_NO_INPUT' &&
  /second one after two forwards of different batches.*layer for each use.*forget\(\)/.test(error.message);

function twice(bn: BatchNorm, message: string): void {
  const first = bn.backward(DY).slice();
  same(bn.backward(DY), first, message);
}

export default function sharedLayer(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'shared layer');

  for (const [name, options, prepare, first, second] of USES) {
    test(`${name}: the second backward of two uses is refused, and changes nothing`, () => {
      const bn = new BatchNorm(1, options);
      prepare(bn);
      bn.forward(X, SHAPE, first);
      bn.forward(OTHER, SHAPE, second);
      bn.backward(DY);
      const gradients = [bn.dgamma?.slice(), bn.dbeta?.slice()];
      const out = Float32Array.of(5, 5, 5, 5);
      assert.throws(() => bn.backward(DY, { out }), isReplaced);
      assert.equal([...out], [5, 5, 5, 5]);
      assert.equal([bn.dgamma?.slice(), bn.dbeta?.slice()], gradients);
    });

    test(`${name}: a forward computed again, from the same array or an equal one, has two losses`, () => {
      for (const again of [X, X.slice(), X.subarray(0)]) {
        const bn = new BatchNorm(1, options);
        prepare(bn);
        bn.forward(X, SHAPE, second);
        bn.forward(again, SHAPE, second);
        twice(bn, name);
      }
    });
  }

  test('three uses, and another residual, count as well', () => {
    const bn = new BatchNorm(1);
    for (const x of [X, OTHER, OTHER]) bn.forward(x, SHAPE);
    bn.backward(DY);
    assert.throws(() => bn.backward(DY), isReplaced);
    const added = new BatchNorm(1, { activation: 'relu' });
    for (const residual of [X, OTHER]) added.forward(X, SHAPE, { residual });
    added.backward(DY);
    assert.throws(() => added.backward(DY), isReplaced);
    const masks = [
      [1, 1, 1, 0],
      [1, 0, 1, 1],
      [1, 2, 1, 1],
    ];
    for (const [first, second] of [masks, masks.slice(1), [masks[0], undefined]]) {
      const masked = new BatchNorm(1);
      for (const mask of [first, second]) masked.forward(X, SHAPE, { mask });
      masked.backward(DY);
      assert.throws(() => masked.backward(DY), isReplaced, `${first} ${second}`);
    }
  });

  test('accumulated gradients, and a step after two uses, are fine', () => {
    const bn = new BatchNorm(1);
    for (const x of [X, OTHER, X]) {
      bn.forward(x, SHAPE, { update: false });
      twice(bn, 'a micro-batch');
    }
    bn.forward(X, SHAPE);
    bn.forward(OTHER, SHAPE);
    bn.backward(DY);
    bn.forward(X, SHAPE);
    twice(bn, 'the next step');
  });

  test('forwards that have no backward do not count: in place, in evaluation, forgotten', () => {
    const bn = new BatchNorm(1);
    const inPlace = OTHER.slice();
    bn.forward(inPlace, SHAPE, { out: inPlace });
    bn.forward(X, SHAPE);
    twice(bn, 'after one in place');
    bn.eval().forward(OTHER, SHAPE);
    bn.forward(X, SHAPE);
    twice(bn, 'in evaluation');
    bn.train().forward(OTHER, SHAPE);
    bn.forget();
    bn.forward(X, SHAPE);
    twice(bn, 'after forget');
  });
}
