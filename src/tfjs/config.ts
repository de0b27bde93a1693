/** What a layer is made with and called with. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { layers } from '@tensorflow/tfjs-layers';
import type { Reducer } from '../index.js';
import type { Summation } from '../passes/exact.js';

/**
 * The configuration of `tf.layers.batchNormalization`, names and defaults alike: `axis` (-1), `momentum` (0.99),
 * `epsilon` (1e-3), `center` (true), `scale` (true), `betaInitializer` ('zeros'), `gammaInitializer` ('ones'),
 * `movingMeanInitializer` ('zeros'), `movingVarianceInitializer` ('ones'), `betaConstraint`, `gammaConstraint`,
 * `betaRegularizer`, `gammaRegularizer`, and what every layer takes (`name`, `inputShape`, `trainable`, …).
 */
export type BatchNormalizationConfig = OriginalConfig & {
  /**
   * Which variance the moving variance averages: that of a batch divided by m ('biased', default: TensorFlow.js, Keras)
   * or by m − 1 ('unbiased': the paper's Algorithm 2, PyTorch), where m is the number of values per channel. With m = 1
   * it is the biased one. Serialised only where it is 'unbiased'.
   */
  varianceEstimator?: 'biased' | 'unbiased' | undefined;
  /**
   * How values are summed in training: 'ordered' (default), or 'exact': statistics, y and gradients have the same bits
   * for any order of the samples, with the channels first or last, and for any number of ranks. Serialised only where
   * it is 'exact'.
   */
  summation?: Summation | undefined;
  /**
   * Normalises in training by the batches of several workers as if they were one: see `Reducer` of `batchnorm`. Every
   * rank calls the layer and takes gradients equally often, with an empty batch where it has no data. No part of the
   * serialised form.
   */
  synchronize?: Reducer | undefined;
  /**
   * With `synchronize`, the gradients of gamma and beta: 'local' (default), of this rank's part, to be added up like
   * those of all other weights; or 'summed', those of the whole batch.
   */
  gradients?: 'local' | 'summed' | undefined;
};

/** {@link BatchNormalizationConfig} with several channel axes, which the layer of TensorFlow.js does not take. */
export type SeveralAxesConfig = Omit<BatchNormalizationConfig, 'axis'> & {
  /** Neighbouring axes: each place on them is a channel, as in tf.keras 2. */
  axis: readonly number[];
};

export type OriginalConfig = NonNullable<Parameters<typeof layers.batchNormalization>[0]>;

/** Options of `BatchNormalization.call`, all of them optional. */
export interface CallOptions {
  /** Whether to normalise by the statistics of the batch, and update the moving ones. Default false. */
  training?: boolean | undefined;
  /**
   * Which positions count in training: a tensor of the input's shape without its last axis, where 0 or false leaves a
   * position out. Default: all positions.
   */
  mask?: Tensor | (Tensor | null)[] | null | undefined;
}

/**
 * Time in milliseconds that a layer has spent since it was made, reading and making of tensors included. Set a field to
 * 0 to start anew.
 */
export interface Elapsed {
  /** Time of forwards in training, with the update of the moving statistics. */
  forward: number;
  /** Time of gradients. */
  backward: number;
  /** Time of forwards outside of training. */
  inference: number;
}
