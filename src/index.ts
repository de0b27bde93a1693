/** The public API, and nothing else: what is exported here is what users may rely on. */

export { type Activation, type Clip, clip, type LeakyRelu, leakyRelu } from './activation.js';
export { backend, backends, ready, useBackend } from './backends/select.js';
export { type BackwardOptions, backward, type Gradients } from './backward.js';
export { BatchNorm } from './batch-norm.js';
export type { Columns, Join } from './columns.js';
export type { ErrorCode } from './errors.js';
export { exchangeAll, mergeRanks, sumRanks } from './exchange-all.js';
export { type ForwardInferenceOptions, forwardInference } from './forward-inference.js';
export { type ForwardTraining, type ForwardTrainingOptions, forwardTraining } from './forward-training.js';
export { GradientSums, type GradientSumsAddOptions, type WholeSums } from './gradient-sums.js';
export type { BatchNormBackwardOptions, BatchNormForwardOptions } from './layer-options.js';
export type { BatchNormOptions } from './layer-settings.js';
export type { BatchNormState } from './layer-state.js';
export type { Mask } from './mask.js';
export { allocate, release } from './memory.js';
export { Moments, type MomentsAddOptions } from './moments.js';
export type { Common } from './options.js';
export {
  type PopulationBatch,
  type PopulationProgress,
  type PopulationStatisticsOptions,
  populationStatistics,
} from './population-statistics.js';
export type { ExchangeTag, Reducer } from './reducer.js';
export type { RenormLimits, RenormOptions } from './renorm.js';
export { ThreadReducer, type ThreadReducerOptions } from './thread-reducer.js';
export type { BackendInfo, BackendName, Tensor } from './types.js';
export type { UpdateRate } from './update-rate.js';
