// Batch normalizations found in whole models, and layers beside a sample of another framework.
import { BatchNorm } from 'batchnorm';
import {
  type Deviation,
  findBatchNorms,
  fromPyTorch,
  type NamedTensor,
  type Tensors,
  toFlax,
  toKeras,
  toPyTorch,
  verifyLayer,
} from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { floats, refusal, scalar } from './support/interop.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('interop: findBatchNorms');
const verifying = suiteOf('interop: verifyLayer');

/** A layer that has seen a batch. */
function trained(options: object = {}): BatchNorm {
  const layer = new BatchNorm(2, options);
  layer.forward(Float32Array.of(1, 2, 3, 6, 6, 7), [3, 2]);
  return layer;
}

const kinds = (tensors: Tensors) => findBatchNorms(tensors).map(({ oddities }) => oddities.map(({ kind }) => kind));

test('the layers of each naming, among others', () => {
  const matrix = { dtype: 'F32' as const, shape: [2, 2], data: new Float32Array(4) };
  const model = {
    'layer1.conv.weight': matrix,
    'layer1.conv.bias': floats(1, 2),
    ...toPyTorch(trained(), { prefix: 'layer1.bn' }),
    'layer1.norm.weight': floats(1, 1),
    'layer1.norm.bias': floats(1, 1),
    ...toKeras(trained(), { prefix: 'model/bn' }).tensors,
    'model/layer_norm/gamma': floats(1, 1),
    ...toKeras(trained(), { prefix: 'layers/a', naming: 'numbered' }).tensors,
    'layers/dense/vars/0': matrix,
    'layers/dense/vars/1': floats(1, 1),
    ...toFlax(trained(), { prefix: 'BatchNorm_0' }),
    ...toFlax(trained(), { prefix: 'blocks.0.bn', naming: 'nnx' }),
    'Dense_0/kernel': matrix,
  };
  const found = findBatchNorms(model).map(({ prefix, naming, channels }) => [prefix, naming, channels]);
  assert.equal(found, [
    ['layer1.bn', 'pytorch', 2],
    ['model/bn', 'keras', 2],
    ['BatchNorm_0', 'flax', 2],
    ['blocks.0.bn', 'flax', 2],
    ['layers/a', 'keras-numbered', 2],
  ]);
  assert.equal(kinds(model), [[], [], [], [], []]);
});

test('ranges, names and counts', () => {
  const [found] = findBatchNorms(toPyTorch(trained({ updateRate: 1 }), { prefix: 'bn' }));
  assert.equal(found!.names, {
    gamma: 'bn.weight',
    beta: 'bn.bias',
    mean: 'bn.running_mean',
    variance: 'bn.running_var',
    count: 'bn.num_batches_tracked',
  });
  assert.equal([found!.gamma, found!.variance, found!.batchesTracked], [[1, 1], [Math.fround(19 / 3), 7], 1]);
});

test('the dtype that an importer needs', () => {
  const layer = trained();
  const found = (dtype: 'F16' | 'F32' | 'F64') => findBatchNorms(toPyTorch(layer, { dtype }))[0].dtype;
  assert.equal([found('F16'), found('F32'), found('F64')], ['float32', 'float32', 'float64']);
  const mixed = { ...toPyTorch(layer, { dtype: 'F64' }), weight: floats(1, 1), bias: floats(1, 1) };
  assert.is(findBatchNorms(mixed)[0].dtype, 'float32', 'statistics do not count');
});

test('numbered variables that are not four count only where the layer is called so', () => {
  const two = { 0: floats(1, 2), 1: floats(1, 2) };
  const at = (prefix: string) =>
    Object.fromEntries(Object.entries(two).map(([i, tensor]) => [`${prefix}/vars/${i}`, tensor]));
  assert.equal(findBatchNorms(at('layer_normalization')), []);
  assert.equal(
    findBatchNorms(at('layers/batch_normalization_3')).map(({ names }) => names.mean),
    ['layers/batch_normalization_3/vars/0'],
  );
});

