/** A user's CommonJS module with TensorFlow.js, compiled where the package is installed. */
import tf = require('@tensorflow/tfjs-layers');
import batchnorm = require('batchnorm/tfjs');

const model: tf.Sequential = tf.sequential();
model.add(batchnorm.batchNormalization({ axis: -1, inputShape: [4] }));
// @ts-expect-error: the typings are there, and strict.
model.add(batchnorm.batchNormalization({ axis: 'last' }));
export = model;
