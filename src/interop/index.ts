/** `batchnorm/interop`: the state of layers from and to other frameworks, and files of tensors. */
export { type DType, type NamedTensor, type TensorData, type Tensors, toFloats } from './tensors.js';