test('what is odd about a layer', () => {
  const usual = toPyTorch(trained());
  const odd: [Partial<Tensors>, string[]][] = [
    [{}, []],
    [{ weight: floats(0, 1) }, ['zero-gamma']],
    [{ weight: floats(Number.NaN, 1) }, ['non-finite']],
    [{ bias: floats(-Infinity, 1) }, ['non-finite']],
    [{ running_mean: floats(1, Infinity) }, ['non-finite']],
    [{ running_var: floats(Number.NaN, -1) }, ['non-finite', 'negative-variance']],
    [{ running_var: floats(0, 1) }, ['zero-variance']],
    [{ bias: floats(1, 2, 3) }, ['shape']],
    [{ weight: { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 1) } }, ['shape']],
    [{ weight: { dtype: 'I8', shape: [2], data: Int8Array.of(1, 1) } }, ['dtype']],
    [{ num_batches_tracked: scalar(0) }, ['count']],
    [{ num_batches_tracked: scalar(-3) }, ['count']],
    [{ running_mean: floats(0, 0), running_var: floats(1, 1) }, ['never-updated']],
  ];
  for (const [change, expected] of odd)
    assert.equal(kinds({ ...usual, ...change } as Tensors), [expected], JSON.stringify(expected));
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(usual).filter(([name]) => !names.includes(name)));
  for (const name of ['running_mean', 'running_var', 'weight', 'bias'])
    assert.equal(kinds(without(name)), [['missing']], name);
  assert.equal(kinds(without('weight', 'bias')), [[]]);
});

test('statistics of data, which are no layer, and a layer without channels', () => {
  assert.equal(findBatchNorms({ 'stats.mean': floats(1), 'data/var': floats(1) }), []);
  assert.equal(kinds({ running_mean: floats(), running_var: floats() }), [[]]);
});

test('channels of an oddity, in words and numbers', () => {
  const [found] = findBatchNorms({ ...toPyTorch(trained()), weight: floats(0, 0), running_var: floats(1, 0) });
  assert.equal(found!.oddities, [
    { kind: 'zero-variance', message: 'the variance is 0 in 1 of 2 channels', channels: [1] },
    { kind: 'zero-gamma', message: 'gamma is 0 in all channels', channels: [0, 1] },
  ]);
});

test('a layer without statistics is one where it is called so', () => {
  const pair = (prefix: string) => ({ [`${prefix}.weight`]: floats(1, 1), [`${prefix}.bias`]: floats(0, 1) });
  for (const prefix of ['bn1', 'layer1.0.bn2', 'batch_norm', 'BatchNorm', 'x.sync_bn', 'syncbn1']) {
    assert.equal(kinds(pair(prefix)), [['missing']], prefix);
  }
  for (const prefix of ['ln', 'norm1', 'layer_norm', 'subnet']) assert.equal(kinds(pair(prefix)), [], prefix);
});

test('a flax layer of which only parameters were kept', () => {
  const { 'params/BatchNorm_0/scale': scale, 'batch_stats/BatchNorm_0/mean': mean } = toFlax(trained(), {
    prefix: 'BatchNorm_0',
  }) as Required<Tensors>;
  const only = (tensors: Tensors) =>
    findBatchNorms(tensors).map(({ naming, prefix, oddities }) => [naming, prefix, oddities[0].message]);
  assert.equal(only({ 'params/BatchNorm_0/scale': scale! }), [
    ['flax', 'BatchNorm_0', 'there are no running statistics'],
  ]);
  assert.equal(only({ 'batch_stats/BatchNorm_0/mean': mean! }), [
    ['flax', 'BatchNorm_0', 'there is no running variance'],
  ]);
  assert.equal(only({ 'params/LayerNorm_0/scale': scale! }), []);
});

test('a layer that has seen another number of batches than most', () => {
  const one = (prefix: string) => toPyTorch(trained(), { prefix });
  const model = { ...one('a'), ...one('b'), ...one('c'), 'b.num_batches_tracked': scalar(7) };
  assert.equal(findBatchNorms(model)[1].oddities, [
    { kind: 'count', message: 'num_batches_tracked is 7, and 1 in most layers' },
  ]);
  assert.equal(kinds(model), [[], ['count'], []]);
});

