// A layer that is used several times in a step: each use is differentiated for itself.
import { BatchNorm, type BatchNormOptions, type Reducer } from 'batchnorm';
import * as assert from 'uvu/assert';
import type { BackendUnderTest } from '../support/backends.js';
import { randomFor } from '../support/random.js';
import { suiteFor } from '../support/suite.js';

const SHAPE = [6, 3, 2];
const alone: Reducer = { rank: 0, size: 1, exchange: (values) => [values.slice()] };
const KINDS: Record<string, BatchNormOptions<'float32'>> = {
  plain: {},
  relu: { activation: 'relu' },
  'ghost batches': { ghostBatchSize: 2 },
  'interleaved ghost batches': { ghostBatchSize: 2, grouping: 'interleaved' },
  renorm: { renorm: { rMax: 2, dMax: 1 } },
  synchronized: { synchronize: alone },
  'without scale': { scale: false },
};
const MASKS = {
  all: undefined,
  mask: [1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1],
  weights: [1, 0, 2, 1, 1, 0.5, 0, 1, 1, 1, 1, 3],
};

function data(name: string): Float32Array {
  const random = randomFor(name);
  return Float32Array.from({ length: 36 }, () => random.normal());
}

function layerOf(options: BatchNormOptions<'float32'>): BatchNorm {
  const bn = new BatchNorm(3, options);
  bn.gamma?.set([0.5, -1, 2]);
  bn.beta?.set([0.1, 0.2, -0.3]);
  return bn;
}

export default function recorded(backend: BackendUnderTest): void {
  const test = suiteFor(backend, 'recorded');
  const [first, second, dy, residual] = ['first', 'second', 'dy', 'residual'].map(data);

  for (const [kind, options] of Object.entries(KINDS)) {
    for (const [title, mask] of Object.entries(MASKS)) {
      test(`${kind}, ${title}: two uses have the bits of a forward and a backward each`, () => {
        const bn = layerOf(options);
        const uses = [first, second].map((x) => bn.record(x, SHAPE, { mask, residual }));
        bn.gamma?.fill(100); // what a use computes with is what it saw
        const twin = layerOf(options);
        const expected = [first, second].map((x) => {
          const y = twin.forward(x, SHAPE, { mask, residual });
          const dx = twin.backward(dy);
          const { dgamma, dbeta, dresidual } = twin;
          return structuredClone({ y, dx, dgamma, dbeta, dresidual });
        });
        const backwards = [1, 0].map((i) => [i, uses[i].backward(dy, { accumulate: i === 0 })] as const);
        for (const [i, dx] of backwards) {
          const { y, dgamma, dbeta, dresidual } = uses[i];
          assert.equal({ y, dx, dgamma, dbeta, dresidual }, expected[i]);
        }
        const sum = (name: 'dgamma' | 'dbeta') =>
          expected[1][name]?.map((value, ch) => value + expected[0][name]![ch]) ?? null;
        assert.equal(bn.dgamma, sum('dgamma'));
        assert.equal(bn.dbeta, sum('dbeta'));
        assert.equal(bn.runningMean, twin.runningMean);
        assert.is(bn.batchesTracked, 2);
      });
    }
  }

  test('the last forward of the layer stays what backward differentiates', () => {
    const bn = layerOf({});
    bn.forward(first, SHAPE);
    const use = bn.record(second, SHAPE);
    const dx = bn.backward(dy);
    const twin = layerOf({});
    twin.forward(first, SHAPE);
    assert.equal(dx, twin.backward(dy));
    assert.is(use.dgamma, null);
    // Many forwards later.
    for (let i = 0; i < 3; i++) bn.forward(first, SHAPE, { update: false });
    twin.forward(second, SHAPE);
    assert.equal(use.backward(dy), twin.backward(dy));
  });

  test('accumulate adds to what there is, and a refused backward to nothing', () => {
    const bn = layerOf({});
    bn.forward(first, SHAPE);
    bn.backward(dy, { accumulate: true });
    const once = bn.dgamma!.slice();
    bn.backward(dy, { accumulate: true });
    assert.equal(
      bn.dgamma,
      once.map((value) => 2 * value),
    );
    const before = bn.dgamma!.slice();
    assert.throws(() => bn.backward(dy, { accumulate: 1 as never }), /"accumulate" expected true or false, got 1/);
    assert.throws(() => bn.backward(dy.subarray(1), { accumulate: true }), RangeError);
    assert.equal(bn.dgamma, before);
    bn.learn = false;
    bn.backward(dy, { accumulate: true });
    assert.is(bn.dgamma, null);
    bn.learn = true;
    bn.backward(dy, { accumulate: true });
    assert.equal(bn.dgamma, once);
  });

  test('errors name the call', () => {
    const bn = layerOf({});
    assert.throws(() => bn.record(first, [6, 3]), /BatchNorm\.record: /);
    const inPlace = bn.record(first.slice(), SHAPE);
    const x = first.slice();
    const over = bn.record(x, SHAPE, { out: x });
    assert.throws(() => over.backward(dy), /RecordedForward\.backward: .*wrote its result over x/);
    assert.throws(() => inPlace.backward(first.subarray(2)), /RecordedForward\.backward: "dy"/);
  });
}
