/** A user's ES module with TensorFlow.js, compiled where the package is installed. */
import { layers, type Sequential, sequential } from '@tensorflow/tfjs-layers';
import { BatchNormalization, batchNormalization, register, unregister } from 'batchnorm/tfjs';

export const model: Sequential = sequential();
model.add(layers.dense({ units: 8, inputShape: [4] }));
model.add(batchNormalization({ axis: -1 }));
// @ts-expect-error: the typings are there, and strict.
model.add(batchNormalization({ axis: 'last' }));

type Call = Parameters<BatchNormalization['call']>;
type IsAny<T> = 0 extends 1 & T ? true : false;
/** Where `any` would leak to users: these are not. */
export const areAny: [
  IsAny<BatchNormalization>,
  IsAny<ReturnType<typeof batchNormalization>>,
  IsAny<Parameters<typeof batchNormalization>[0]>,
  IsAny<Call[0]>,
  IsAny<Call[1]>,
  IsAny<NonNullable<Call[1]>['mask']>,
  IsAny<ReturnType<BatchNormalization['call']>>,
  IsAny<BatchNormalization['elapsed']>,
] = [false, false, false, false, false, false, false, false];

register();
unregister();
model.add(batchNormalization({ varianceEstimator: 'unbiased', gammaInitializer: 'ones' }));
// @ts-expect-error: neither 'biased' nor 'unbiased'.
model.add(batchNormalization({ varianceEstimator: 'sample' }));
export const norm: BatchNormalization = new BatchNormalization({ momentum: 0.9 });
// @ts-expect-error: not a boolean.
norm.call([], { training: 'yes' });