test('what is no tensor is an error, and names of any kind are names', () => {
  assert.match(
    refusal(() => findBatchNorms({ weight: 3 as never }), TypeError),
    /"weight" expected a tensor/,
  );
  refusal(() => findBatchNorms(3 as never), TypeError);
  const odd = JSON.parse('{"__proto__.running_mean": 0, "constructor.running_var": 0, "__proto__": 0, "": 0}');
  for (const name of Object.keys(odd)) Object.defineProperty(odd, name, { value: floats(1), enumerable: true });
  assert.equal(
    findBatchNorms(odd).map(({ prefix }) => prefix),
    ['__proto__', 'constructor'],
  );
});

verifying('counts units in the last place of the type of y', () => {
  const layer = new BatchNorm(1, { epsilon: 0 }); // y = x
  const x = Float32Array.of(1, 8, -3);
  const off = (index: number, ulps: number, y = Float32Array.from(x)) => {
    y[index] += ulps * [2 ** -23, 2 ** -20, 2 ** -22][index];
    return verifyLayer(layer, { x, shape: [3, 1], y });
  };
  assert.equal(off(0, 0), { ulp: 0, ulpOfLargest: 0, index: 0, got: 1, expected: 1 });
  assert.equal(off(0, 3), { ulp: 3, ulpOfLargest: 3 / 8, index: 0, got: 1, expected: 1 + 3 * 2 ** -23 });
  assert.is(off(2, 5).ulp, 5);
  const double = verifyLayer(layer, { x, shape: [3, 1], y: Float64Array.of(1 + 2 ** -50, 8, -3) });
  assert.equal([double.ulp, double.index], [4, 0]);
});

verifying('takes tensors as files have them, and counts in their type', () => {
  const layer = new BatchNorm(1, { epsilon: 0 });
  const [x, half, brain] = (
    [
      ['F32', Float32Array.of(1, 2)],
      ['F16', Uint16Array.of(0x3c02, 0x4000)],
      ['BF16', Uint16Array.of(0x3f81, 0x4000)],
    ] as const
  ).map(([dtype, data]) => ({ dtype, shape: [2, 1], data }) as NamedTensor) as [NamedTensor, NamedTensor, NamedTensor];
  assert.equal([verifyLayer(layer, { x, y: half }).ulp, verifyLayer(layer, { x, y: brain }).ulp], [2, 1]);
  const double = new BatchNorm<Float64Array>(1, { epsilon: 0, dtype: 'float64' });
  assert.is(verifyLayer(double, { x: half, y: half, maxUlp: 0 }).ulp, 0);
  assert.is(verifyLayer(layer, { x, shape: [2, 1, 1], y: x }).ulp, 0, 'another shape');
  refusal(() => verifyLayer(layer, { x: x.data as Float32Array, y: x }), TypeError);
  refusal(() => verifyLayer(layer, { x, y: { dtype: 'I8', shape: [2, 1], data: Int8Array.of(1, 2) } }), TypeError);
  refusal(() => verifyLayer(layer, { x, y: { ...x, shape: [3] } as NamedTensor }), RangeError);
});

verifying('around 0, NaN and infinities', () => {
  const layer = new BatchNorm(1, { epsilon: 0 });
  const one = (got: number, y: number) => {
    return verifyLayer(layer, { x: Float32Array.of(got), shape: [1, 1], y: Float32Array.of(y) }).ulp;
  };
  assert.equal([one(0, 0), one(-0, 0), one(2 ** -149, 0), one(2 ** -127, 2 ** -127 + 2 ** -149)], [0, 0, 1, 1]);
  assert.equal([one(NaN, NaN), one(NaN, 1), one(1, NaN), one(Infinity, Infinity)], [0, Infinity, Infinity, 0]);
  assert.equal([one(Infinity, 1), one(1, -Infinity), one(Infinity, -Infinity)], [Infinity, Infinity, Infinity]);
  const empty = { x: new Float32Array(), shape: [0, 1], y: new Float32Array() };
  assert.is(verifyLayer(layer, empty).ulp, 0);
});

