/** A step of the layer for TensorFlow.js on a batch, or on a rank's part of it. */
import * as tf from '@tensorflow/tfjs-core';
import type { Reducer } from 'batchnorm';
import { type Config, gradients, type HostName, ours, random, randomize, train, weights } from './tfjs.js';

export interface TfjsCase {
  readonly host: HostName;
  readonly shape: readonly number[];
  readonly axis: number;
  /** Samples of each rank. */
  readonly shares: readonly number[];
  /** 'first': the mask leaves nothing of the first rank. 'none left': of any. */
  readonly mask: 'no' | 'random' | 'first' | 'none left';
  readonly gradients: 'local' | 'summed';
  readonly summation?: 'exact';
}

export interface TfjsResult {
  readonly y: number[];
  readonly dx: number[];
  readonly dgamma: number[];
  readonly dbeta: number[];
  readonly moving: number[][];
}

/** What this rank gets; without a reducer, one process with all of it. */
export async function tfjsStep(one: TfjsCase, reducer?: Reducer): Promise<TfjsResult> {
  tf.enableProdMode();
  await tf.setBackend(one.host);
  return tf.tidy(() => {
    const { axis, summation } = one;
    const config: Config = {
      axis,
      summation,
      momentum: 0.5,
      ...(reducer && { synchronize: reducer, gradients: one.gradients }),
    };
    const layer = ours(config);
    layer.build([...one.shape]);
    randomize(layer);
    const cut = (tensor: tf.Tensor) => (reducer ? shareOf(tensor, one.shares, reducer.rank) : tensor);
    const [x, dy] = [random([...one.shape], 1), random([...one.shape], 2)].map(cut);
    const mask = maskOf(one);
    const options = { training: true, ...(mask && { mask: cut(mask) }) };
    const [y, dx, dgamma, dbeta] = gradients(layer, x, dy, options) as [number[], number[], number[], number[]];
    train(layer, x, options.mask);
    return { y, dx, dgamma, dbeta, moving: weights(layer).slice(2) };
  });
}

function shareOf(tensor: tf.Tensor, shares: readonly number[], rank: number): tf.Tensor {
  const from = shares.slice(0, rank).reduce((a, b) => a + b, 0);
  return tf.slice(tensor, [from], [shares[rank]]);
}

function maskOf({ mask, shape, shares }: TfjsCase): tf.Tensor | undefined {
  if (mask === 'no') return undefined;
  const positions = shape.slice(0, -1);
  if (mask === 'none left') return tf.zeros(positions, 'bool');
  const chosen = tf.greater(random(positions, 7), 0.3);
  if (mask === 'random') return chosen;
  const isLater = tf.greaterEqual(tf.range(0, shape[0]), shares[0]);
  return tf.logicalAnd(chosen, tf.reshape(isLater, [shape[0], ...positions.slice(1).map(() => 1)]));
}
