/** Gradients of gradients: beside those of the original, in training and with the moving statistics. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { Reducer } from 'batchnorm';
import { batchNormalization, type SeveralAxesConfig } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import {
  type Config,
  close,
  type HostName,
  type Layer,
  OUR_ERROR,
  ours,
  pair,
  random,
  randomize,
  suiteOn,
  theirs,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

/** TensorFlow.js sums in float32, on every way from the loss to a second gradient and back. */
const THEIR_ERROR = 2e-5;

type Apply = (x: tf.Tensor) => tf.Tensor;

const inTraining =
  (layer: Layer): Apply =>
  (x) =>
    layer.apply(x, { training: true }) as tf.Tensor;
const inInference =
  (layer: Layer): Apply =>
  (x) =>
    layer.apply(x) as tf.Tensor;

/** A smooth function of y with derivatives of every order. */
const scoreOf = (y: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(tf.square(y), tf.sigmoid(y)));

/** Σ (∂score/∂x)²·sin(x): a function of dx. */
function penaltyOf(apply: Apply, x: tf.Tensor): tf.Scalar {
  const slope = tf.grad((x: tf.Tensor) => scoreOf(apply(x)))(x);
  return tf.sum(tf.mul(tf.square(slope), tf.sin(x)));
}

/** Σ (∂score/∂gamma)² + Σ (∂score/∂beta)³: a function of dgamma and dbeta. */
function parameterPenalty(layer: Layer, apply: Apply, x: tf.Tensor): tf.Scalar {
  const own = layer.trainableWeights.map((weight) => weight.read());
  // As arguments of the function they would not be what the layer reads.
  const grads = tf.grads(() => scoreOf(apply(x)))(own);
  return grads.reduce<tf.Scalar>((sum, grad, i) => tf.add(sum, tf.sum(tf.pow(grad, 2 + i))), tf.scalar(0));
}

/** Gradients of a function for x and the learnt parameters. */
function gradientsOf(layer: Layer, loss: (x: tf.Tensor) => tf.Scalar, x: tf.Tensor): number[][] {
  const own = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const { grads } = own.length > 0 ? tf.variableGrads(() => loss(x), own) : { grads: {} };
  return [values(tf.grad(loss)(x)), ...own.map(({ name }) => values((grads as tf.NamedTensorMap)[name]))];
}

const NAMES = ['x', 'gamma', 'beta'];

