/** A user's ES module with TensorFlow.js, compiled where the package is installed. */
import { layers, type Sequential, sequential } from '@tensorflow/tfjs-layers';
import { batchNormalization } from 'batchnorm/tfjs';

export const model: Sequential = sequential();
model.add(layers.dense({ units: 8, inputShape: [4] }));
model.add(batchNormalization({ axis: -1 }));
// @ts-expect-error: the typings are there, and strict.
model.add(batchNormalization({ axis: 'last' }));
