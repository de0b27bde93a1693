import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { LayersModel } from '@tensorflow/tfjs-layers';
import { wrongKind } from '../arguments/messages.js';
import { NO_OPTIONS, nameSet, readOptions } from '../arguments/options.js';
import { fold } from '../index.js';
import {
  activates,
  channelAxis,
  foldableOf,
  isBatchNormalization,
  normalizedAxis,
  pads,
  statisticsOf,
} from './foldable.js';
import { copyOf, type Layer, ModelGraph, type RemadeLayer, rebuild, type Use, useThatMakes } from './model-graph.js';

/** How a model is folded. */
export interface FoldModelOptions {
  /** Input to measure the deviation on; a list where the model has several. */
  x?: Tensor | Tensor[] | undefined;
}

/** A batch normalization layer that is gone. */
export interface FoldedLayer {
  /** Its name. */
  layer: string;
  /** Name of the layer that does its work now. */
  into: string;
  /** Whether that comes before it or after it. */
  where: 'previous' | 'next';
  /**
   * How far rounding of the new weights, once, can move an output of that layer: by constant + perUnit·X at most, for
   * inputs with |x| ≤ X (of SeparableConv2D: of its second kernel).
   */
  bound: { constant: number; perUnit: number };
}

/** A batch normalization layer that is still there. */
export interface KeptLayer {
  /** Its name. */
  layer: string;
  /** Why it could be folded neither into what comes before it, nor into what comes after. */
  why: { previous: string; next: string };
}

/** A model without the batch normalization layers that could be folded, and what has become of each. */
export interface FoldedModel {
  /** A functional model with layers and weights of its own, to be disposed of apart; not compiled. */
  model: LayersModel;
  folded: FoldedLayer[];
  kept: KeptLayer[];
  /** The largest |y folded − y| of all outputs on `x`, both as TensorFlow.js computes them. null without. */
  measured: number | null;
}

const CALL = 'foldModel';
const OPTIONS = /* @__PURE__ */ nameSet('x');

/**
 * A model for inference without its batch normalization: where that stands right beside a dense layer or
 * convolution, the weights there take it over, as by {@link fold} in float64. It works for layers of this library and
 * of TensorFlow.js, also in models within models. The given model stays as it is.
 *
 * Folded into what comes before: Dense, Conv1D, Conv2D, Conv3D, DepthwiseConv2D, SeparableConv2D, Conv2DTranspose and
 * Conv3DTranspose without an activation. Else into what comes after: Dense, and the convolutions but for separable and
 * transposed ones, where they pad nothing. Kept, with the reason, where an activation or any other layer stands
 * between, where several layers use the result, where a layer is used several times, where a call is in training
 * mode, and where something is not finite.
 *
 * A layer that had no bias gets one. Training the result further is training without batch normalization.
 *
 * @param model built, sequential or functional; its tensors must be readable synchronously
 * @param options `x`, to measure on
 * @returns the model, and what has become of each batch normalization layer; see {@link FoldedModel}
 * @throws TypeError where it is no model of layers, or has no inputs yet
 * @example
 * import * as tf from '@tensorflow/tfjs-core';
 * import { layers, sequential } from '@tensorflow/tfjs-layers';
 * import '@tensorflow/tfjs-backend-cpu';
 * import { batchNormalization, foldModel } from 'batchnorm/tfjs';
 *
 * const conv = layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 1], useBias: false, name: 'conv' });
 * const trained = sequential({ layers: [conv, batchNormalization({ name: 'bn' }), layers.reLU()] });
 * const { model, folded, measured } = foldModel(trained, { x: tf.ones([1, 8, 8, 1]) });
 * console.log(folded[0].layer, folded[0].into, measured !== null && measured < 1e-6); // → bn conv true
 * console.log(model.layers.length); // → 3
 */
export function foldModel(model: LayersModel, options: FoldModelOptions = NO_OPTIONS): FoldedModel {
  const { x } = readOptions(CALL, options, OPTIONS);
  if (!(model instanceof LayersModel)) throw wrongKind(CALL, 'model', 'a LayersModel', model);
  if (!(model.outputs?.length > 0)) {
    throw new TypeError(
      `batchnorm: ${CALL}: "model" expected a built model, got one without inputs; give it an inputShape`,
    );
  }
  const folding = new Folding(model);
  const folded = folding.result();
  return { ...folded, measured: x === undefined ? null : difference(model, folded.model, x) };
}

interface Weights {
  readonly values: Float32Array;
  readonly shape: number[];
}

/** Folds what can be folded in one model: plans first, on copies of the weights, and then makes the other one. */
class Folding {
  readonly #model: LayersModel;
  readonly #graph: ModelGraph;
  readonly #folded: FoldedLayer[] = [];
  readonly #kept: KeptLayer[] = [];
  /** Uses of batch normalization that are no longer needed. */
  readonly #gone = new Set<Use>();
  /** New weights, the bias last. */
  readonly #weights = new Map<Layer, Weights[]>();

