// Whatever is given: it works, or an error of this library says what was expected.

import { BatchNorm, fold, Moments } from 'batchnorm';
import * as interop from 'batchnorm/interop';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { floats, refusal } from './support/interop.js';
import { SEED } from './support/random.js';
import { suiteOf } from './support/suite.js';

const { findBatchNorms, fromFlax, fromKeras, fromOnnx, fromPyTorch, toFlax, toKeras, toOnnx, toPyTorch, verifyLayer } =
  interop;
const test = suiteOf('interop: garbage');

type Call = (...given: never[]) => unknown;

/** Anything at all, and, more often than by chance, what is nearly right. */
function given(near: Record<string, unknown>): fc.Arbitrary<unknown> {
  const anything = fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true });
  const value = fc.oneof(...Object.values(near).map((usual) => fc.constant(usual)), anything);
  const fields = fc.dictionary(fc.constantFrom(...Object.keys(near)), value);
  return fc.oneof(
    anything,
    fields.map((changed) => ({ ...near, ...changed })),
    fields,
  );
}

const four = {
  'bn.weight': floats(1, 2),
  'bn.bias': floats(1, 2),
  'bn.running_mean': floats(1, 2),
  'bn.running_var': floats(1, 2),
};
const keras = {
  'bn/gamma': floats(1, 2),
  'bn/moving_mean': floats(1, 2),
  'bn/moving_variance': floats(1, 2),
  'bn/vars/0': floats(1),
};
const flax = { 'bn/scale': floats(1), 'bn/mean': floats(1), 'bn/var': floats(1), bn: { mean: floats(1) } };
const onnx = { s: floats(1), b: floats(1), m: floats(1), v: floats(1) };
const node = { input: ['x', 's', 'b', 'm', 'v'], output: ['y'], attribute: [{ name: 'epsilon', f: 1 }], opType: 'x' };
const layerOptions = { prefix: 'bn', epsilon: 1, strict: false, axis: 1, decay: 0.5, dtype: 'float32' };
const exportOptions = { prefix: 'bn', dtype: 'F16', valuesPerBatch: 4, dropActivation: true, decay: 0.5 };

const calls: [Call, fc.Arbitrary<unknown>, Record<string, unknown>][] = [
  [fromPyTorch, given(four), { ...layerOptions, trackRunningStats: true }],
  [fromKeras, fc.oneof(given(keras), fc.array(given(onnx))), { ...layerOptions, config: { axis: [1] } }],
  [fromFlax, given(flax), layerOptions],
  [fromOnnx, given(onnx), { node, opset: 9 }],
  [findBatchNorms, given({ ...four, ...keras, ...flax, ...onnx }), { nothing: 0 }],
  ...[toPyTorch, toKeras, toFlax, toOnnx].map((call): [Call, fc.Arbitrary<unknown>, Record<string, unknown>] => [
    call as Call,
    fc.oneof(fc.constant(new BatchNorm(1)), fc.anything()),
    exportOptions,
  ]),
  [verifyLayer, fc.constant(new BatchNorm(1)), { x: floats(1).data, shape: [1, 1], y: floats(1).data, maxUlp: 1 }],
];

for (const [call, first, options] of calls) {
  test(call.name, () => {
    const check = (one: unknown, two: unknown) => {
      try {
        call(...([one, two] as never[]));
      } catch (error) {
        assert.match((error as Error).message, /^batchnorm: /);
      }
    };
    fc.assert(fc.property(first, given(options), check), { numRuns: 3000, seed: SEED });
  });
}

test('fields of a node', () => {
  const nodes = given({
    ...node,
    attribute: { epsilon: 1, momentum: 1, training_mode: 1, spatial: 1 },
    output: ['a', 'b'],
  });
  const attributes = fc.array(given({ name: 'spatial', i: 1, f: 1 }));
  const check = (odd: unknown) => {
    try {
      fromOnnx(onnx, { node: odd as typeof node, opset: 8 });
    } catch (error) {
      assert.match((error as Error).message, /^batchnorm: /);
    }
  };
  const listed = attributes.map((attribute) => ({ ...node, opType: 'BatchNormalization', attribute }));
  fc.assert(fc.property(fc.oneof(nodes, listed), check), { numRuns: 3000, seed: SEED });
});

test('a model with something that is no tensor among the others, in an error about a prefix', () => {
  for (const odd of [null, 3, {}, { shape: 3 }, { shape: null }]) {
    const model = { ...four, 'bn2.weight': odd, 'vars/0': odd, 'vars/1': odd } as never;
    assert.match(
      refusal(() => fromPyTorch(model, { prefix: 'x', epsilon: 1 }), TypeError),
      /lacks "x.running_mean".*"bn"/,
    );
  }
});

test('switches are true or false', () => {
  const layer = new BatchNorm(2);
  for (const odd of [0, 'no', null, {}]) {
    for (const name of ['strict', 'scale', 'center', 'trackRunningStats']) {
      refusal(() => fromPyTorch(four, { prefix: 'bn', epsilon: 1, [name]: odd }), TypeError);
    }
    for (const name of ['strict', 'scale', 'center']) {
      refusal(() => fromKeras(keras, { prefix: 'bn', epsilon: 1, [name]: odd }), TypeError);
      refusal(() => fromFlax(flax, { prefix: 'bn', epsilon: 1, [name]: odd }), TypeError);
    }
    for (const name of ['scale', 'center']) refusal(() => fromKeras(keras, { config: { [name]: odd } }), TypeError);
    for (const call of [toPyTorch, toKeras, toFlax, toOnnx]) {
      refusal(() => call(layer, { dropActivation: odd } as never), TypeError);
    }
    refusal(() => toPyTorch(layer, { trackRunningStats: odd as never }), TypeError);
    refusal(() => toOnnx(layer, { training: odd as never }), TypeError);
  }
});

test('what has a state and is no layer', () => {
  for (const call of [toPyTorch, toKeras, toFlax, toOnnx]) {
    for (const odd of [new Moments(1), { state: () => null }, null, undefined, 3]) {
      assert.match(
        refusal(() => call(odd as never), TypeError),
        /"layer" expected a BatchNorm/,
      );
    }
  }
});

test('options that are needed are named where there are none', () => {
  const calls: Record<string, () => unknown> = {
    'fold: "options" expected an object with weights, shape and layout': () =>
      fold(new BatchNorm(1), undefined as never),
    'fromPyTorch: "options" expected an object with epsilon': () => fromPyTorch({}, undefined as never),
    'fromFlax: "options" expected an object with epsilon': () => fromFlax({}, undefined as never),
    'fromOnnx: "options" expected an object with node': () => fromOnnx({}, undefined as never),
    'fromKeras: "options" expected an object with config or epsilon': () => fromKeras({}, undefined as never),
  };
  for (const [words, call] of Object.entries(calls)) {
    assert.throws(call, (error: Error) => error.message === `batchnorm: ${words}, got undefined`);
  }
});
