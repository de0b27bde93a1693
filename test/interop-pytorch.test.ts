// Layers from and to PyTorch's state_dict.
import { BatchNorm } from 'batchnorm';
import { fromPyTorch, type NamedTensor, type Tensors, toPyTorch } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import {
  close,
  doubles,
  type Four,
  floats,
  normalized,
  randomFour,
  refusal,
  sameTensors,
  scalar,
} from './support/interop.js';
import { randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('interop: PyTorch');

function stateDict(four: Four, prefix = '', count = 7, make: (...values: number[]) => NamedTensor = floats): Tensors {
  return {
    [`${prefix}weight`]: make(...four.gamma),
    [`${prefix}bias`]: make(...four.beta),
    [`${prefix}running_mean`]: make(...four.mean),
    [`${prefix}running_var`]: make(...four.variance),
    [`${prefix}num_batches_tracked`]: scalar(count),
  };
}

const four = randomFour(randomFor('pytorch'), 3);

test('evaluation is the formula', () => {
  const random = randomFor('pytorch x');
  const layer = fromPyTorch(stateDict(four), { epsilon: 1e-5 }).eval();
  const x = Float32Array.from({ length: 2 * 3 * 4 }, () => random.normal());
  close(
    layer.forward(x, [2, 3, 4]),
    normalized(x, four, 1e-5, (i) => Math.floor(i / 4) % 3),
  );
});

test('training goes on as in PyTorch: the new part is updateRate, the variance unbiased', () => {
  const layer = fromPyTorch(stateDict(four), { epsilon: 1e-5, updateRate: 0.25 });
  layer.forward(Float32Array.of(1, 2, 3, 3, 6, 5), [2, 3]);
  const batch = { mean: [2, 4, 4], variance: [2, 8, 2] };
  for (const ch of [0, 1, 2]) {
    close([layer.runningMean[ch]], [0.75 * four.mean[ch] + 0.25 * batch.mean[ch]]);
    close([layer.runningVariance[ch]], [0.75 * four.variance[ch] + 0.25 * batch.variance[ch]]);
  }
  assert.is(layer.batchesTracked, 8);
});

test("the default rate is PyTorch's 0.1, and 'cumulative' its momentum=None, counting on", () => {
  assert.is(fromPyTorch(stateDict(four), { epsilon: 1e-5 }).updateRate, 0.1);
  const layer = fromPyTorch(stateDict(four, '', 3), { epsilon: 1e-5, updateRate: 'cumulative' });
  layer.forward(Float32Array.of(1, 2, 3, 3, 6, 5), [2, 3]);
  close([layer.runningMean[1]], [(3 * four.mean[1] + 4) / 4]);
});

test('one layer of a model, with and without the dot after its prefix', () => {
  const model = {
    ...stateDict(four, 'layer1.bn1.'),
    'layer1.conv.weight': floats(1, 2),
    'layer1.bn10.weight': floats(1),
  };
  for (const prefix of ['layer1.bn1', 'layer1.bn1.']) {
    const layer = fromPyTorch(model, { prefix, epsilon: 1e-5 });
    sameTensors(toPyTorch(layer, { prefix }), stateDict(four, 'layer1.bn1.'));
  }
});

test('there and back is the same bits: float32, float64, -0 and subnormal numbers', () => {
  const odd = { gamma: [-0, 1e-45], beta: [3.4e38, -1e-40], mean: [-0, 0.1], variance: [0, 1e-45] };
  sameTensors(toPyTorch(fromPyTorch(stateDict(odd), { epsilon: 1e-5 })), stateDict(odd));
  const double = { gamma: [0.1, -0], beta: [5e-324, 1 / 3], mean: [0.1, 0.2], variance: [0.3, 0] };
  const given = stateDict(double, '', 2 ** 40, doubles);
  sameTensors(toPyTorch(fromPyTorch(given, { epsilon: 1e-5, dtype: 'float64' })), given);
});

test('back and there: every layer of float64, and one of float32 by F64, keeps its statistics', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const layer = new BatchNorm<Float32Array | Float64Array>(2, { dtype, epsilon: 1e-3 });
    const x = [0.1, 0.2, 0.7, 0.4];
    layer.forward(dtype === 'float32' ? Float32Array.from(x) : Float64Array.from(x), [2, 2]);
    const again = fromPyTorch(toPyTorch(layer, { dtype: 'F64' }), { epsilon: 1e-3, dtype });
    assert.equal(again.runningVariance, layer.runningVariance);
    assert.equal(again.runningMean, layer.runningMean);
    assert.equal([again.gamma, again.batchesTracked], [layer.gamma, 1]);
  }
});

