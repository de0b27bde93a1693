/** A step of a layer on a batch, or on this rank's part of it. */
import { BatchNorm, type BatchNormOptions, type Mask, type Reducer } from 'batchnorm';

export interface ParallelBatch {
  readonly options: BatchNormOptions<'float32'>;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly shape: readonly number[];
  readonly mask?: Mask;
}

export function parallelStep({ options, gamma, beta, x, dy, shape, mask }: ParallelBatch, synchronize?: Reducer) {
  const bn = new BatchNorm(gamma.length, { ...options, synchronize });
  bn.gamma!.set(gamma);
  bn.beta!.set(beta);
  const y = bn.forward(x, shape, { mask });
  const dx = bn.backward(dy);
  const { mean, variance, count } = bn.batchMoments!;
  const { dgamma, dbeta, runningMean, runningVariance } = bn;
  return { y, dx, mean, variance, count, dgamma: dgamma!, dbeta: dbeta!, runningMean, runningVariance };
}

export type ParallelResult = ReturnType<typeof parallelStep>;
