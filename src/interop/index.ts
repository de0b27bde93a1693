/**
 * `batchnorm/interop`: the state of layers from and to other frameworks, and files of tensors.
 *
 * @module batchnorm/interop
 */

export type { AnyBatchNorm, ExportOptions } from './exporting.js';
export { type FoundBatchNorm, findBatchNorms, type Oddity } from './find.js';
export { type FlaxVariables, type FromFlaxOptions, fromFlax, type ToFlaxOptions, toFlax } from './flax.js';
export type { FloatType } from './floats.js';
export type { ImportOptions } from './importing.js';
export { type FromKerasOptions, fromKeras, type KerasBatchNorm, type ToKerasOptions, toKeras } from './keras.js';
export type { KerasConfig, WrittenConfig } from './keras-config.js';
export type { LayerNames, Naming } from './naming.js';
export { type FromOnnxOptions, fromOnnx, type OnnxBatchNorm, type ToOnnxOptions, toOnnx } from './onnx.js';
export type { OnnxAttribute, OnnxAttributes, OnnxNode } from './onnx-node.js';
export { type FromPyTorchOptions, fromPyTorch, type ToPyTorchOptions, toPyTorch } from './pytorch.js';
export { readSafetensors, type Safetensors, writeSafetensors } from './safetensors.js';
export { loadSafetensors, saveSafetensors } from './safetensors-files.js';
export { type DType, type NamedTensor, type TensorData, type Tensors, toFloats } from './tensors.js';
export { type Deviation, type Verification, verifyLayer } from './verify.js';
