/** For ways of resolving that know one kind of module. */
import { BatchNorm } from 'batchnorm';
import { type Tensors, toFloats } from 'batchnorm/interop';
import { isLaunched } from 'batchnorm/mpi';
import { type BatchNormalization, batchNormalization } from 'batchnorm/tfjs';

export const y: Float32Array = new BatchNorm(3).forward(new Float32Array(6), [2, 3]);
// @ts-expect-error: the typings are there, and strict.
new BatchNorm('3');
export const norm: BatchNormalization = batchNormalization({ axis: -1 });
// @ts-expect-error: neither 'biased' nor 'unbiased'.
batchNormalization({ varianceEstimator: 'sample' });
export const launched: boolean = isLaunched();
const tensors: Tensors = { a: { dtype: 'F32', shape: [1], data: new Float32Array(1) } };
export const floats: Float32Array | Float64Array = toFloats(tensors.a!);
