// Layers from and to flax: linen and nnx, flat and nested.
import { BatchNorm } from 'batchnorm';
import { type FlaxVariables, type FromFlaxOptions, fromFlax, type Tensors, toFlax } from 'batchnorm/interop';
import * as assert from 'uvu/assert';
import { close, floats, normalized, randomFour, refusal, sameTensors } from './support/interop.js';
import { randomFor } from './support/random.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('interop: flax');
const four = randomFour(randomFor('flax'), 3);
const [scale, bias, mean, variance] = [four.gamma, four.beta, four.mean, four.variance].map((values) =>
  floats(...values),
);
const epsilon = 1e-5;
const prefix = 'Block_0/BatchNorm_0';

const linen = {
  'params/Block_0/BatchNorm_0/scale': scale!,
  'params/Block_0/BatchNorm_0/bias': bias!,
  'batch_stats/Block_0/BatchNorm_0/mean': mean!,
  'batch_stats/Block_0/BatchNorm_0/var': variance!,
};
const nested = {
  params: { Block_0: { BatchNorm_0: { scale: scale!, bias: bias! }, Dense_0: { kernel: floats(1, 2) } } },
  batch_stats: { Block_0: { BatchNorm_0: { mean: mean!, var: variance! } } },
};
const nnx = {
  'Block_0.BatchNorm_0.scale': scale!,
  'Block_0.BatchNorm_0.bias': bias!,
  'Block_0.BatchNorm_0.mean': mean!,
  'Block_0.BatchNorm_0.var': variance!,
};
const valued = Object.fromEntries(Object.entries(nnx).map(([name, tensor]) => [`${name}.value`, tensor]));

const forms: Record<string, FlaxVariables | Tensors> = { linen, nested, nnx, valued };
for (const [form, variables] of Object.entries(forms)) {
  test(`${form} variables evaluate by the formula, and are the same bits again`, () => {
    for (const where of [prefix, 'Block_0.BatchNorm_0', `${prefix}/`]) {
      const layer = fromFlax(variables, { prefix: where, epsilon }).eval();
      const x = Float32Array.of(1, 2, 3, 4, 5, 6);
      close(
        layer.forward(x, [2, 3]),
        normalized(x, four, epsilon, (i) => i % 3),
      );
      sameTensors(toFlax(layer, { prefix }), linen);
      sameTensors(toFlax(layer, { prefix: 'Block_0.BatchNorm_0', naming: 'nnx' }), nnx);
    }
  });
}

test("defaults are flax': channels last, decay 0.99, biased, one value is allowed", () => {
  const { axis, updateRate, varianceEstimator, singleValue } = fromFlax(linen, { prefix, epsilon }).state();
  assert.equal([axis, updateRate, varianceEstimator, singleValue], [-1, 1 - 0.99, 'biased', 'allow']);
  assert.is(fromFlax(linen, { prefix, epsilon, decay: 0.9, axis: 1 }).updateRate, 1 - 0.9);
});

test('use_scale=False and use_bias=False leave gamma and beta out', () => {
  const none = { 'batch_stats/mean': mean!, 'batch_stats/var': variance! };
  const layer = fromFlax(none, { epsilon });
  assert.equal([layer.gamma, layer.beta], [null, null]);
  sameTensors(toFlax(layer), none);
  const half = { ...none, 'params/bias': bias! };
  assert.equal([...fromFlax(half, { epsilon }).beta!], four.beta);
  assert.match(
    refusal(() => fromFlax(half, { epsilon, scale: true }), TypeError),
    /lacks "scale"/,
  );
});

test('what is missing, left over, given twice or ambiguous is refused', () => {
  const given = (variables: FlaxVariables, options: object) => () =>
    fromFlax(variables, { epsilon, ...options } as FromFlaxOptions);
  assert.match(
    refusal(given(linen, { prefix: 'BatchNorm_0' }), TypeError),
    /lacks "BatchNorm_0\/mean".*"Block_0\/BatchNorm_0"/,
  );
  assert.match(refusal(given(linen, { prefix, momentum: 0.9 }), TypeError), /decay: 0.9/);
  assert.match(refusal(given(linen, { prefix, epsilon: undefined }), TypeError), /"epsilon" is needed/);
  const more = { ...linen, 'params/Block_0/BatchNorm_0/kernel': floats(1) };
  assert.match(refusal(given(more, { prefix }), TypeError), /also "params\/Block_0\/BatchNorm_0\/kernel"/);
  assert.is(given(more, { prefix, strict: false })().channels, 3);
  const twice = { ...linen, 'Block_0.BatchNorm_0.mean': mean! };
  assert.match(refusal(given(twice, { prefix }), TypeError), /nothing beside/);
  assert.match(refusal(given({ params: { mean: 3 as never } }, {}), TypeError), /"params\/mean" expected a tensor/);
  let deep: FlaxVariables = {};
  for (let i = 0; i < 1e4; i++) deep = { deep };
  assert.match(refusal(given(deep, {}), TypeError), /at most 100 levels/);
  const circle: FlaxVariables = {};
  Object.assign(circle, { left: circle, right: circle });
  assert.match(refusal(given(circle, {}), TypeError), /"left" expected a level of names that does not hold itself/);
});

test('the unbiased variance is converted where the size of a batch is given', () => {
  const layer = new BatchNorm(1);
  assert.is(toFlax(layer)['batch_stats/var'].data[0], 1);
  assert.is(toFlax(layer, { valuesPerBatch: 4 })['batch_stats/var'].data[0], 0.75);
});

test('a layer without a prefix', () => {
  sameTensors(toFlax(new BatchNorm(1), { naming: 'nnx' }), {
    scale: floats(1),
    bias: floats(0),
    mean: floats(0),
    var: floats(1),
  });
});
