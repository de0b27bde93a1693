/** Layers of TensorFlow.js that batch normalization can be folded into, and batch normalization as numbers. */
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { StatisticsToFold, WeightLayout } from '../index.js';
import type { Layer } from './model-graph.js';
import { type Given, readNumbers } from './numbers-given.js';

interface Foldable {
  readonly layout: WeightLayout;
  /** Which of its weights is the kernel that makes the outputs. */
  readonly kernel: number;
  /** Whether there is another kernel before that one, or a sum that is not the same at every place. */
  readonly onlyAfter?: boolean;
  /**
   * Whether TensorFlow.js 4.22 takes another axis than it says for its outputs, or for its bias, with channels first.
   */
  readonly onlyLast?: boolean;
}

/** By the name of the class. */
const FOLDABLE: Readonly<Partial<Record<string, Foldable>>> = {
  Dense: { layout: 'IO', kernel: 0 },
  Conv1D: { layout: 'WIO', kernel: 0, onlyLast: true },
  Conv2D: { layout: 'HWIO', kernel: 0 },
  Conv3D: { layout: 'DHWIO', kernel: 0 },
  DepthwiseConv2D: { layout: 'HWIM', kernel: 0 },
  SeparableConv2D: { layout: 'HWIO', kernel: 1, onlyAfter: true, onlyLast: true },
  Conv2DTranspose: { layout: 'HWOI', kernel: 0, onlyAfter: true },
  Conv3DTranspose: { layout: 'DHWOI', kernel: 0, onlyAfter: true },
};

export function foldableOf(layer: Layer): Foldable | null {
  const name = layer.getClassName();
  return Object.hasOwn(FOLDABLE, name) ? FOLDABLE[name]! : null;
}

export function isBatchNormalization(layer: Layer): boolean {
  return layer.getClassName() === 'BatchNormalization';
}

/** Where the channels of its input and output are. */
export function channelAxis(layer: Layer, { rank }: SymbolicTensor): number {
  return (layer as { readonly dataFormat?: string }).dataFormat === 'channelsFirst' ? 1 : rank - 1;
}

export function normalizedAxis(layer: Layer, { rank }: SymbolicTensor): number {
  const { axis } = readNumbers(layer.name, layer.getConfig() as Given);
  // Several axes are none of those beside it.
  if (typeof axis !== 'number') return -1;
  return axis < 0 ? axis + rank : axis;
}

export function activates(layer: Layer): boolean {
  return (layer.getConfig()['activation'] ?? 'linear') !== 'linear';
}

/** Whether zeros are put around its input; a kernel of one element each way needs none. */
export function pads(layer: Layer): boolean {
  const { padding = 'valid', kernelSize = 1 } = layer.getConfig();
  return padding !== 'valid' && [kernelSize].flat().some((size) => size !== 1);
}

/** Batch normalization of either make, as it is in inference. */
export function statisticsOf(layer: Layer): StatisticsToFold {
  const config = layer.getConfig();
  const weights = layer.getWeights().map((weight) => weight.dataSync());
  const gamma = config['scale'] === false ? null : weights.shift()!;
  const beta = config['center'] === false ? null : weights.shift()!;
  const [mean, variance] = weights;
  const { epsilon } = readNumbers(layer.name, config as Given);
  return { mean: mean!, variance: variance!, gamma, beta, epsilon };
}
