/** The inspection of the batch normalization of a TensorFlow.js model. */

import { type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import type { ChannelAxis } from '../arguments/axis.js';
import { wrongKind } from '../arguments/messages.js';
import { NO_OPTIONS, namesOf, readOptions } from '../arguments/options.js';
import { checkChannels, checkSize, readView } from '../arguments/validate.js';
import type { Inspection } from '../index.js';
import { examine } from '../inference/inspect-examine.js';
import { type Measured, measure } from '../inference/inspect-measure.js';
import { effectiveBatches, type History, type Subject, startWeight } from '../inference/inspect-subject.js';
import { readNumbers } from './numbers-given.js';

const CALL = 'inspectModel';

/** Options of {@link inspectModel}, all of them optional. */
export interface InspectModelOptions {
  /** Inputs of the model: a part of the training set, prepared as in training; a tensor for each input. */
  x?: Tensor | Tensor[] | undefined;
  /** How many steps of training there were: what is left of the start values comes from it. Default: not known. */
  steps?: number | undefined;
  /** Samples in a batch of training, as in `model.fit`. Default: not known. */
  batchSize?: number | undefined;
}

const OPTIONS = /* @__PURE__ */ namesOf<InspectModelOptions>({ x: 1, steps: 1, batchSize: 1 });

type Layer = layers.Layer;

/** The inputs of a layer. */
interface Entered {
  readonly x: Float32Array;
  readonly shape: readonly number[];
}

/**
 * `inspect` of batchnorm for every batch normalization of a model, the layer of TensorFlow.js and that of this library
 * alike, also in models within it. With x, the model runs once in inference, and each layer is held against what it was
 * given there: where an early layer is off, later ones see what it makes of x, so begin with the first finding. Moving
 * statistics stay as they are.
 *
 * TensorFlow.js does not count batches. `steps` says how many there were, and `batchSize` how large; without them
 * nothing is found of start values that are left, of tiny batches and of noise in the averages. A ReLU that is the only
 * one to take what a layer gives is looked for, and needs no option. Of a layer that is used several times all uses
 * count together.
 *
 * @param model built, of any number of inputs
 * @param options all optional; see {@link InspectModelOptions}
 * @returns findings by the names of the layers
 * @throws TypeError, RangeError where an option is of no use, and what `model.predict` throws
 * @example
 * import * as tf from '@tensorflow/tfjs-core';
 * import { layers, sequential } from '@tensorflow/tfjs-layers';
 * import '@tensorflow/tfjs-backend-cpu';
 * import { inspectModel } from 'batchnorm/tfjs';
 *
 * const model = sequential({ layers: [layers.batchNormalization({ inputShape: [2], name: 'bn' })] });
 * const x = tf.randomNormal([500, 2], 3);
 * model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
 * await model.fit(x, tf.zeros([500, 2]), { epochs: 2, batchSize: 50, verbose: 0 });
 * const { findings } = inspectModel(model, { x, steps: 20, batchSize: 50 });
 * console.log(findings.map(({ layer, kind }) => `${layer}: ${kind}`).join(', '));
 * // → bn: start-values, bn: shift, bn: output-gap
 */
export function inspectModel(model: LayersModel, options: InspectModelOptions = NO_OPTIONS): Inspection {
  const { x, steps, batchSize } = readOptions(CALL, options, OPTIONS);
  if (!Array.isArray((model as LayersModel | null)?.layers)) {
    throw wrongKind(CALL, 'model', 'a LayersModel of TensorFlow.js', model);
  }
  if (steps !== undefined) checkSize(CALL, 'steps', steps);
  if (batchSize !== undefined) checkSize(CALL, 'batchSize', batchSize);
  const found = normalizations(model);
  const entered = x === undefined ? new Map<Layer, Entered>() : record(model, found, x);
  return examine(found.map((layer) => subjectOf(layer, entered.get(layer) ?? null, steps, batchSize)));
}

/** Each once, those of models within the model too. */
function normalizations(model: LayersModel): Layer[] {
  const found = model.layers.flatMap((layer): Layer[] => {
    if (Array.isArray((layer as Partial<LayersModel>).layers)) return normalizations(layer as LayersModel);
    return layer.getClassName() === 'BatchNormalization' ? [layer] : [];
  });
  return [...new Set(found)];
}

/** Runs the model in inference, with an ear at each of the layers. */
function record(model: LayersModel, listened: readonly Layer[], x: Tensor | Tensor[]): Map<Layer, Entered> {
  const entered = new Map<Layer, Entered>();
  try {
    for (const layer of listened) {
      const call = layer.call;
      layer.call = (inputs, options) => {
        const input = Array.isArray(inputs) ? inputs[0] : inputs;
        const values = { x: Float32Array.from(input.dataSync()), shape: input.shape };
        entered.set(layer, joined(entered.get(layer), values));
        return call.call(layer, inputs, options);
      };
    }
    tidy(() => {
      model.predict(x, { batchSize: Math.max(1, (Array.isArray(x) ? x[0] : x).shape[0] ?? 1) });
    });
  } finally {
    // The method of the class is behind it again.
    for (const layer of listened) delete (layer as Partial<Layer>).call;
  }
  return entered;
}

/** Samples of several uses, as far as they are of one shape. */
function joined(before: Entered | undefined, { x, shape }: Entered): Entered {
  if (before === undefined) return { x, shape };
  const [samples, ...rest] = before.shape;
  if (`${rest}` !== `${shape.slice(1)}`) return before;
  const both = new Float32Array(before.x.length + x.length);
  both.set(before.x);
  both.set(x, before.x.length);
  return { x: both, shape: [samples! + shape[0], ...rest] };
}

function subjectOf(
  layer: Layer,
  entered: Entered | null,
  steps: number | undefined,
  batchSize: number | undefined,
): Subject {
  const config = layer.getConfig();
  const { axis, momentum, epsilon } = readNumbers(layer.name, {
    axis: config['axis'],
    momentum: config['momentum'],
    epsilon: config['epsilon'],
  });
  const weights = layer.getWeights().map((weight) => Float32Array.from(weight.dataSync()));
  const gamma = config['scale'] === false ? null : weights.shift()!;
  const beta = config['center'] === false ? null : weights.shift()!;
  const [runningMean, runningVariance] = [Float64Array.from(weights[0]), Float64Array.from(weights[1])];
  const measured = entered && measureInput(entered, axis, runningMean.length);
  // Rounded, so that 1 − 0.9 is 0.1 in what is said of it.
  const updateRate = Number((1 - momentum).toPrecision(12));
  const unbiased = config['varianceEstimator'] === 'unbiased';
  return {
    ...{
      layer: layer.name,
      channels: runningMean.length,
      epsilon,
      updateRate,
      gamma,
      beta,
      runningMean,
      runningVariance,
    },
    ...{ varianceEstimator: unbiased ? 'unbiased' : 'biased', ghostBatchSize: null, nonFiniteBefore: [] },
    history: historyOf({ runningMean, runningVariance }, updateRate, steps, valuesIn(batchSize, measured)),
    relu: feedsRelu(layer),
    steps: null,
    measured,
  };
}

function measureInput({ x, shape }: Entered, axis: ChannelAxis, channels: number): Measured | null {
  const view = readView(CALL, shape, axis);
  checkChannels(CALL, channels, shape, view);
  return x.length === 0 ? null : measure(x, view, shape[0]);
}

/** Values per channel in so many samples; null where the size of a sample is not known. */
function valuesIn(batchSize: number | undefined, measured: Measured | null): number | null {
  return batchSize === undefined || measured === null ? null : (batchSize * measured.values) / measured.samples;
}

function historyOf(
  { runningMean, runningVariance }: Pick<Subject, 'runningMean' | 'runningVariance'>,
  updateRate: number,
  steps: number | undefined,
  valuesPerBatch: number | null,
): History {
  const untouched = runningMean.every((value) => value === 0) && runningVariance.every((value) => value === 1);
  const batches = steps ?? 0;
  const weight = steps === undefined ? 1 : 1 - (1 - updateRate) ** steps;
  const average = { updateRate, batches, weight, debias: false };
  return {
    ...{ batches: null, untouched, valuesPerBatch },
    startWeight: startWeight(average),
    effectiveBatches: effectiveBatches(average),
  };
}

/** Whether everything that takes what the layer gives is a ReLU. */
function feedsRelu({ outboundNodes }: Layer): boolean {
  return (
    outboundNodes.length > 0 &&
    outboundNodes.every(({ outboundLayer }) => {
      const name = outboundLayer.getClassName();
      return (
        name === 'ReLU' || (name === 'Activation' && /^relu6?$/.test(String(outboundLayer.getConfig()['activation'])))
      );
    })
  );
}
