/** Batches for layers: every place of the channels, more samples than a group, and sizes that do not divide. */
import type { BatchNorm, Tensor } from 'batchnorm';
import { randomFor } from './random.js';
import { type Dtype, zeros } from './tensors.js';
import type { Layout } from './variants-oracle.js';

export interface LayerCase extends Layout {
  readonly shape: readonly number[];
  readonly axis: number;
}

export const LAYER_CASES: readonly LayerCase[] = [
  { shape: [11, 3], axis: 1, samples: 11, rows: 1, c: 3, s: 1 },
  { shape: [9, 2, 3, 2], axis: 1, samples: 9, rows: 1, c: 2, s: 6 },
  { shape: [10, 2, 3, 4], axis: -1, samples: 10, rows: 6, c: 4, s: 1 },
  { shape: [8, 2, 3, 5], axis: 2, samples: 8, rows: 2, c: 3, s: 5 },
];

export interface LayerData {
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly residual: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
}

export function layerData(
  title: string,
  { shape, c }: Pick<LayerCase, 'shape' | 'c'> & Partial<LayerCase>,
  dtype: Dtype,
): LayerData {
  const random = randomFor(`${title} ${shape}`);
  const length = shape.reduce((a, b) => a * b);
  const draw = (count: number, shift = 0) => zeros(dtype, count).map(() => random.normal() + shift);
  return { x: draw(length, 1), dy: draw(length), residual: draw(length), gamma: draw(c, 2), beta: draw(c) };
}

export interface LayerResult {
  readonly y: Tensor;
  readonly dx: Tensor;
  readonly dgamma: Tensor | null;
  readonly dbeta: Tensor | null;
  readonly dresidual: Tensor | null;
}

/** One forward and one backward, with the parameters of the data. */
export function runLayer(
  bn: BatchNorm<Tensor>,
  { x, dy, gamma, beta }: LayerData,
  shape: readonly number[],
  options: Parameters<BatchNorm<Tensor>['forward']>[2] = {},
): LayerResult {
  bn.gamma?.set(gamma);
  bn.beta?.set(beta);
  const y = bn.forward(x, shape, options);
  const dx = bn.backward(dy);
  return { y, dx, dgamma: bn.dgamma, dbeta: bn.dbeta, dresidual: bn.dresidual };
}