export default function secondOrder(host: HostName): void {
  const test = suiteOn(host, 'gradients of gradients');

  for (const [mode, of] of Object.entries({ training: inTraining, inference: inInference })) {
    for (const shape of [
      [12, 3],
      [4, 2, 3, 4],
    ]) {
      test(`of dx, dgamma and dbeta as the original has them: ${mode}, [${shape}]`, () => {
        const x = random(shape, 3);
        const [actual, expected] = pair({ epsilon: 0.01 }, shape).map((layer) => [
          ...gradientsOf(layer, (x) => penaltyOf(of(layer), x), x),
          ...gradientsOf(layer, (x) => parameterPenalty(layer, of(layer), x), x),
        ]);
        close(
          actual,
          expected,
          [...NAMES, ...NAMES].map((name, i) => `${i < 3 ? 'dx' : 'parameters'}: ${name}`),
          THEIR_ERROR,
        );
      });
    }
  }

  test('with the moving statistics of third order too', () => {
    const x = random([6, 3], 5);
    const [actual, expected] = pair({}, [6, 3]).map((layer) => {
      const slope = (x: tf.Tensor) => tf.grad((x: tf.Tensor) => penaltyOf(inInference(layer), x))(x);
      return gradientsOf(layer, (x) => tf.sum(tf.square(slope(x))), x);
    });
    close(actual, expected, NAMES, THEIR_ERROR);
  });

  test('a gradient penalty of a critic, by all of its weights', () => {
    const x = random([8, 5], 1);
    const [actual, expected] = [ours, theirs].map((make) => {
      const norm = make({ epsilon: 0.01 });
      const critic = tfl.sequential({
        layers: [
          tfl.layers.dense({
            units: 6,
            inputShape: [5],
            kernelInitializer: tfl.initializers.randomNormal({ seed: 7 }),
          }),
          norm,
          tfl.layers.reLU(),
          tfl.layers.dense({ units: 1, kernelInitializer: tfl.initializers.randomNormal({ seed: 8 }) }),
        ],
      });
      randomize(norm);
      const penalty = () => {
        const slope = tf.grad((x: tf.Tensor) => tf.sum(critic.apply(x) as tf.Tensor))(x);
        return tf.sum<tf.Scalar>(tf.square(tf.sub(tf.norm(slope, 2, 1), 1)));
      };
      const own = critic.trainableWeights.map((weight) => weight.read() as tf.Variable).slice(0, 4);
      const { grads } = tf.variableGrads(penalty, own);
      return [0, 2].map((i) => values(grads[own[i].name]));
    });
    close(actual, expected, ['kernel', 'gamma'], THEIR_ERROR);
  });

  test('without scale or center; channels first as last of the transposed; exact as ordered', () => {
    const x = random([3, 4, 2, 5], 2);
    const back = (grads: number[][]) => [
      values(tf.transpose(tf.tensor(grads[0], [3, 2, 5, 4]), [0, 3, 1, 2])),
      ...grads.slice(1),
    ];
    const of = (config: Config, shape: number[], x: tf.Tensor, apply: (layer: Layer) => Apply) => {
      const layer = ours(config);
      layer.build([null, ...shape.slice(1)]);
      randomize(layer);
      return gradientsOf(layer, (x) => penaltyOf(apply(layer), x), x);
    };
    for (const apply of [inTraining, inInference]) {
      for (const config of [{}, { scale: false }, { center: false }, { scale: false, center: false }] as Config[]) {
        const names = [config.scale ?? true, config.center ?? true].flatMap((has, i) => (has ? NAMES[i + 1] : []));
        const first = of({ ...config, axis: 1 }, x.shape, x, apply);
        const exact = of({ ...config, axis: 1, summation: 'exact' }, x.shape, x, apply);
        const last = of(config, [3, 2, 5, 4], tf.transpose(x, [0, 2, 3, 1]), apply);
        close(first, back(last), ['x', ...names], 4 * OUR_ERROR);
        close(exact, first, ['x', ...names], 4 * OUR_ERROR);
      }
    }
  });

  test('of several channel axes as of one', () => {
    const x = random([5, 2, 3], 4);
    for (const apply of [inTraining, inInference]) {
      // Both reshape on the way, so that TensorFlow.js adds the parts of a gradient in the same order.
      const of = (config: Config | SeveralAxesConfig, shape: number[]) => {
        const layer = batchNormalization(config);
        layer.build([null, ...shape.slice(1)]);
        return gradientsOf(layer, (x) => penaltyOf((x) => apply(layer)(tf.reshape(x, shape)), x), x);
      };
      assert.equal(of({ axis: [1, 2] }, [5, 2, 3]), of({ axis: 1 }, [5, 6, 1]));
    }
  });

  test('third order in training, masks and several ranks are refused by name', () => {
    const x = random([4, 2], 1);
    const second = (apply: Apply) => (x: tf.Tensor) => tf.sum(tf.grad((x: tf.Tensor) => penaltyOf(apply, x))(x));
    const layer = ours();
    const third = () => tf.grad(second(inTraining(layer)))(x);
    assert.throws(third, /^batchnorm: batchNormalization: gradients in training expected orders 1 and 2, got 3/);
    const mask = tf.tensor1d([1, 1, 0, 1]);
    const whole = /expected the statistics of the whole input, got a mask/;
    assert.throws(() => tf.grad((x: tf.Tensor) => penaltyOf((x) => train(ours(), x, mask), x))(x), whole);
    const echo: Reducer = { rank: 0, size: 2, exchange: (values) => [values, values] };
    const apply = inTraining(ours({ synchronize: echo }));
    assert.throws(
      () => tf.grad((x: tf.Tensor) => penaltyOf(apply, x))(x),
      /whole input, got "synchronize" and 2 ranks/,
    );
    // First order is what it was, and the layer goes on.
    const before = weights(layer);
    tf.grad((x: tf.Tensor) => scoreOf(inInference(layer)(x)))(x);
    assert.equal(weights(layer), before);
  });

  test('leaves no tensors behind', () => {
    const x = random([6, 3], 5);
    const layer = ours();
    for (const apply of [inTraining(layer), inInference(layer)]) {
      const run = () => tf.tidy(() => void tf.grad((x: tf.Tensor) => penaltyOf(apply, x))(x));
      run();
      const before = tf.memory().numTensors;
      run();
      assert.is(tf.memory().numTensors, before);
    }
  });
}
