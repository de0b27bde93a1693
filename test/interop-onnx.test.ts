// Layers from and to BatchNormalization nodes of ONNX.
import { join } from 'node:path';
import { BatchNorm } from 'batchnorm';
import { type FromOnnxOptions, fromOnnx, type OnnxNode, toOnnx } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { close, floats, normalized, randomFour, refusal, sameTensors } from './support/interop.js';
import { type OnnxCase, readOnnxCases } from './support/onnx.js';
import { randomFor } from './support/random.js';
import { skipAloud } from './support/runner.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('interop: ONNX');
const four = randomFour(randomFor('onnx'), 3);
const [s, b, m, v] = [four.gamma, four.beta, four.mean, four.variance].map((values) => floats(...values));
const initializers = { s: s!, b: b!, m: m!, v: v!, other: floats(1) };
const node: OnnxNode = { input: ['x', 's', 'b', 'm', 'v'], output: ['y'] };

test('evaluation is the formula, with the epsilon of the node', () => {
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);
  const layer = fromOnnx(initializers, { node: { ...node, attribute: { epsilon: 0.5 } } });
  assert.is(layer.training, false);
  close(
    layer.forward(x, [2, 3]),
    normalized(x, four, 0.5, (i) => i % 3),
  );
});

test("defaults are ONNX', in float32: epsilon 1e-5, momentum 0.9, channels on axis 1, biased", () => {
  const { axis, epsilon, updateRate, varianceEstimator } = fromOnnx(initializers, { node }).state();
  assert.equal([axis, epsilon, updateRate, varianceEstimator], [1, Math.fround(1e-5), 1 - Math.fround(0.9), 'biased']);
});

test('attributes as a list, with integers of any reader', () => {
  for (const i of [1, 1n, { toNumber: () => 1 }]) {
    const attribute = [
      { name: 'epsilon', f: 0.25 },
      { name: 'training_mode', i },
    ];
    const layer = fromOnnx(initializers, { node: { ...node, attribute } });
    assert.equal([layer.state().epsilon, layer.training], [0.25, true]);
  }
});

test('training: by the attribute from opset 14 on, by the number of outputs before', () => {
  const training = (outputs: number, attribute: object, opset?: number) => () =>
    fromOnnx(initializers, {
      node: { ...node, output: ['y', 'a', 'b', 'c', 'd'].slice(0, outputs), attribute },
      opset,
    }).training;
  assert.is(training(1, {}, 7)(), false);
  assert.is(training(5, {}, 7)(), true);
  assert.is(training(5, {}, 13)(), true);
  assert.is(training(2, {}, 13)(), true);
  assert.is(training(3, { training_mode: 1 }, 15)(), true);
  assert.is(training(3, { training_mode: 1 })(), true);
  assert.is(training(1, { training_mode: 0 }, 21)(), false);
  assert.match(refusal(training(5, {}), TypeError), /"opset" is needed for a node with 5 outputs/);
  refusal(training(3, {}, 14), RangeError);
  refusal(training(3, { training_mode: 0 }, 15), RangeError);
  refusal(training(1, { training_mode: 2 }, 15), RangeError);
  refusal(training(1, { training_mode: 1 }, 13), TypeError);
});

test('spatial, of opset 7 and 8', () => {
  const spatial = (value: number, opset?: number) => () =>
    fromOnnx(initializers, { node: { ...node, attribute: { spatial: value } }, opset }).channels;
  assert.is(spatial(1, 7)(), 3);
  assert.match(
    refusal(spatial(0, 8), RangeError),
    /"node.attribute.spatial" expected 1, got 0; statistics per position/,
  );
  refusal(spatial(1, 9), TypeError);
  refusal(spatial(1), TypeError);
});

test('what is wrong is refused by name', () => {
  const given = (options: Partial<FromOnnxOptions>) => () => fromOnnx(initializers, { node, ...options });
  assert.match(refusal(given({ opset: 6 }), RangeError), /version_converter/);
  assert.match(
    refusal(given({ node: { ...node, input: ['x', 's', 'b', 'm', 'w'] } }), TypeError),
    /lacks "w", the node's variance/,
  );
  assert.match(refusal(given({ node: { ...node, input: ['x', 's', 'b'] } }), RangeError), /5 tensors/);
  assert.match(refusal(given({ node: { ...node, opType: 'Conv' } }), RangeError), /"node.opType"/);
  assert.match(
    refusal(given({ node: { ...node, attribute: { is_test: 1 } as object } }), TypeError),
    /has no "is_test"/,
  );
  refusal(given({ node: { ...node, attribute: { momentum: 2 } } }), RangeError);
});

test('there and back is the same bits, node and initializers', () => {
  const attribute = { epsilon: Math.fround(1e-3), momentum: Math.fround(0.8), training_mode: 1 };
  const layer = fromOnnx(initializers, { node: { ...node, attribute } });
  const exported = toOnnx(layer, { prefix: 'bn', training: true });
  assert.equal(exported.node, {
    opType: 'BatchNormalization',
    input: ['bn.x', 'bn.scale', 'bn.B', 'bn.mean', 'bn.var'],
    output: ['bn.y', 'bn.running_mean', 'bn.running_var'],
    attribute,
  });
  sameTensors(exported.initializers, { 'bn.scale': s!, 'bn.B': b!, 'bn.mean': m!, 'bn.var': v! });
  const again = fromOnnx(exported.initializers, { node: exported.node, opset: exported.opset });
  assert.equal(again.state(), layer.state());
});

test('attributes are float32, and the unbiased variance is converted where the size of a batch is given', () => {
  const layer = new BatchNorm(1, { epsilon: 0.1, updateRate: 0.3 });
  const { node: written, initializers: made } = toOnnx(layer, { valuesPerBatch: 4 });
  assert.equal(written.attribute, { epsilon: Math.fround(0.1), momentum: Math.fround(0.7), training_mode: 0 });
  assert.is(made['var'].data[0], 0.75);
});

test('ONNX has a scale and a shift always, and its channels on axis 1', () => {
  const { initializers: made } = toOnnx(new BatchNorm(2, { scale: false, center: false }));
  assert.equal(
    [[...made['scale'].data], [...made['B'].data]],
    [
      [1, 1],
      [0, 0],
    ],
  );
  assert.match(
    refusal(() => toOnnx(new BatchNorm(2, { axis: -1 })), RangeError),
    /axis 1, got -1/,
  );
});

const folder = process.env['BATCHNORM_CONFORMANCE'];
if (folder === undefined) skipAloud('interop: ONNX conformance', 'BATCHNORM_CONFORMANCE names no folder');
else for (const onnx of readOnnxCases(join(folder, 'onnx'))) test(`conformance: ${onnx.name}`, () => checkCase(onnx));

function checkCase({ inputs, outputs, epsilon, decay, training }: OnnxCase): void {
  const [x, ...parameters] = inputs;
  const attribute = { epsilon, momentum: decay, training_mode: training ? 1 : 0 };
  const names = ['s', 'b', 'm', 'v'];
  const given = Object.fromEntries(
    parameters.map(({ data, shape }, i) => [names[i], { dtype: 'F32' as const, shape, data }]),
  );
  const layer = fromOnnx(given, { node: { input: ['x', ...names], attribute } });
  close(layer.forward(x!.data, x!.shape), outputs[0].data);
  if (!training) return;
  close(layer.runningMean, outputs[1].data);
  close(layer.runningVariance, outputs[2].data);
}
