/** A user's CommonJS module, compiled and run where the package is installed. Prints what the probe reports. */
import batchnorm = require('batchnorm');
import probe = require('./probe.cjs');

const layer = new batchnorm.BatchNorm(3);
const y: Float32Array = layer.forward(new Float32Array(6), [2, 3]);
const state: batchnorm.BatchNormState = layer.state();
// @ts-expect-error: the typings are there, and strict.
const wrong: Float64Array = batchnorm.forwardTraining(y, [2, 3]).y;
export = { state, wrong };

console.log(JSON.stringify(probe(batchnorm)));