test('parameters of float64 are not rounded in silence', () => {
  const given = stateDict({ ...four, gamma: [0.1, 1, 1] }, '', 1, doubles);
  assert.match(
    refusal(() => fromPyTorch(given, { epsilon: 1e-5 }), RangeError),
    /"weight.dtype" expected F32, F16 or BF16 .*dtype: 'float64'/,
  );
  assert.is(fromPyTorch(given, { epsilon: 1e-5, dtype: 'float64' }).gamma![0], 0.1);
  assert.is(fromPyTorch(given, { epsilon: 1e-5, dtype: 'float32' }).gamma![0], Math.fround(0.1));
  const large = { ...given, weight: doubles(1, 1e300, 1) };
  assert.match(
    refusal(() => fromPyTorch(large, { epsilon: 1e-5, dtype: 'float32' }), RangeError),
    /"weight\[1\]" expected a number that float32 can hold/,
  );
  const statistics = { running_mean: doubles(0.1), running_var: doubles(0.2) };
  assert.equal([...fromPyTorch(statistics, { epsilon: 1e-5 }).runningMean], [0.1], 'they are float64 in any layer');
});

test('affine=False: neither weight nor bias', () => {
  const { running_mean, running_var } = stateDict(four);
  const layer = fromPyTorch({ running_mean, running_var }, { epsilon: 1e-5 });
  assert.equal([layer.gamma, layer.beta, layer.batchesTracked], [null, null, 0]);
  assert.equal(Object.keys(toPyTorch(layer)), ['running_mean', 'running_var', 'num_batches_tracked']);
});

test('one of weight and bias alone is refused, unless it is meant', () => {
  const { bias: _, ...rest } = stateDict(four);
  assert.match(
    refusal(() => fromPyTorch(rest, { epsilon: 1e-5 }), TypeError),
    /lacks "bias"; .*pass center: false/,
  );
  assert.is(fromPyTorch(rest, { epsilon: 1e-5, center: false }).beta, null);
});

test('track_running_stats=False has no statistics, and normalises by the batch in evaluation too', () => {
  const { weight, bias } = stateDict(four);
  assert.match(
    refusal(() => fromPyTorch({ weight, bias }, { epsilon: 0 }), TypeError),
    /trackRunningStats: false/,
  );
  const layer = fromPyTorch({ weight, bias }, { epsilon: 0, trackRunningStats: false }).eval();
  const y = layer.forward(Float32Array.of(1, 2, 3, 3, 6, 5), [2, 3]);
  close(
    y,
    [-1, -1, -1, 1, 1, 1].map((side, i) => side * four.gamma[i % 3] + four.beta[i % 3]),
  );
  layer.train().forward(Float32Array.of(1, 2, 3, 3, 6, 5), [2, 3]);
  assert.equal([...layer.runningMean], [0, 0, 0]);
  sameTensors(toPyTorch(layer, { trackRunningStats: false }), { weight, bias });
});

