/** The public API, and nothing else: what is exported here is what users may rely on. */

export {
  type Activation,
  type Clip,
  clip,
  type LeakyRelu,
  leakyRelu,
  type SavedActivation,
} from './arguments/activation.js';
export type { ChannelAxis } from './arguments/axis.js';
export type { ErrorCode } from './arguments/errors.js';
export type { JsonNumber } from './arguments/json-numbers.js';
export type { FusedOptions, GivenStatistics } from './arguments/operation.js';
export type { Common } from './arguments/options.js';
export { allocate, release } from './backends/allocate.js';
export type { LoadOptions } from './backends/loader.js';
export { backend, backends, ready, useBackend } from './backends/select.js';
export {
  type BackwardOptions,
  backward,
  type Gradients,
  type HalfBackwardOptions,
  type HalfGradients,
} from './functions/backward.js';
export {
  type DoubleBackward,
  type DoubleBackwardOptions,
  doubleBackward,
  type HalfDoubleBackward,
  type HalfDoubleBackwardOptions,
} from './functions/double-backward.js';
export {
  type ForwardInferenceOptions,
  forwardInference,
  type HalfForwardInferenceOptions,
} from './functions/forward-inference.js';
export {
  type ForwardTraining,
  type ForwardTrainingOptions,
  forwardTraining,
  type HalfForwardTrainingOptions,
} from './functions/forward-training.js';
export { type ConversionOptions, fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './functions/half.js';

export { type AverageOptions, averageOf } from './inference/average-of.js';
export type { LayerToFold, StatisticsToFold } from './inference/evaluated.js';
export { type Folded, type FoldOptions, fold } from './inference/fold.js';
export { type InspectInput, type InspectOptions, inspect } from './inference/inspect.js';
export type { Inspection } from './inference/inspect-examine.js';
export type { Finding, FindingKind, InspectedLayer } from './inference/inspect-finding.js';
export type { WeightLayout } from './inference/weight-layout.js';
export type { Parameter } from './layer/arrays.js';
export type { BatchNormBackwardOptions, BatchNormForwardOptions } from './layer/calls.js';
export { BatchNorm, type BatchNormConstructor } from './layer/constructor.js';
export type { NormalizeWith, SampleMixture } from './layer/mixture.js';
export type { RecordedForward } from './layer/recorded.js';
export type { RenormLimits, RenormOptions, RenormSettings, SavedRenorm } from './layer/renorm.js';
export type { BatchNormOptions } from './layer/settings.js';
export type { BatchNormState } from './layer/state.js';
export type { UpdateRate } from './layer/update-rate.js';
export type { Summation } from './passes/exact.js';
export type { Mask } from './passes/mask.js';
export { exchangeAll, mergeRanks, sumRanks } from './ranks/exchange-all.js';
export type { Columns, Join } from './ranks/payload.js';
export type { ExchangeTag, Reducer } from './ranks/reducer.js';
export type { SynchronizeOptions } from './ranks/synchronize.js';
export { type ThreadMemoryOptions, ThreadReducer, type ThreadReducerOptions } from './ranks/thread-reducer.js';
export type { GradientSumsAddOptions, HalfGradientSumsAddOptions } from './statistics/gradient-piece.js';
export { GradientSums, type GradientSumsOptions, type WholeSums } from './statistics/gradient-sums.js';
export type {
  ExactGradientSumsJSON,
  GradientSumsJSON,
  OrderedGradientSumsJSON,
} from './statistics/gradient-sums-json.js';
export { Moments, type MomentsAddOptions, type MomentsOptions } from './statistics/moments.js';
export type { ExactMomentsJSON, MomentsJSON, OrderedMomentsJSON } from './statistics/moments-json.js';
export {
  type PopulationBatch,
  type PopulationProgress,
  type PopulationStatisticsOptions,
  populationStatistics,
} from './statistics/population-statistics.js';
export type {
  AnyDtype,
  AnyTensor,
  BackendInfo,
  BackendName,
  Dtype,
  DtypeOf,
  Float16Tensor,
  HalfDtype,
  HalfOption,
  HalfTensor,
  ParameterOf,
  Tensor,
  TensorOf,
  WithHalf,
} from './types.js';
