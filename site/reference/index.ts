/**
 * What `import … from 'batchnorm'` gives.
 *
 * @module batchnorm
 */
export * from '../../src/index.js';
// The class behind the constructor's type, so that its members have a page: see also BatchNormConstructor.
export { BatchNorm } from '../../src/layer/batch-norm.js';
