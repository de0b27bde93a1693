/** Models without batch normalization, beside those that have it. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { foldModel } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { norm, norms, same, train } from '../../support/fold-model.js';
import { randomFor } from '../../support/random.js';
import { type HostName, type Layer, load, ours, random, save, suiteOn, theirs, values } from '../../support/tfjs.js';

/** What can come before batch normalization, of an image of [6, 6, 3]. */
const BEFORE: Record<string, (config: { useBias: boolean; inputShape?: number[] }) => Layer> = {
  Dense: (config) => tfl.layers.dense({ units: 4, ...config }),
  Conv2D: (config) => tfl.layers.conv2d({ filters: 4, kernelSize: [2, 3], padding: 'same', strides: 2, ...config }),
  DepthwiseConv2D: (config) =>
    tfl.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, depthwiseRegularizer: 'l1l2', ...config }),
  SeparableConv2D: (config) => tfl.layers.separableConv2d({ filters: 4, kernelSize: 2, depthMultiplier: 2, ...config }),
  Conv2DTranspose: (config) =>
    tfl.layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', ...config }),
};

export default function folding(host: HostName): void {
  const test = suiteOn(host, 'foldModel');

  for (const [name, make] of Object.entries(BEFORE)) {
    test(`${name}: what comes after it is gone`, () => {
      const generator = randomFor(`${name} ${host}`);
      for (const useBias of [true, false]) {
        for (const make2 of [ours, theirs]) {
          const layers = [make({ useBias, inputShape: [6, 6, 3] }), make2({ name: 'bn' }), tfl.layers.reLU()];
          const model = tfl.sequential({ layers });
          train(model, generator);
          const x = random([2, 6, 6, 3], 7);
          const folded = foldModel(model, { x });
          same(model, folded, x);
          const [only] = folded.folded;
          assert.equal([only!.layer, only!.into, only!.where], ['bn', layers[0].name, 'previous']);
          assert.ok(only!.bound.constant > 0 && only!.bound.constant < 1e-5);
          assert.equal([folded.kept, norms(folded.model)], [[], []]);
        }
      }
    });
  }

  test('one and three dimensions', () => {
    const generator = randomFor(`dimensions ${host}`);
    const cases: [Layer, number[]][] = [
      [tfl.layers.conv1d({ filters: 4, kernelSize: 3, padding: 'same', inputShape: [6, 3] }), [6, 3]],
      [tfl.layers.conv3d({ filters: 2, kernelSize: 2, inputShape: [3, 4, 3, 2] }), [3, 4, 3, 2]],
    ];
    // TensorFlow.js 4.22 computes its transposed convolution of three dimensions wrongly on the wasm backend.
    const transposed = tfl.layers.conv3dTranspose({ filters: 3, kernelSize: 2, inputShape: [2, 3, 2, 2] });
    if (host === 'cpu') cases.push([transposed, [2, 3, 2, 2]]);
    // TensorFlow.js' layer takes tensors of at most rank 4.
    for (const [first, shape] of cases) {
      const model = tfl.sequential({ layers: [first, ours(), tfl.layers.reLU()] });
      train(model, generator);
      const x = random([2, ...shape], 7);
      const folded = foldModel(model, { x });
      assert.is(folded.folded.length, 1);
      same(model, folded, x);
    }
  });

  test('channels first', () => {
    const generator = randomFor(`first ${host}`);
    const { conv2d, conv2dTranspose, depthwiseConv2d } = tfl.layers;
    const conv = { filters: 4, kernelSize: 2, dataFormat: 'channelsFirst', useBias: false } as const;
    const inputShape = [3, 6, 6];
    for (const make of [conv2d, conv2dTranspose, depthwiseConv2d]) {
      const model = tfl.sequential({ layers: [make({ ...conv, inputShape }), ours({ axis: 1 }), tfl.layers.reLU()] });
      train(model, generator);
      const x = random([2, 3, 6, 6], 7);
      const folded = foldModel(model, { x });
      assert.is(folded.folded.length, 1);
      same(model, folded, x);
    }
    const wrong: [Layer, number[]][] = [
      [tfl.layers.separableConv2d({ ...conv, inputShape }), [2, 3, 6, 6]],
      [tfl.layers.conv1d({ ...conv, padding: 'same', inputShape: [4, 4] }), [2, 4, 4]],
    ];
    for (const [first, shape] of wrong) {
      const model = tfl.sequential({ layers: [first, ours({ axis: 1 })] });
      train(model, generator);
      const x = random(shape, 7);
      const folded = foldModel(model, { x });
      same(model, folded, x);
      const reason = /^TensorFlow.js computes "[^"]*" \((SeparableConv2D|Conv1D)\) wrongly with channels first$/;
      assert.match(folded.kept[0].why.previous, reason);
    }
    const crossed = tfl.sequential({
      layers: [tfl.layers.conv2d({ ...conv, inputShape: [3, 6, 6] }), ours({ axis: -1 })],
    });
    assert.match(foldModel(crossed).kept[0].why.previous, /the channels of "conv2d.*" \(Conv2D\) are on another axis/);
  });

  test('before a dense layer or a convolution that does not pad', () => {
    const generator = randomFor(`next ${host}`);
    const { dense, conv2d, depthwiseConv2d, reLU } = tfl.layers;
    const nexts: [() => Layer, folds: boolean][] = [
      [() => dense({ units: 3, activation: 'tanh' }), true],
      [() => conv2d({ filters: 3, kernelSize: 3, strides: 2, dilationRate: 1, useBias: false }), true],
      [() => conv2d({ filters: 3, kernelSize: 1, padding: 'same' }), true],
      [() => conv2d({ filters: 3, kernelSize: 3, padding: 'same' }), false],
      [() => depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, useBias: false }), true],
      [() => depthwiseConv2d({ kernelSize: 2, padding: 'same' }), false],
      [() => tfl.layers.separableConv2d({ filters: 3, kernelSize: 2 }), false],
      [() => tfl.layers.conv2dTranspose({ filters: 3, kernelSize: 2 }), false],
    ];
    for (const [next, folds] of nexts) {
      const model = tfl.sequential({
        layers: [reLU({ inputShape: [5, 5, 3] }), norm(generator, { name: 'bn' }), next()],
      });
      train(model, generator);
      const x = random([2, 5, 5, 3], 7);
      const folded = foldModel(model, { x });
      assert.equal([folded.folded.length, folded.kept.length], folds ? [1, 0] : [0, 1]);
      if (folds) assert.is(folded.folded[0].where, 'next');
      else assert.match(folded.kept[0].why.next, /pads its input with zeros|not the same sum of its inputs everywhere/);
      same(model, folded, x);
    }
  });

  test('several in a row, also where the first goes into what comes after', () => {
    const generator = randomFor(`row ${host}`);
    const { dense } = tfl.layers;
    const rows: Layer[][] = [
      [dense({ units: 4, inputShape: [3], useBias: false }), norm(generator), norm(generator)],
      [ours({ inputShape: [3], scale: false }), norm(generator), dense({ units: 4 })],
      [ours({ inputShape: [3] }), dense({ units: 4 }), norm(generator), dense({ units: 2 }), norm(generator)],
    ];
    for (const layers of rows) {
      const model = tfl.sequential({ layers });
      train(model, generator);
      const x = random([4, 3], 7);
      const folded = foldModel(model, { x });
      assert.equal([norms(folded.model), folded.kept], [[], []]);
      same(model, folded, x);
    }
  });

  test('what cannot be folded stays, and the report says why', () => {
    const { dense, add, reLU } = tfl.layers;
    const reasons = (build: (x: tfl.SymbolicTensor) => tfl.SymbolicTensor | tfl.SymbolicTensor[]) => {
      const input = tfl.input({ shape: [3] });
      const model = tfl.model({ inputs: input, outputs: build(input) });
      train(model, randomFor('why'));
      const x = random([4, 3], 7);
      const folded = foldModel(model, { x });
      same(model, folded, x);
      assert.is(folded.folded.length, 0);
      return folded.kept.map(({ layer, why }) => [layer, why.previous, why.next]);
    };
    type T = tfl.SymbolicTensor;
    const apply = (layer: Layer, x: T | T[], options?: object) => layer.apply(x, options) as T;
    const bn = () => ours({ name: 'bn' });
    const unused = 'no layer, or more than one, uses its output, or the model returns it';

    assert.equal(
      reasons((x) => apply(bn(), apply(dense({ units: 3, activation: 'relu', name: 'd' }), x))),
      [['bn', '"d" (Dense) has an activation', unused]],
    );
    assert.equal(
      reasons((x) => apply(bn(), apply(reLU({ name: 'r' }), apply(dense({ units: 3 }), x)))),
      [['bn', '"r" (ReLU) is neither dense nor a convolution', unused]],
    );
    assert.equal(
      reasons((x) => {
        const d = apply(dense({ units: 3, name: 'd' }), x);
        return apply(add({ name: 'a' }), [d, apply(bn(), d)]);
      }),
      [['bn', 'the output of "d" (Dense) is used elsewhere as well', '"a" (Add) is neither dense nor a convolution']],
    );
    assert.equal(
      reasons((x) => {
        const d = apply(dense({ units: 3, name: 'd' }), x);
        return [d, apply(bn(), d)];
      }),
      [['bn', 'the output of "d" (Dense) is used elsewhere as well', unused]],
    );
    assert.equal(
      reasons((x) => {
        const d = dense({ units: 3, name: 'd' });
        return apply(add(), [apply(bn(), apply(d, x)), apply(d, apply(reLU(), x))]);
      })[0][1],
      '"d" (Dense) is used several times',
    );
    assert.equal(
      reasons((x) => {
        const shared = bn();
        return apply(add(), [
          apply(shared, apply(dense({ units: 3 }), x)),
          apply(shared, apply(dense({ units: 3 }), x)),
        ]);
      }),
      [['bn', 'it is used several times', 'it is used several times']],
    );
  });

  test('a call in training mode, and statistics that are not finite', () => {
    const { dense } = tfl.layers;
    const input = tfl.input({ shape: [3] });
    const hidden = dense({ units: 3 }).apply(input);
    const training = tfl.model({
      inputs: input,
      outputs: ours({ name: 'bn' }).apply(hidden, { training: true }) as tfl.SymbolicTensor,
    });
    const { kept } = foldModel(training);
    assert.is(kept[0].why.previous, 'its call says training: true');

    const layers = [dense({ units: 3, inputShape: [3] }), ours({ name: 'bn', movingVarianceInitializer: 'zeros' })];
    const broken = tfl.sequential({ layers });
    layers[1].setWeights([tf.ones([3]), tf.zeros([3]), tf.tensor1d([0, NaN, 0]), tf.ones([3])]);
    const report = foldModel(broken);
    assert.is(report.kept[0].why.previous, 'batchnorm: fold: "mean[1]" expected a finite number, got NaN');
    assert.equal(values(report.model.layers[2].getWeights()[2]), [0, NaN, 0]);
  });

  test('recurrent layers with an initial state, wrappers, and masks go over as they are', () => {
    const { lstm, timeDistributed, dense, embedding } = tfl.layers;
    const input = tfl.input({ shape: [4] });
    const state = [tfl.input({ shape: [3] }), tfl.input({ shape: [3] })];
    const words = embedding({ inputDim: 5, outputDim: 3, maskZero: true }).apply(input) as tfl.SymbolicTensor;
    const hidden = lstm({ units: 3, returnSequences: true, recurrentInitializer: 'glorotNormal' }).apply(words, {
      initialState: state,
    });
    const each = timeDistributed({ layer: dense({ units: 3 }) }).apply(hidden) as tfl.SymbolicTensor;
    const outputs = ours({ name: 'bn' }).apply(dense({ units: 2 }).apply(each)) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: [input, ...state], outputs });
    train(model, randomFor('recurrent'));
    const x = [tf.tensor2d([1, 2, 0, 0, 3, 1, 2, 4], [2, 4]), random([2, 3], 1), random([2, 3], 2)];
    const folded = foldModel(model, { x });
    assert.is(folded.folded.length, 1);
    same(model, folded, x);
  });

  test('the model given stays as it is; the other one can be saved, and keeps its weights alone', async () => {
    const layers = [tfl.layers.dense({ units: 3, inputShape: [3] }), ours(), tfl.layers.dense({ units: 2 }), ours()];
    const model = tfl.sequential({ layers });
    train(model, randomFor('kept'));
    const x = random([4, 3], 1);
    const [before, weights] = [values(model.predict(x) as tf.Tensor), model.getWeights().map(values)];
    const tensors = tf.memory().numTensors;
    const { model: folded } = foldModel(model, { x });
    assert.is(tf.memory().numTensors - tensors, folded.getWeights().length);
    const y = values(folded.predict(x) as tf.Tensor);
    assert.equal(values((await load(await save(folded))).predict(x) as tf.Tensor), y);
    assert.equal(values(model.predict(x) as tf.Tensor), before);
    assert.equal(model.getWeights().map(values), weights);
    folded.dispose();
    assert.equal(values(model.predict(x) as tf.Tensor), before);
  });

  test('what is no model, or not built, is refused', () => {
    const wrong = /^batchnorm: foldModel: "model" expected a LayersModel, got/;
    assert.throws(() => foldModel({} as tfl.LayersModel), wrong);
    assert.throws(() => foldModel(null as unknown as tfl.LayersModel), wrong);
    const unbuilt = tfl.sequential();
    assert.throws(
      () => foldModel(unbuilt),
      /"model" expected a built model, got one without inputs; give it an inputShape$/,
    );
    assert.throws(() => foldModel(unbuilt, { y: 1 } as object), /"options" has no "y"/);
  });
}
