/** A user's ES module, compiled and run where the package is installed. Prints what the probe reports. */
import * as batchnorm from 'batchnorm';
import { BatchNorm, type BatchNormState, Moments } from 'batchnorm';
import probe from './probe.cjs';

const layer = new BatchNorm(3);
export const y: Float32Array = layer.forward(new Float32Array(6), [2, 3]);
export const state: BatchNormState = layer.state();
export const moments: Moments = new Moments(3);
export const double: Float64Array | null = new BatchNorm(3, { dtype: 'float64' }).gamma;
// @ts-expect-error: layers are of float32 unless told.
export const untold = () => new BatchNorm<Float64Array>(3);
// @ts-expect-error: the typings are there, and strict.
export const wrong: Float64Array = batchnorm.forwardTraining(y, [2, 3]).y;

console.log(JSON.stringify(probe(batchnorm)));
