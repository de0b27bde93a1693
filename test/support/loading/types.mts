/** What CommonJS modules of a program have made goes through its ES modules: their types are the same, too. */
import { BatchNorm, type Moments } from 'batchnorm';
import { type Tensors, toFloats } from 'batchnorm/interop';
import { isLaunched } from 'batchnorm/mpi';
import { batchNormalization } from 'batchnorm/tfjs';
import required from './types.cjs';

export const layer: BatchNorm = required.layer;
export const moments: Moments = required.moments;
required.use(new BatchNorm(3));
// @ts-expect-error: the typings are there, and strict.
required.use(new BatchNorm('3'));
export const norm: required.Layer = batchNormalization({ axis: -1 });
export const launched: boolean = isLaunched();
const tensors: Tensors = { a: { dtype: 'F32', shape: [1], data: new Float32Array(1) } };
export const floats: Float32Array | Float64Array = toFloats(tensors.a!);
