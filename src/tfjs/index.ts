/**
 * `batchnorm/tfjs`: this library's batch normalization as a TensorFlow.js layer.
 *
 * Needs `@tensorflow/tfjs-core` and `@tensorflow/tfjs-layers` (optional peers of this package); any TensorFlow.js backend
 * whose tensors can be read synchronously hosts it (cpu, wasm).
 */
export type { BatchNormalizationConfig, Elapsed } from './layer.js';
export { BatchNormalization, batchNormalization } from './layer.js';
