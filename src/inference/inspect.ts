/** The inspection of a trained layer. */
import { isFirst } from '../arguments/axis.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';
import { NO_OPTIONS, namesOf, readNames, readOptions } from '../arguments/options.js';
import {
  checkBoolean,
  checkChannels,
  checkCount,
  checkHalf,
  checkSize,
  checkTensor,
  isHalf,
  readView,
} from '../arguments/validate.js';
import type { View } from '../kernels.js';
import { BatchNorm } from '../layer/constructor.js';
import { asFloat32 } from '../passes/half.js';
import type { AnyDtype, AnyTensor, Float16Tensor, Tensor } from '../types.js';
import { examine, type Inspection } from './inspect-examine.js';
import { type Measured, measureGroups } from './inspect-measure.js';
import { effectiveBatches, type History, type Subject, startWeight } from './inspect-subject.js';

const CALL = 'inspect';

/** Data for the inspection of one layer. */
export interface InspectInput {
  /** Inputs of the layer: a part of the training set, prepared as in training. Of the layer's dtype. */
  x: AnyTensor;
  /** Dimensions of x. The first one counts samples, unless it is the channel axis. */
  shape: readonly number[];
}

/** Options of {@link inspect}, all of them optional. */
export interface InspectOptions {
  /** Inputs of the layer, if there is one; see {@link InspectInput}. For several layers there is `inputs`. */
  x?: AnyTensor | undefined;
  /** Dimensions of x. Needed with x. */
  shape?: readonly number[] | undefined;
  /** Inputs of several layers, in an array or by name, as the layers are. Some may be left out. */
  inputs?: readonly (InspectInput | null | undefined)[] | Readonly<Record<string, InspectInput>> | undefined;
  /** Number of steps of training, which `batchesTracked` is compared with. Default: not known. */
  steps?: number | undefined;
  /**
   * Values per channel in a batch of training, m. Default: the mean of all batches. It is not known of a layer that was
   * imported or given exact statistics, nor of one that was restored after hundreds of steps.
   */
  valuesPerBatch?: number | undefined;
  /**
   * Whether a ReLU follows, with nothing added before it. Default: whether the layer's own activation is 'relu' or
   * 'relu6', and the last backward had no residual. Say false for a layer that gets one and has not been differentiated
   * yet.
   */
  relu?: boolean | undefined;
}

const OPTIONS = /* @__PURE__ */ namesOf<InspectOptions>({
  x: 1,
  shape: 1,
  inputs: 1,
  steps: 1,
  valuesPerBatch: 1,
  relu: 1,
});
const INPUT = /* @__PURE__ */ namesOf<InspectInput>({ x: 1, shape: 1 });

type AnyLayer =
  | BatchNorm<Float32Array>
  | BatchNorm<Float64Array>
  | BatchNorm<Tensor>
  | BatchNorm<Uint16Array>
  | BatchNorm<Float16Tensor>;

