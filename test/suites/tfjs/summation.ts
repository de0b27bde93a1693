/** summation: 'exact': the bits of the whole batch, in any order, layout and share. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { register, unregister } from 'batchnorm/tfjs';
import * as assert from 'uvu/assert';
import { ranksOf } from '../../support/ranks.js';
import {
  type Config,
  gradients,
  type HostName,
  load,
  ours,
  random,
  randomize,
  save,
  suiteOn,
  train,
  values,
  weights,
} from '../../support/tfjs.js';

const [N, S, C] = [12, 5, 3];
const SHAPE = [N, S, C];
const EXACT = { summation: 'exact', momentum: 0.5 } as const;
const ORDER = [7, 2, 11, 0, 5, 3, 9, 1, 10, 4, 8, 6];

interface Step {
  readonly y: number[];
  readonly dx: number[];
  readonly learnt: number[][];
  readonly weights: number[][];
}

/** Forward, gradients, and forward again, so that the moving statistics have taken in x. */
function stepOf(config: Config, x: tf.Tensor, dy: tf.Tensor, mask?: tf.Tensor | null): Step {
  const layer = ours(config);
  layer.build(x.shape);
  randomize(layer);
  const [y, dx, ...learnt] = gradients(layer, x, dy, { training: true, ...(mask && { mask }) });
  train(layer, x, mask ?? undefined);
  return { y: y!, dx: dx!, learnt, weights: weights(layer) };
}

/** Large values in samples 0 and 6, which cancel: what is left of the others depends on when they are added. */
function data(seed: number): tf.Tensor {
  const large = tf.mul(tf.ones([1, S, C]), 2 ** 55);
  const none = tf.zeros([N / 2 - 1, S, C]);
  return tf.add(random(SHAPE, seed), tf.concat([large, none, tf.neg(large), none]));
}
const maskOf = () => tf.greater(random([N, S], 7), 0.3);
const reordered = (numbers: number[]) => values(tf.gather(tf.tensor(numbers, SHAPE), ORDER));
const channelsFirst = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1]);

export default function summation(host: HostName): void {
  const test = suiteOn(host, "summation: 'exact'");
  test.after.each(() => unregister());

  test('a shuffled batch has the same bits, with a mask, and frozen', () => {
    for (const masked of [false, true]) {
      for (const trainable of [true, false]) {
        const [x, dy, mask] = [data(1), data(3), masked ? maskOf() : null];
        const config = { ...EXACT, trainable };
        const whole = stepOf(config, x, dy, mask);
        const [px, pdy] = [tf.gather(x, ORDER), tf.gather(dy, ORDER)];
        const moved = stepOf(config, px, pdy, mask && tf.gather(mask, ORDER));
        const expected = { ...whole, y: reordered(whole.y), dx: reordered(whole.dx) };
        assert.equal(moved, expected, JSON.stringify({ masked, trainable }));
      }
    }
  });

  test('it would show: ordered sums of the shuffled batch differ', () => {
    const [x, dy] = [data(1), data(3)];
    const ordered = { ...EXACT, summation: 'ordered' } as const;
    const whole = stepOf(ordered, x, dy);
    const moved = stepOf(ordered, tf.gather(x, ORDER), tf.gather(dy, ORDER));
    assert.not.equal(moved.learnt, whole.learnt);
    assert.not.equal(moved.weights, whole.weights);
  });

  test('channels first have the bits of channels last', () => {
    const [x, dy] = [data(1), data(3)];
    const whole = stepOf(EXACT, x, dy);
    const first = stepOf({ ...EXACT, axis: 1 }, channelsFirst(x), channelsFirst(dy));
    const turned = (numbers: number[]) => values(channelsFirst(tf.tensor(numbers, SHAPE)));
    assert.equal(first, { ...whole, y: turned(whole.y), dx: turned(whole.dx) });
  });

  for (const shares of [[12], [5, 7], [1, 0, 11], [3, 4, 0, 5], [0, 1, 2, 3, 1, 4, 1]]) {
    test(`ranks with ${shares} samples have the bits of one process`, () => {
      for (const masked of [false, true]) {
        const [x, dy, mask] = [data(1), data(3), masked ? maskOf() : null];
        const whole = stepOf(EXACT, x, dy, mask);
        const ranks = ranksOf(shares.length, (reducer) => {
          const from = shares.slice(0, reducer.rank).reduce((a, b) => a + b, 0);
          const part = (tensor: tf.Tensor) => tf.slice(tensor, [from], [shares[reducer.rank]!]);
          const config: Config = { ...EXACT, synchronize: reducer, gradients: 'summed' };
          return stepOf(config, part(x), part(dy), mask && part(mask));
        });
        for (const { learnt, weights } of ranks) assert.equal({ learnt, weights }, pick(whole));
        const joined = { y: ranks.flatMap(({ y }) => y), dx: ranks.flatMap(({ dx }) => dx) };
        assert.equal(joined, { y: whole.y, dx: whole.dx });
      }
    });
  }

  test('a batch in which nothing counts is normalised by the moving statistics, and leaves them alone', () => {
    const nothing = tf.zeros([N, S], 'bool');
    const [actual, ordered] = [EXACT, { momentum: 0.5 }].map((config) => stepOf(config, data(1), data(3), nothing));
    assert.equal({ y: actual!.y, weights: actual!.weights }, { y: ordered!.y, weights: ordered!.weights });
  });

  test('is saved where it is exact, and null in a file is ordered', async () => {
    assert.is('summation' in ours().getConfig(), false);
    assert.is('summation' in ours({ summation: 'ordered' }).getConfig(), false);
    assert.is('summation' in ours({ summation: null } as never).getConfig(), false);
    register();
    const model = tfl.sequential({ layers: [ours({ summation: 'exact', inputShape: [C] })] });
    const loaded = await load(await save(model));
    assert.is(loaded.layers[0]!.getConfig()['summation'], 'exact');
    const [x, dy] = [tf.reshape(data(1), [-1, C]), tf.reshape(data(3), [-1, C])];
    const [, , ...expected] = gradients(ours({ summation: 'exact' }), x, dy);
    assert.equal(gradients(loaded.layers[0]!, x, dy).slice(2), expected);
  });

  test('another word is refused', () => {
    const make = () => ours({ summation: 'precise' as never });
    assert.throws(make, /batchNormalization: "summation" expected 'ordered' or 'exact', got "precise"/);
  });
}

const pick = ({ learnt, weights }: Step) => ({ learnt, weights });
