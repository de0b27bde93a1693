/** A small convolutional network with batch normalization: two convolutions of 3×3, then ten scores. */
import { CLASSES, type Images, inputs } from '../data/dataset.js';
import { Layer } from './layer.js';
import { crossEntropy, rightShare } from './network.js';
import { type Grid, gatherPatches, PATCH, positionsOf, scatterPatches } from './patches.js';

const CHANNELS = [8, 16] as const;
const STRIDES = [1, 2] as const;

interface Stage {
  readonly layer: Layer;
  readonly grid: Omit<Grid, 'images'>;
  readonly positions: number;
  readonly patches: Float32Array;
  readonly gradient: Float32Array;
}

export class ConvolutionalNetwork {
  readonly #stages: readonly Stage[];
  readonly #scores: Layer;
  readonly #gradient: Float32Array;

  /** @param most the most images that come at once */
  constructor({ rows, columns }: Images, most: number, seed: number) {
    let [height, width, channels] = [rows, columns, 1];
    this.#stages = CHANNELS.map((units, i) => {
      const grid = { height, width, channels, stride: STRIDES[i] };
      const positions = positionsOf(grid);
      const layer = layerOf(channels * PATCH, units, positions, most, seed * 100 + 2 * i);
      const patches = new Float32Array(most * positions * channels * PATCH);
      const stage = { layer, grid, positions, patches, gradient: new Float32Array(most * height * width * channels) };
      [height, width, channels] = [Math.ceil(height / grid.stride), Math.ceil(width / grid.stride), units];
      return stage;
    });
    const size = height * width * channels;
    const last = { inputs: size, units: CLASSES, activation: null, normalized: false, dropout: 0, rows: most };
    this.#scores = new Layer({ ...last, deviation: Math.sqrt(1 / size), seed: seed * 100 + 98 });
    this.#gradient = new Float32Array(most * CLASSES);
  }

  /** The convolutions, each with batch normalization and ReLU, and the positions of one image in each. */
  get layers(): readonly { readonly layer: Layer; readonly positions: number }[] {
    return this.#stages;
  }

  step(images: Images, rate: number): void {
    const { count } = images;
    crossEntropy(this.#forward(images, true), images.labels, this.#gradient);
    let gradient = this.#scores.backward(this.#gradient, count);
    for (const { layer, grid, positions, gradient: dx } of this.#stages.toReversed()) {
      const rows = layer.backward(gradient, count * positions);
      const size = count * grid.height * grid.width * grid.channels;
      scatterPatches(dx.subarray(0, size), rows, { ...grid, images: count });
      gradient = dx;
    }
    for (const layer of this.#all) layer.descend(rate);
  }

  /** In evaluation: the share of images that are told right. */
  accuracy(images: Images): number {
    return rightShare(this.#forward(images, false), images.labels);
  }

  dispose(): void {
    for (const layer of this.#all) layer.dispose();
  }

  get #all(): Layer[] {
    return [...this.#stages.map(({ layer }) => layer), this.#scores];
  }

  #forward(images: Images, training: boolean): Float32Array {
    let h = inputs(images);
    for (const { layer, grid, positions, patches } of this.#stages) {
      const rows = patches.subarray(0, images.count * positions * grid.channels * PATCH);
      gatherPatches(rows, h, { ...grid, images: images.count });
      h = layer.forward(rows, images.count * positions, training);
    }
    return this.#scores.forward(h, images.count, training);
  }
}

function layerOf(inputs: number, units: number, positions: number, most: number, seed: number): Layer {
  const options = { inputs, units, positions, rows: most * positions, seed, dropout: 0 };
  return new Layer({ ...options, activation: 'relu', normalized: true, deviation: Math.sqrt(2 / inputs) });
}
