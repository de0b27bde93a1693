/** A network: hidden layers, then ten scores; softmax and cross-entropy. */
import { CLASSES, type Images, inputs } from '../data/dataset.js';
import { Layer, type LayerOptions } from './layer.js';

/** Options of the hidden layers, and their number. */
export interface NetworkOptions extends Omit<LayerOptions, 'inputs'> {
  readonly depth: number;
  /** Of an image. */
  readonly pixels: number;
}

export interface Evaluated {
  /** The share of images that are told right. */
  readonly accuracy: number;
  /** The inputs of each hidden layer's activation, [images, units]; they are overwritten by what comes next. */
  readonly entering: readonly Float32Array[];
}

export class Network {
  /** The hidden ones, and that of the scores. */
  readonly layers: readonly Layer[];
  readonly #gradient: Float32Array;

  constructor({ depth, pixels, ...options }: NetworkOptions) {
    const { units, rows, deviation, seed } = options;
    this.#gradient = new Float32Array(rows * CLASSES);
    const hidden = Array.from({ length: depth }, (_, i) => {
      const count = i === 0 ? pixels : units;
      return { ...options, inputs: count, skip: options.skip === true && count === units };
    });
    const last = { inputs: units, units: CLASSES, activation: null, dropout: 0, normalized: false, deviation, rows };
    this.layers = [...hidden, last].map((layer, i) => new Layer({ ...layer, seed: seed * 100 + 2 * i }));
  }

  /** Gradients of the mean loss of a minibatch, in all layers; returns the loss. */
  differentiate(images: Images): number {
    const scores = this.#forward(inputs(images), images.count, true);
    const loss = crossEntropy(scores, images.labels, this.#gradient);
    let gradient: Float32Array = this.#gradient;
    for (const layer of this.layers.toReversed()) gradient = layer.backward(gradient, images.count);
    return loss;
  }

  /** One step of plain gradient descent; the mean loss of the minibatch before it. */
  step(images: Images, rate: number): number {
    const loss = this.differentiate(images);
    for (const layer of this.layers) layer.descend(rate);
    return loss;
  }

  /** In inference: batch normalization uses its running statistics. */
  evaluate(x: Float32Array, labels: Uint8Array): Evaluated {
    const count = labels.length;
    const scores = this.#forward(x, count, false);
    return {
      accuracy: rightShare(scores, labels),
      entering: this.layers.slice(0, -1).map((layer) => layer.entering(count)),
    };
  }

  /** Of the weights of each layer, in the last step. */
  gradientNorms(): number[] {
    return this.layers.map((layer) => layer.gradientNorm());
  }

  dispose(): void {
    for (const layer of this.layers) layer.dispose();
  }

  #forward(x: Float32Array, count: number, training: boolean): Float32Array {
    return this.layers.reduce((h, layer) => layer.forward(h, count, training), x);
  }
}

/** The mean over the images; `gradient` ← (softmax(scores) − target)/images. */
export function crossEntropy(scores: Float32Array, labels: Uint8Array, gradient: Float32Array): number {
  const count = labels.length;
  let loss = 0;
  for (let i = 0; i < count; i++) {
    const from = i * CLASSES;
    const top = scores[from + largest(scores, from)];
    let sum = 0;
    for (let j = 0; j < CLASSES; j++) sum += Math.exp(scores[from + j] - top);
    for (let j = 0; j < CLASSES; j++) {
      const share = Math.exp(scores[from + j] - top) / sum;
      gradient[from + j] = (share - Number(j === labels[i])) / count;
    }
    loss += Math.log(sum) + top - scores[from + labels[i]];
  }
  return loss / count;
}

/** The share of images whose largest score is that of their class. */
export function rightShare(scores: Float32Array, labels: Uint8Array): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (largest(scores, i * CLASSES) === labels[i]) right++;
  return right / labels.length;
}

function largest(scores: Float32Array, from: number): number {
  let best = 0;
  for (let j = 1; j < CLASSES; j++) if (scores[from + j] > scores[from + best]) best = j;
  return best;
}
