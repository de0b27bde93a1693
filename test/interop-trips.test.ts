// Whatever a layer holds comes back from every format as the same bits, in every type of float.

import { BatchNorm } from 'batchnorm';
import {
  type DType,
  fromFlax,
  fromKeras,
  fromOnnx,
  fromPyTorch,
  type NamedTensor,
  toFlax,
  toFloats,
  toKeras,
  toOnnx,
  toPyTorch,
} from 'batchnorm/interop';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { bytes, doubles, floats, refusal, sameTensors } from './support/interop.js';
import { SEED } from './support/random.js';
import { suiteOf } from './support/suite.js';

const test = suiteOf('interop: there and back');

interface Made {
  readonly epsilon: number;
  readonly decay: number;
  readonly scale: boolean;
  readonly center: boolean;
  readonly values: number[][];
}

const finite = (variance: boolean) => fc.float({ noNaN: true, noDefaultInfinity: true, ...(variance && { min: 0 }) });
const layers: fc.Arbitrary<Made> = fc.integer({ min: 1, max: 5 }).chain((channels) => {
  const array = (variance = false) => fc.array(finite(variance), { minLength: channels, maxLength: channels });
  return fc.record({
    epsilon: fc.float({ min: 0, max: 1, noNaN: true }),
    decay: fc.float({ min: 0, max: 1, noNaN: true }),
    scale: fc.boolean(),
    center: fc.boolean(),
    values: fc.tuple(array(), array(), array(), array(true)),
  });
});

function make({ epsilon, decay, scale, center, values }: Made, options: object): BatchNorm {
  const [gamma, beta, mean, variance] = values as [number[], number[], number[], number[]];
  const layer = new BatchNorm(mean.length, { epsilon, decay, scale, center, singleValue: 'allow', ...options });
  layer.gamma?.set(gamma);
  layer.beta?.set(beta);
  layer.runningMean.set(mean);
  layer.runningVariance.set(variance);
  return layer;
}

function sameLayer(actual: BatchNorm, expected: BatchNorm): void {
  const { debiasWeight: _, ...wanted } = expected.state();
  const { debiasWeight: __, ...got } = actual.state();
  assert.equal(got, wanted);
}

const runs = { numRuns: 300, seed: SEED };

test('PyTorch', () => {
  const check = (made: Made) => {
    const layer = make({ ...made, center: made.scale }, {});
    sameLayer(fromPyTorch(toPyTorch(layer), { epsilon: made.epsilon, decay: made.decay, singleValue: 'allow' }), layer);
  };
  fc.assert(fc.property(layers, check), runs);
});

const biased = { varianceEstimator: 'biased', axis: -1 };

test('Keras', () => {
  const check = (made: Made) => {
    const layer = make(made, biased);
    const { config, weights, tensors } = toKeras(layer);
    const numbered = toKeras(layer, { naming: 'numbered' }).tensors;
    for (const given of [weights, tensors, numbered]) sameLayer(fromKeras(given, { config }), layer);
  };
  fc.assert(fc.property(layers, check), runs);
});

test('flax', () => {
  const check = (made: Made) => {
    const layer = make(made, biased);
    const { epsilon, decay } = made;
    for (const naming of ['linen', 'nnx'] as const) {
      sameLayer(fromFlax(toFlax(layer, { naming, prefix: 'a.b' }), { prefix: 'a.b', epsilon, decay }), layer);
    }
  };
  fc.assert(fc.property(layers, check), runs);
});

test('ONNX', () => {
  const check = (made: Made) => {
    const layer = make({ ...made, scale: true, center: true }, { varianceEstimator: 'biased' });
    const { node, initializers, opset } = toOnnx(layer, { training: true });
    sameLayer(fromOnnx(initializers, { node, opset }), layer);
  };
  fc.assert(fc.property(layers, check), runs);
});

test('through all formats, one after the other', () => {
  const check = (made: Made) => {
    const { epsilon, decay } = made;
    const layer = make({ ...made, scale: true, center: true }, { axis: 1 });
    const torch = fromPyTorch(toPyTorch(layer), { epsilon, decay });
    const { config, tensors } = toKeras(torch, { prefix: 'bn' });
    const keras = fromKeras(tensors, { prefix: 'bn', config });
    const flax = fromFlax(toFlax(keras), { epsilon, decay, axis: 1 });
    const { node, initializers, opset } = toOnnx(flax);
    const onnx = fromOnnx(initializers, { node, opset });
    sameTensors(toPyTorch(onnx), toPyTorch(layer));
    const { epsilon: last, updateRate, axis } = onnx.state();
    assert.equal({ epsilon: last, updateRate, axis }, { epsilon, updateRate: layer.updateRate, axis: 1 });
  };
  fc.assert(fc.property(layers, check), runs);
});