/**
 * Looks for what is wrong with layers after (or during) training, and says it in words and numbers: why training and
 * evaluation disagree, above all. Nothing is changed, and nothing is found where nothing is wrong.
 *
 * Without x it looks at parameters and running statistics: NaN and infinities, statistics that were never updated or
 * still hold their start values, channels without variance or gamma, batches too small, rates that look swapped. With
 * `steps`, whether each of them was taken in once. With x it compares the running statistics with those of x:
 *
 *     shift of a mean       (running mean − mean of x)/σ,   σ = √(variance of x + epsilon)
 *     its standard error    √(Σ dₖ²/(K·(K − 1)))/(L·σ) · √(1 + K/(N·k))
 *     gap of outputs        √(Σ gamma²·(y in evaluation − y in training)²/Σ gamma²)
 *
 * with dₖ = Σ(x − mean of x) over the L values of sample k, y without gamma, beta and activation, K samples in x, and N
 * = (Σw)²/Σw² effective batches of k samples in the running average. Samples, not values, are what chance is reckoned
 * by, since the pixels of an image depend on each other. docs/inference.md has the limits of each finding.
 *
 * @param layers a `BatchNorm`, or several in an array (named '0', '1', …) or by name; one alone is called 'layer'
 * @param options `x` and `shape`, or `inputs`; `steps`, `valuesPerBatch`, `relu`; see {@link InspectOptions}
 * @returns `findings`, none where nothing is wrong; `layers` with what is known of each; and all of it as `text`
 * @throws TypeError, RangeError where something given is of the wrong kind, or x does not fit its layer
 * @example
 * import { BatchNorm, inspect } from 'batchnorm';
 * const bn = new BatchNorm(1, { decay: 0.99 }); // as in Keras
 * const x = Float32Array.from({ length: 64 }, (_, i) => 5 + Math.sin(i));
 * for (let step = 0; step < 100; step++) bn.forward(x, [64, 1]);
 * const { findings } = inspect(bn, { x, shape: [64, 1], steps: 100 });
 * console.log(findings[0].message);
 * // → 36.6 % of the running statistics are still their start values, mean 0 and variance 1, after 100 batches
 */
export function inspect(
  layers: AnyLayer | readonly AnyLayer[] | Readonly<Record<string, AnyLayer>>,
  options: InspectOptions = NO_OPTIONS,
): Inspection {
  const given = readOptions(CALL, options, OPTIONS);
  const { steps, valuesPerBatch, relu } = given;
  if (steps !== undefined) checkSize(CALL, 'steps', steps);
  if (valuesPerBatch !== undefined) checkCount(CALL, 'valuesPerBatch', valuesPerBatch);
  if (relu !== undefined) checkBoolean(CALL, 'relu', relu);
  const named = nameLayers(layers);
  const inputs = readInputs(given, named, layers instanceof BatchNorm);
  return examine([...named].map(([name, layer]) => subjectOf(name, layer, inputs.get(name) ?? null, given)));
}

type Layers = ReadonlyMap<string, BatchNorm<AnyTensor>>;

function nameLayers(layers: unknown): Layers {
  if (isLayer(layers)) return new Map([['layer', layers]]);
  if (typeof layers !== 'object' || layers === null || ArrayBuffer.isView(layers)) {
    throw wrongKind(CALL, 'layers', 'a BatchNorm, an array of them, or an object of them by name', layers);
  }
  return new Map(
    Object.entries(layers).map(([name, layer]: [string, unknown]) => {
      if (!isLayer(layer)) throw wrongKind(CALL, `layers.${name}`, 'a BatchNorm', layer);
      return [name, layer];
    }),
  );
}

/** Of any dtype, which the compiler is not told. */
function isLayer(value: unknown): value is BatchNorm<AnyTensor> {
  return value instanceof BatchNorm;
}

function readInputs({ x, shape, inputs }: InspectOptions, layers: Layers, isAlone: boolean): Map<string, InspectInput> {
  if (isAlone) {
    if (inputs !== undefined) throw wrongKind(CALL, 'inputs', 'nothing for one layer, but x and shape', inputs);
    if (x === undefined && shape === undefined) return new Map();
    return new Map([['layer', { x: x!, shape: shape! }]]);
  }
  for (const [name, value] of Object.entries({ x, shape })) {
    if (value !== undefined) throw wrongKind(CALL, name, 'nothing for several layers, but inputs', value);
  }
  if (inputs === undefined) return new Map();
  if (typeof inputs !== 'object' || inputs === null) {
    throw wrongKind(CALL, 'inputs', 'an array, or an object by the names of the layers', inputs);
  }
  const read = new Map<string, InspectInput>();
  for (const [name, input] of Object.entries(inputs)) {
    if (!layers.has(name)) throw wrongValue(CALL, 'inputs', `names of layers (${[...layers.keys()].join(', ')})`, name);
    if (input !== undefined && input !== null) read.set(name, readNames(CALL, `inputs.${name}`, input, INPUT));
  }
  return read;
}

