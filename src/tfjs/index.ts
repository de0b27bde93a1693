/**
 * `batchnorm/tfjs`: this library's batch normalization as a TensorFlow.js layer.
 *
 * Needs `@tensorflow/tfjs-core` and `@tensorflow/tfjs-layers` (optional peers of this package). On TensorFlow.js' cpu
 * and wasm backends tensors are read and written in place; any other whose tensors can be read synchronously works by
 * copies.
 *
 * @module batchnorm/tfjs
 */
import './peers.js';

export type { BatchNormalizationConfig, CallOptions, Elapsed, SeveralAxesConfig } from './config.js';
export { type FoldedLayer, type FoldedModel, type FoldModelOptions, foldModel, type KeptLayer } from './fold-model.js';

export { type InspectModelOptions, inspectModel } from './inspect-model.js';
export { BatchNormalization, batchNormalization } from './layer.js';
export { register, unregister } from './register.js';
