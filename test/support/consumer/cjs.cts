/** A user's CommonJS module, compiled and run where the package is installed. Prints what the probe reports. */
import batchnorm = require('batchnorm');
import probe = require('./probe.cjs');

const layer = new batchnorm.BatchNorm(3);
const y: Float32Array = layer.forward(new Float32Array(6), [2, 3]);
const state: batchnorm.BatchNormState = layer.state();
const double: Float64Array | null = new batchnorm.BatchNorm(3, { dtype: 'float64' }).gamma;
// @ts-expect-error: layers are of float32 unless told.
const untold = () => new batchnorm.BatchNorm<Float64Array>(3);
// @ts-expect-error: the typings are there, and strict.
const wrong: Float64Array = batchnorm.forwardTraining(y, [2, 3]).y;
export = { state, double, untold, wrong };

console.log(JSON.stringify(probe(batchnorm)));