  constructor(model: LayersModel) {
    this.#model = model;
    this.#graph = new ModelGraph(model);
    const left = new Set(this.#graph.uses.filter((use) => isBatchNormalization(use.outboundLayer)));
    // A layer that is folded away may bring another one beside a layer that it can be folded into.
    for (let before = -1; before !== left.size; ) {
      before = left.size;
      for (const use of left)
        if (this.#fold(use, 'previous') === null || this.#fold(use, 'next') === null) left.delete(use);
    }
    const why = (use: Use) => ({ previous: this.#fold(use, 'previous')!, next: this.#fold(use, 'next')! });
    const kept = new Map([...left].map((use) => [use.outboundLayer, use]));
    for (const [layer, use] of kept) this.#kept.push({ layer: layer.name, why: why(use) });
  }

  result(): Omit<FoldedModel, 'measured'> {
    const model = rebuild(this.#model, this.#graph, this.#gone, (layer) => this.#remake(layer));
    return { model, folded: this.#folded, kept: this.#kept };
  }

  #remake(layer: Layer): RemadeLayer {
    if (layer instanceof LayersModel) {
      const { model, folded, kept } = new Folding(layer).result();
      this.#folded.push(...folded);
      this.#kept.push(...kept);
      return { layer: model, fill: () => {} };
    }
    const weights = this.#weights.get(layer);
    if (weights === undefined) {
      const same = copyOf(layer);
      return { layer: same, fill: () => same.setWeights(layer.getWeights()) };
    }
    const changed = copyOf(layer, { useBias: true });
    return {
      layer: changed,
      fill: () => {
        const tensors = weights.map(({ values, shape }) => tensor(values, shape));
        changed.setWeights(tensors);
        for (const each of tensors) each.dispose();
      },
    };
  }

  /** null where it is done, else why it cannot be. */
  #fold(use: Use, where: 'previous' | 'next'): string | null {
    const layer = use.outboundLayer;
    if (this.#graph.isShared(layer)) return 'it is used several times';
    if (use.callArgs?.['training'] === true) return 'its call says training: true';
    const found = where === 'previous' ? this.#before(use) : this.#after(use);
    if (typeof found === 'string') return found;
    const into = found.outboundLayer;
    const refused = this.#refusal(use, into, where);
    if (refused !== null) return refused;
    try {
      const bound = this.#compute(layer, into, where);
      this.#folded.push({ layer: layer.name, into: into.name, where, bound });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return error.message;
    }
    this.#gone.add(use);
    return null;
  }

  /** Looks through what is gone already. */
  #before(use: Use): Use | string {
    const [tensor] = use.inputTensors as [Use['inputTensors'][number]];
    const made = useThatMakes(tensor);
    if (this.#graph.onlyUser(tensor) === null)
      return `the output of ${named(made.outboundLayer)} is used elsewhere as well`;
    return this.#gone.has(made) ? this.#before(made) : made;
  }

  #after(use: Use): Use | string {
    const user = this.#graph.onlyUser(use.outputTensors[0]);
    if (user === null) return 'no layer, or more than one, uses its output, or the model returns it';
    return this.#gone.has(user) ? this.#after(user) : user;
  }

  #refusal(use: Use, into: Layer, where: 'previous' | 'next'): string | null {
    const foldable = foldableOf(into);
    if (foldable === null) return `${named(into)} is neither dense nor a convolution`;
    if (this.#graph.isShared(into)) return `${named(into)} is used several times`;
    const [tensor] = use.outputTensors as [Use['outputTensors'][number]];
    if (normalizedAxis(use.outboundLayer, tensor) !== channelAxis(into, tensor)) {
      return `the channels of ${named(into)} are on another axis`;
    }
    if (foldable.onlyLast === true && channelAxis(into, tensor) !== tensor.rank - 1) {
      return `TensorFlow.js computes ${named(into)} wrongly with channels first`;
    }
    if (where === 'previous') return activates(into) ? `${named(into)} has an activation` : null;
    if (foldable.onlyAfter === true) return `${named(into)} is not the same sum of its inputs everywhere`;
    return pads(into) ? `${named(into)} pads its input with zeros` : null;
  }

  #compute(layer: Layer, into: Layer, where: 'previous' | 'next'): FoldedLayer['bound'] {
    const { layout, kernel: at } = foldableOf(into)!;
    const weights = this.#weights.get(into) ?? weightsOf(into);
    const kernel = weights[at];
    const bias = weights[at + 1]?.values;
    const options = {
      layout,
      shape: kernel.shape,
      weights: kernel.values,
      bias,
      into: where,
      padding: 'none',
    } as const;
    const folded = fold(statisticsOf(layer), options);
    const before = weights.slice(0, at);
    const { length } = folded.bias;
    this.#weights.set(into, [
      ...before,
      { values: folded.weights, shape: kernel.shape },
      { values: folded.bias, shape: [length] },
    ]);
    return folded.bound;
  }
}

function weightsOf(layer: Layer): Weights[] {
  return layer.getWeights().map((weight) => ({ values: Float32Array.from(weight.dataSync()), shape: weight.shape }));
}

function named(layer: Layer): string {
  return `"${layer.name}" (${layer.getClassName()})`;
}

function difference(model: LayersModel, folded: LayersModel, x: Tensor | Tensor[]): number {
  const [before, after] = [model, folded].map((each) => {
    const outputs = [each.predict(x)].flat();
    const values = outputs.flatMap((output) => [...output.dataSync()]);
    for (const output of outputs) output.dispose();
    return values;
  }) as [number[], number[]];
  let largest = 0;
  for (let i = 0; i < before.length; i++) {
    const deviation = Math.abs(after[i] - before[i]);
    if (Number.isNaN(deviation) && !Object.is(after[i], before[i])) return NaN;
    if (deviation > largest) largest = deviation;
  }
  return largest;
}