test('half precision is widened', () => {
  const half = (...bits: number[]): NamedTensor => ({
    dtype: 'F16',
    shape: [bits.length],
    data: Uint16Array.from(bits),
  });
  const brain = (...bits: number[]): NamedTensor => ({
    dtype: 'BF16',
    shape: [bits.length],
    data: Uint16Array.from(bits),
  });
  const given = { weight: half(0x3c00), bias: brain(0xbf80), running_mean: half(0x3800), running_var: brain(0x4080) };
  const layer = fromPyTorch(given, { epsilon: 0 }).eval();
  assert.equal([...layer.forward(Float32Array.of(4.5), [1, 1])], [1]);
});

test('what is missing is named, with the prefixes that there are', () => {
  const model = stateDict(four, 'module.bn1.');
  const message = refusal(() => fromPyTorch(model, { prefix: 'bn1', epsilon: 1e-5 }), TypeError);
  assert.match(message, /lacks "bn1.running_mean".*"module.bn1"/);
});

test('epsilon is needed, momentum is refused', () => {
  assert.match(
    refusal(() => fromPyTorch(stateDict(four), {} as { epsilon: number }), TypeError),
    /"epsilon" is needed.*1e-5/,
  );
  const momentum = { epsilon: 1e-5, momentum: 0.1 };
  assert.match(
    refusal(() => fromPyTorch(stateDict(four), momentum), TypeError),
    /"momentum" is refused.*updateRate: 0.1/,
  );
  refusal(() => fromPyTorch(stateDict(four), { epsilon: 1e-5, updateRate: 'pooled' }), RangeError);
});

test('names that are left over are listed; strict: false leaves them', () => {
  const more = { ...stateDict(four), running_standard: floats(1, 2, 3) };
  assert.match(
    refusal(() => fromPyTorch(more, { epsilon: 1e-5 }), TypeError),
    /also "running_standard".*strict: false/,
  );
  assert.is(fromPyTorch(more, { epsilon: 1e-5, strict: false }).channels, 3);
});

test('wrong values are refused by name: shape, type, NaN, Infinity, a negative variance, a count', () => {
  const wrong: [Partial<Tensors>, typeof TypeError | typeof RangeError, RegExp][] = [
    [{ bias: floats(1, 2) }, RangeError, /"bias.shape" expected \[3\] \(channels\), got \[2\]/],
    [{ running_mean: { dtype: 'F32', shape: [1, 3], data: new Float32Array(3) } }, RangeError, /"running_mean.shape"/],
    [{ weight: { dtype: 'I32', shape: [3], data: new Int32Array(3) } }, RangeError, /"weight.dtype" expected F64/],
    [{ weight: floats(1, Number.NaN, 1) }, RangeError, /"weight\[1\]" expected a finite number, got NaN/],
    [{ running_var: floats(1, 1, Infinity) }, RangeError, /"running_var\[2\]" expected a finite number/],
    [{ running_var: floats(1, 1, -1e-9) }, RangeError, /"running_var\[2\]" expected a variance >= 0/],
    [{ num_batches_tracked: scalar(-1) }, RangeError, /"num_batches_tracked" expected a whole number >= 0/],
    [{ weight: { shape: [3] } as unknown as NamedTensor }, RangeError, /"weight.dtype"/],
  ];
  for (const [change, Class, message] of wrong) {
    const given = { ...stateDict(four), ...change } as Tensors;
    assert.match(
      refusal(() => fromPyTorch(given, { epsilon: 1e-5 }), Class),
      message,
    );
  }
});

