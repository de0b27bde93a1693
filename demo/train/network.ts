/** The paper's network (section 4.1), hosted by TensorFlow.js, with this library's batch normalization where wanted. */
import type { NamedTensorMap, Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { BatchNormalization } from 'batchnorm/tfjs';
import { CLASSES, type Images, inputs, slice } from '../data/dataset.js';
import { DECAY, HIDDEN_LAYERS, HIDDEN_UNITS } from '../runs/settings.js';
import type { Host } from './host.js';
import { ALONE, type Ranks } from './ranks.js';

export interface NetworkOptions {
  readonly inputs: number;
  /** `theirs` is the layer of TensorFlow.js itself. */
  readonly normalized: boolean | 'theirs';
  /** Share of the hidden values that dropout sets to 0; 0 for no dropout. */
  readonly dropout: number;
  /** Standard deviation of the initial weights. */
  readonly deviation: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Images in a minibatch. */
  readonly batch: number;
  /** Who trains it together. */
  readonly ranks: Ranks;
}

export interface Evaluation {
  /** Class of each image. */
  readonly classes: Int32Array;
  /** Inputs of the sigmoids of each hidden layer, [images, HIDDEN_UNITS]. */
  readonly sigmoidInputs: readonly Float32Array[];
}

export interface Network {
  /**
   * One step of plain gradient descent, on this rank's share of the minibatch; returns the loss of all of it before
   * the step.
   */
  step(batch: Images): number;
  /** In inference: batch normalization uses its moving statistics. */
  evaluate(images: Images): Evaluation;
  /** Classes, with batch normalization by the statistics of these images; the moving ones stay. */
  classifyByBatch(images: Images): Int32Array;
  /** Inputs of the batch normalization of a hidden layer in inference, [images, HIDDEN_UNITS]. */
  normalizationInputs(images: Images, layer: number): Float32Array;
  movingMean(layer: number): Float32Array;
  /** Replaces the moving statistics of a hidden layer's batch normalization. */
  setStatistics(layer: number, mean: ArrayLike<number>, variance: ArrayLike<number>): void;
  /** Milliseconds spent in batch normalization while training, forward and backward. */
  batchNormTime(): number;
  /** The weights so far, in a network of this process alone. */
  alone(): Network;
  dispose(): void;
}

/**
 * Three hidden layers of 100 sigmoids, then 10 classes; softmax and cross-entropy are in the loss. Batch normalization
 * stands between each hidden linear map and its sigmoid, and takes the place of the bias (beta does the same);
 * dropout comes after the sigmoid. The same seed gives all kinds of network the same initial weights, up to their
 * scale.
 *
 * @param weights - What another one like it has learnt.
 */
export function createNetwork(host: Host, options: NetworkOptions, weights?: Tensor[]): Network {
  const { core } = host;
  const { ranks } = options;
  const share = ranks.share(options.batch);
  const { model, normalizations } = build(host, options);
  if (weights) model.setWeights(weights);
  const optimizer = core.train.sgd(options.learningRate);
  const variables = model.trainableWeights.map((weight) => weight.read() as Variable);
  const forward = (x: Tensor, training: boolean) => outputsOf(model.apply(x, { training }) as Tensor2D[]);
  const toTensor = (images: Images) => core.tensor2d(inputs(images), [images.count, options.inputs]);
  /** Results leave tidy by themselves: it would search arrays that it returns for tensors, element by element. */
  const read = <Result>(images: Images, training: boolean, reader: (outputs: Outputs) => Result): Result => {
    let result: Result;
    core.tidy(() => {
      result = reader(forward(toTensor(images), training));
    });
    return result!;
  };
  const classesOf = ({ scores }: Outputs) => core.argMax(scores, 1).dataSync<'int32'>().slice();
  return {
    step(batch) {
      const own = slice(batch, share.before, share.before + share.own);
      return core.tidy(() => {
        const x = toTensor(own);
        const targets = core.tensor2d(oneHot(own.labels), [own.count, CLASSES]);
        // Divided by the whole minibatch, so that sums over ranks are its loss and its gradients.
        const loss = () => core.div<Scalar>(crossEntropy(host, targets, forward(x, true).scores), batch.count);
        const { value, grads } = core.variableGrads(loss, variables);
        const [total, gradients] = sumOverRanks(host, ranks, value as Scalar, grads);
        optimizer.applyGradients(gradients);
        return total;
      });
    },
    evaluate: (images) =>
      read(images, false, (outputs) => ({
        classes: classesOf(outputs),
        sigmoidInputs: outputs.sigmoid.map((values) => values.dataSync<'float32'>().slice()),
      })),
    classifyByBatch(images) {
      const kept = normalizations.map((layer) => layer.getWeights().map((weight) => weight.clone()));
      try {
        return read(images, true, classesOf);
      } finally {
        normalizations.forEach((layer, i) => {
          layer.setWeights(kept[i]);
        });
        core.dispose(kept);
      }
    },
    normalizationInputs: (images, layer) =>
      read(images, false, ({ linear }) => linear[layer].dataSync<'float32'>().slice()),
    movingMean: (layer) => normalizations[layer].getWeights()[2].dataSync<'float32'>().slice(),
    setStatistics(layer, mean, variance) {
      core.tidy(() => {
        const [gamma, beta] = normalizations[layer].getWeights();
        const statistics = [mean, variance].map((values) => core.tensor1d(Float32Array.from(values)));
        normalizations[layer].setWeights([gamma, beta, ...statistics]);
      });
    },
    alone: () => createNetwork(host, { ...options, ranks: ALONE }, model.getWeights()),
    batchNormTime: () => normalizations.reduce((sum, layer) => sum + timeIn(layer), 0),
    dispose() {
      model.dispose();
      optimizer.dispose();
    },
  };
}

/** Sum over the images of a minibatch. */
function crossEntropy({ core }: Host, targets: Tensor2D, scores: Tensor2D): Scalar {
  return core.losses.softmaxCrossEntropy<Tensor2D, Scalar>(targets, scores, undefined, undefined, core.Reduction.SUM);
}

/** Loss and gradients of the whole minibatch, from those of this rank's share. */
function sumOverRanks({ core }: Host, ranks: Ranks, loss: Scalar, gradients: NamedTensorMap): [number, NamedTensorMap] {
  const own = loss.dataSync()[0];
  if (ranks === ALONE) return [own, gradients];
  const names = Object.keys(gradients);
  const arrays = names.map((name) => gradients[name].dataSync<'float32'>());
  const [total, ...sums] = ranks.sum([Float32Array.of(own), ...arrays]);
  const tensors = sums.map((sum, i) => core.tensor(Float32Array.from(sum), gradients[names[i]].shape));
  return [total[0], Object.fromEntries(names.map((name, i) => [name, tensors[i]]))];
}

interface Outputs {
  readonly scores: Tensor2D;
  /** Inputs of the sigmoids. */
  readonly sigmoid: readonly Tensor2D[];
  /** Outputs of the linear maps of the hidden layers. */
  readonly linear: readonly Tensor2D[];
}

function outputsOf([scores, ...rest]: Tensor2D[]): Outputs {
  return { scores, sigmoid: rest.slice(0, HIDDEN_LAYERS), linear: rest.slice(HIDDEN_LAYERS) };
}

/**
 * The model, with the outputs of `outputsOf`; without normalization what it would normalise is what enters the
 * sigmoids.
 */
function build(host: Host, options: NetworkOptions): { model: LayersModel; normalizations: layers.Layer[] } {
  const { layers: tfl, Linear, Dropout } = host;
  const { normalized, dropout, seed, ranks } = options;
  const normalizations: layers.Layer[] = [];
  const linear = (x: SymbolicTensor, units: number, index: number, useBias: boolean) => {
    const initializer = tfl.initializers.randomNormal({ stddev: options.deviation, seed: seed * 10 + index });
    return new Linear({ units, useBias, initializer }).apply(x) as SymbolicTensor;
  };
  const input = tfl.input({ shape: [options.inputs] });
  const [linears, sigmoids]: [SymbolicTensor[], SymbolicTensor[]] = [[], []];
  let hidden = input;
  for (let index = 1; index <= HIDDEN_LAYERS; index++) {
    let x = linear(hidden, HIDDEN_UNITS, index, !normalized);
    linears.push(x);
    if (normalized) {
      normalizations.push(
        normalized === 'theirs'
          ? tfl.layers.batchNormalization({ momentum: DECAY })
          : host.batchNormalization({ momentum: DECAY, synchronize: ranks.reducer }),
      );
      x = normalizations.at(-1)!.apply(x) as SymbolicTensor;
    }
    sigmoids.push(x);
    hidden = tfl.layers.activation({ activation: 'sigmoid' }).apply(x) as SymbolicTensor;
    if (dropout > 0)
      hidden = new Dropout(dropout, seed * 10 + index, ranks.share(options.batch)).apply(hidden) as SymbolicTensor;
  }
  const scores = linear(hidden, CLASSES, HIDDEN_LAYERS + 1, true);
  const outputs = normalized ? [scores, ...sigmoids, ...linears] : [scores, ...sigmoids];
  return { model: tfl.model({ inputs: input, outputs }), normalizations };
}

function timeIn(layer: layers.Layer): number {
  return layer instanceof BatchNormalization ? layer.elapsed.forward + layer.elapsed.backward : 0;
}

function oneHot(labels: Uint8Array): Float32Array {
  const values = new Float32Array(labels.length * CLASSES);
  labels.forEach((label, i) => {
    values[i * CLASSES + label] = 1;
  });
  return values;
}