function subjectOf(
  name: string,
  layer: BatchNorm<AnyTensor>,
  input: InspectInput | null,
  { steps, valuesPerBatch, relu }: InspectOptions,
): Subject {
  const { activation, ghostBatchSize } = layer;
  return {
    ...{ layer: name, channels: layer.channels, epsilon: layer.epsilon, updateRate: layer.updateRate, ghostBatchSize },
    ...{ varianceEstimator: layer.varianceEstimator, gamma: layer.gamma, beta: layer.beta },
    ...{ runningMean: layer.runningMean, runningVariance: layer.runningVariance },
    history: historyOf(layer, valuesPerBatch),
    nonFiniteBefore: layer.nonFiniteChannels,
    relu: relu ?? (layer.dresidual === null && (activation === 'relu' || activation === 'relu6')),
    steps: steps ?? null,
    measured: input && measureInput(layer, input),
  };
}

function historyOf(layer: BatchNorm<AnyTensor>, given: number | undefined): History {
  const { batchesTracked, valuesTracked, debiasWeight, debias, updateRate } = layer.state();
  const isRule = typeof updateRate === 'string';
  const untouched = batchesTracked === 0 && valuesTracked === 0 && isInitial(layer);
  // Values that were written into the arrays have replaced the start values.
  const isWritten = batchesTracked === 0 && !untouched;
  const weight = isWritten || (isRule && batchesTracked > 0) ? 1 : debiasWeight;
  const average = { updateRate, batches: batchesTracked, weight, debias };
  return {
    batches: batchesTracked > 0 || untouched ? batchesTracked : null,
    startWeight: startWeight(average),
    effectiveBatches: effectiveBatches(average),
    valuesPerBatch: ofGroup(layer, given ?? valuesOf(layer, debiasWeight < 1)),
    untouched,
  };
}

/** Values behind each mean and variance, from those of a channel. */
function ofGroup({ channels, groups }: BatchNorm<AnyTensor>, values: number | null): number | null {
  return values === null || groups === null ? values : (values * channels) / groups;
}

/**
 * The mean over all batches. Where exact statistics may have taken their place (their weight is 1, to which an average
 * comes only after hundreds of steps), it may count something else, and so may the last batch, the rest of an epoch:
 * the larger of the two.
 */
function valuesOf(layer: BatchNorm<AnyTensor>, isAverage: boolean): number | null {
  const { batchesTracked, valuesTracked, batchMoments } = layer;
  const mean = batchesTracked > 0 ? valuesTracked / batchesTracked : 0;
  if (isAverage) return mean > 0 ? mean : null;
  const last = batchMoments?.count[0] ?? 0;
  return last > 0 ? Math.max(last, mean) : null;
}

function isInitial({ runningMean, runningVariance }: BatchNorm<AnyTensor>): boolean {
  return runningMean.every((value) => value === 0) && runningVariance.every((value) => value === 1);
}

function measureInput(layer: BatchNorm<AnyTensor>, { x, shape }: InspectInput): Measured | null {
  const view = readView(CALL, shape, layer.axis);
  checkChannels(CALL, layer.channels, shape, view);
  const numbers = readNumbers(layer.dtype, x, shape, view);
  return x.length === 0
    ? null
    : measureGroups(numbers, view, isFirst(layer.axis, shape.length) ? null : shape[0], layer.groups);
}

/** x as floats. @throws where it is not of the layer's dtype */
function readNumbers(dtype: AnyDtype, x: AnyTensor, shape: readonly number[], view: View): Tensor {
  if (isHalf(dtype)) {
    checkHalf(CALL, x, dtype, shape, view);
    return asFloat32(dtype, x);
  }
  const kind = checkTensor(CALL, 'x', x as Tensor, shape, view);
  const wanted = dtype === 'float32' ? 'Float32Array' : 'Float64Array';
  if (kind !== wanted) throw wrongKind(CALL, 'x', `${wanted}, as the layer is of ${dtype}`, x);
  return x as Tensor;
}