test('the variance of another estimator is converted where the size of a batch is known', () => {
  const layer = new BatchNorm(1, { varianceEstimator: 'biased', updateRate: 1 });
  layer.forward(Float32Array.of(1, 2, 3, 6), [4, 1]);
  const variance = (options: object) => toPyTorch(layer, options)['running_var'].data[0];
  assert.is(variance({}), 3.5);
  assert.is(variance({ valuesPerBatch: 8 }), 4);
  assert.is(variance({ valuesPerBatch: 'tracked' }), Math.fround(14 / 3));
  assert.is(variance({ valuesPerBatch: Infinity }), 3.5);
  for (const valuesPerBatch of [1, 0, Number.NaN]) refusal(() => variance({ valuesPerBatch }), RangeError);
  const fresh = new BatchNorm(1, { varianceEstimator: 'biased' });
  refusal(() => toPyTorch(fresh, { valuesPerBatch: 'tracked' }), RangeError);
  assert.is(toPyTorch(new BatchNorm(1), { valuesPerBatch: 8 })['running_var'].data[0], 1, 'both are unbiased');
});

test('a pooled variance is that of all values together', () => {
  const layer = new BatchNorm(1, { varianceEstimator: 'biased', updateRate: 'pooled' });
  layer.forward(Float32Array.of(1, 2), [2, 1]);
  layer.forward(Float32Array.of(3, 6), [2, 1]);
  assert.is(toPyTorch(layer, { valuesPerBatch: 'tracked' })['running_var'].data[0], Math.fround(14 / 3));
});

test('running statistics of a file hold no start values that debiasing could take out', () => {
  assert.is(fromPyTorch(stateDict(four), { epsilon: 1e-5 }).state().debiasWeight, 1);
});

test("the layer's own options go through: activation, ghost batches, what is done with single values and NaN", () => {
  const given = { activation: 'relu', ghostBatchSize: 2, grouping: 'interleaved', onNonFinite: 'skip' } as const;
  const layer = fromPyTorch(stateDict(four), { epsilon: 1e-5, axis: -1, singleValue: 'allow', ...given });
  const { axis, singleValue, activation, ghostBatchSize, grouping, onNonFinite } = layer.state();
  assert.equal({ activation, ghostBatchSize, grouping, onNonFinite }, given);
  assert.equal([axis, singleValue], [-1, 'allow']);
  refusal(() => fromPyTorch(stateDict(four), { epsilon: 1e-5, ghostBatchSize: 0 }), RangeError);
});

test('so does every other option that PyTorch does not decide', () => {
  const given = { groups: 1, summation: 'exact', debias: true, ghostBatchSize: 4 } as const;
  const { groups, summation, debias, ghostBatchSize } = fromPyTorch(stateDict(four), { epsilon: 0, ...given }).state();
  assert.equal({ groups, summation, debias, ghostBatchSize }, given);
  refusal(() => fromPyTorch(stateDict(four), { epsilon: 0, groups: 7 }), RangeError);
});

test('averages of batch renormalization begin with the running statistics', () => {
  const layer = fromPyTorch(stateDict(four), { epsilon: 1, renorm: { rMax: 3 } });
  assert.equal(layer.renormMean, layer.runningMean);
  assert.equal(
    [...layer.renormDeviation!],
    [...layer.runningVariance].map((value) => Math.sqrt(value + 1)),
  );
});

test('dtype is the type of the layer, for the compiler too', () => {
  const single: BatchNorm = fromPyTorch(stateDict(four), { epsilon: 1e-5 });
  const double: BatchNorm<Float64Array> = fromPyTorch(stateDict(four), { epsilon: 1e-5, dtype: 'float64' });
  // @ts-expect-error: a layer of float64 takes no Float32Array.
  const wrong: BatchNorm = fromPyTorch(stateDict(four), { epsilon: 1e-5, dtype: 'float64' });
  assert.equal(
    [single, double, wrong].map((layer) => layer.state().dtype),
    ['float32', 'float64', 'float64'],
  );
});

test('an activation is nothing that a state_dict can hold', () => {
  const layer = fromPyTorch(stateDict(four), { epsilon: 1e-5, activation: 'relu' });
  assert.match(
    refusal(() => toPyTorch(layer), TypeError),
    /activation.*dropActivation: true/,
  );
  sameTensors(toPyTorch(layer, { dropActivation: true }), stateDict(four));
});
