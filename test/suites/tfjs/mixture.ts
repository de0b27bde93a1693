/** Inference by statistics of each sample, mixed with the moving ones: as the layer of this library itself. */
import type * as tf from '@tensorflow/tfjs-core';
import { BatchNorm } from 'batchnorm';
import { batchNormalization } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { gradients, type HostName, random, randomize, suiteOn, values } from '../../support/tfjs.js';

const SHAPE = [3, 4, 5, 2];

export default function mixture(host: HostName): void {
  const test = suiteOn(host, 'mixture');

  test('y and gradients are those of BatchNorm, to the bit', () => {
    for (const config of [{}, { scale: false }, { center: false }, { axis: 1 }]) {
      const layer = batchNormalization(config);
      layer.build([null, ...SHAPE.slice(1)]);
      randomize(layer);
      const [x, dy] = [random(SHAPE, 1), random(SHAPE, 2)];
      layer.normalizeWith = { sample: 0.25 };
      const got = gradients(layer, x, dy, {});

      const numbers = layer.getWeights().map((weight) => Float32Array.from(weight.dataSync()));
      const { scale = true, center = true, axis = -1 } = config as { scale?: boolean; center?: boolean; axis?: number };
      const bn = new BatchNorm(numbers[0]!.length, { axis, scale, center, epsilon: 1e-3 }).eval();
      for (const own of [bn.gamma, bn.beta, bn.runningMean, bn.runningVariance]) own?.set(numbers.shift()!);
      bn.normalizeWith = { sample: 0.25 };
      const y = bn.forward(Float32Array.from(x.dataSync()), SHAPE);
      const dx = bn.backward(Float32Array.from(dy.dataSync()));
      const wanted = [y, dx, bn.dgamma, bn.dbeta].filter((each) => each !== null).map((each) => [...each]);
      assert.equal(got, wanted);

      layer.normalizeWith = 'mode';
      assert.not.equal(values(layer.apply(x) as tf.Tensor), got[0]);
    }
  });

  test('what it is not', () => {
    const layer = batchNormalization({ name: 'norm' });
    assert.throws(
      () => Object.assign(layer, { normalizeWith: 'batch' }),
      /layer "norm": "normalizeWith" expected 'mode', got/,
    );
    assert.throws(
      () => Object.assign(layer, { normalizeWith: { sample: 2 } }),
      /"normalizeWith.sample" expected a weight from/,
    );
    const several = batchNormalization({ axis: [1, 2], name: 'norm' });
    assert.throws(
      () => Object.assign(several, { normalizeWith: { sample: 0.5 } }),
      /expected 'mode' with several axes, got/,
    );
    layer.normalizeWith = { sample: 0.5 };
    assert.is(layer.getConfig()['normalizeWith'], undefined);
  });
}