verifying('leaves the layer as it was, in training with its backward to come', () => {
  const layer = new BatchNorm(1, { activation: 'relu' });
  layer.forward(Float32Array.of(1, 3), [2, 1]);
  const before = layer.state();
  const { ulp } = verifyLayer(layer, { x: Float32Array.of(-4), shape: [1, 1], y: Float32Array.of(0) });
  assert.is(ulp, 0);
  assert.equal(layer.state(), before);
  assert.is(layer.backward(Float32Array.of(0, 1)).length, 2);
});

verifying('an importer refuses what deviates, and reports what does not', () => {
  const stateDict = toPyTorch(new BatchNorm(1));
  const x = Float32Array.of(1, 2);
  const verify = { x, shape: [2, 1], y: Float32Array.of(1, 2 + 2 ** -20) };
  const given = (more: object) => () => fromPyTorch(stateDict, { epsilon: 0, verify: { ...verify, ...more } });
  assert.match(refusal(given({}), TypeError), /"verify" needs maxUlp.*or report/);
  assert.match(
    refusal(given({ maxUlp: 3 }), RangeError),
    /fromPyTorch: .* at most 3 ulp .* got 4 ulp at element 1 .*epsilon/,
  );
  assert.is(given({ maxUlp: 4 })().channels, 1);
  const seen: Deviation[] = [];
  given({ report: (deviation: Deviation) => seen.push(deviation) })();
  assert.equal(
    seen.map(({ ulp, index }) => [ulp, index]),
    [[4, 1]],
  );
});

verifying('says which of the usual mistakes it is', () => {
  const x = Float32Array.of(1, 2, 4, 3, 7, 5, 8, 0);
  const shape = [2, 2, 2];
  const four = { weight: floats(1.5, 2), bias: floats(0.5, 3), running_mean: floats(1, 4), running_var: floats(2, 5) };
  const right = fromPyTorch(four, { epsilon: 1e-5 });
  const y = (layer: BatchNorm) => ({ x, shape, y: layer.eval().forward(x, shape), maxUlp: 1 });
  const verify = y(right);
  const wrong: [Tensors, object, string][] = [
    [four, { epsilon: 1e-3 }, 'epsilon 0.00001'],
    [four, { axis: -1 }, 'axis 1'],
    [{ ...four, weight: four.bias, bias: four.weight }, {}, 'gamma and beta exchanged'],
    [{ ...four, running_mean: four.running_var, running_var: four.running_mean }, {}, 'mean and variance exchanged'],
  ];
  for (const [tensors, options, cause] of wrong) {
    const message = refusal(() => fromPyTorch(tensors, { epsilon: 1e-5, ...options, verify }), RangeError);
    assert.ok(message.endsWith(`; it fits with ${cause}`), message);
  }
  const training = { ...verify, y: fromPyTorch(four, { epsilon: 1e-5 }).forward(x, shape) };
  const sample = () => fromPyTorch(four, { epsilon: 1e-5, verify: training });
  assert.match(refusal(sample, RangeError), /it fits with the statistics of the sample itself, as in training$/);
  const other = { ...verify, y: verify.y.map((value) => value + 1) };
  assert.match(
    refusal(() => fromPyTorch(four, { epsilon: 1e-5, verify: other }), RangeError),
    /; compare epsilon, /,
  );
});

verifying('what cannot be compared is refused', () => {
  const layer = new BatchNorm(1);
  const given = (more: object) => () =>
    verifyLayer(layer, { x: Float32Array.of(1), shape: [1, 1], y: Float32Array.of(1), ...more });
  refusal(given({ y: [1] }), TypeError);
  refusal(given({ y: Float32Array.of(1, 2) }), RangeError);
  refusal(given({ shape: [2, 1] }), RangeError);
  refusal(given({ maxUlp: -1 }), RangeError);
  refusal(given({ maxUlp: Number.NaN }), RangeError);
  refusal(given({ tolerance: 1 }), TypeError);
});
