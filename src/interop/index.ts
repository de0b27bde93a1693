/** `batchnorm/interop`: the state of layers from and to other frameworks, and files of tensors. */
export { readSafetensors, type Safetensors, writeSafetensors } from './safetensors.js';
export { loadSafetensors, saveSafetensors } from './safetensors-files.js';
export { type DType, type NamedTensor, type TensorData, type Tensors, toFloats } from './tensors.js';