/** All finite numbers of 16 bits, a variance only of those that are none below 0. */
function everyHalf(dtype: 'F16' | 'BF16', isVariance = false): NamedTensor {
  const infinite = dtype === 'F16' ? 0x7c00 : 0x7f80;
  const all = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) < infinite);
  const data = Uint16Array.from(isVariance ? all.map((bits) => bits & 0x7fff) : all);
  return { dtype, shape: [data.length], data } as NamedTensor;
}

for (const dtype of ['F16', 'BF16'] as const) {
  test(`every number of ${dtype}`, () => {
    const values = everyHalf(dtype);
    const variance = everyHalf(dtype, true);
    const stateDict = { weight: values, bias: values, running_mean: values, running_var: variance };
    const { num_batches_tracked: _, ...again } = toPyTorch(fromPyTorch(stateDict, { epsilon: 0 }), { dtype });
    sameTensors(again, stateDict);
  });
}

/** A running mean in a type of few bits. */
function rounded(value: number, dtype: DType): number {
  const layer = fromPyTorch({ running_mean: doubles(value), running_var: doubles(1) }, { epsilon: 0 });
  const { running_mean } = toPyTorch(layer, { dtype: dtype as 'F16' });
  return toFloats(running_mean!)[0];
}

test('rounded once, to nearest, ties to even', () => {
  const ulp = { F32: 2 ** -23, F16: 2 ** -10, BF16: 2 ** -7 };
  const tiny = { F32: 2 ** -149, F16: 2 ** -24, BF16: 2 ** -133 };
  for (const dtype of ['F32', 'F16', 'BF16'] as const) {
    const [step, least] = [ulp[dtype], tiny[dtype]];
    const around = [1 + step / 2, 1 + 1.5 * step, 1 + step / 2 + 2 ** -50, 1 + step / 2 - 2 ** -50, 2 - step / 4];
    assert.equal(
      around.map((value) => rounded(value, dtype)),
      [1, 1 + 2 * step, 1 + step, 1, 2],
      dtype,
    );
    const small = [least / 2, least * 0.5000001, -least * 1.5, -least / 3];
    assert.equal(
      small.map((value) => rounded(value, dtype)),
      [0, least, -2 * least, -0],
      dtype,
    );
  }
});

test('a number that a type cannot hold is refused', () => {
  assert.is(rounded(65519, 'F16'), 65504);
  assert.match(
    refusal(() => rounded(65520, 'F16'), RangeError),
    /"runningMean\[0\]" expected a number that F16 can hold, got 65520/,
  );
  refusal(() => rounded(100000, 'F16'), RangeError);
  refusal(() => rounded(2 ** 128, 'BF16'), RangeError);
  for (const dtype of ['F32', 'BF16', 'F16'] as const) refusal(() => rounded(-1e300, dtype), RangeError);
  refusal(() => rounded(1, 'I64'), RangeError);
  const layer = new BatchNorm(1);
  layer.runningMean[0] = Number.NaN;
  layer.runningVariance[0] = Infinity;
  for (const dtype of ['F32', 'F16', 'BF16'] as const) {
    const { running_mean, running_var } = toPyTorch(layer, { dtype });
    assert.equal([toFloats(running_mean!)[0], toFloats(running_var!)[0]], [NaN, Infinity], dtype);
  }
});

test('what is exported is a copy, and so is what is imported', () => {
  const stateDict = { running_mean: floats(1), running_var: floats(2) };
  const layer = fromPyTorch(stateDict, { epsilon: 0 });
  layer.runningMean[0] = 5;
  const exported = toPyTorch(layer, { dtype: 'F64' });
  layer.runningMean[0] = 6;
  assert.equal([...stateDict.running_mean.data, ...exported['running_mean'].data], [1, 5]);
  assert.is(bytes(exported['running_mean'].data).length, 8);
});
