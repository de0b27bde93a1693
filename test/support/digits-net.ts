/** A network on the digits that trains in a second: 64 → 32 → 32 → 10, normalized before each of its two ReLUs. */

import { BatchNorm, type BatchNormOptions, type InspectInput } from 'batchnorm';
import { minibatches, inputs as pixels } from '#demo/data/dataset.js';
import { loadDigits } from '#demo/data/digits.js';
import { random } from '#demo/data/random.js';

const SIZES = [64, 32, 32, 10];
const data = loadDigits();

export interface Training {
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly layers?: BatchNormOptions<'float32'>;
}

export interface DigitsNet {
  readonly layers: readonly BatchNorm[];
  /** What enters the layers in evaluation. */
  inputs(part: 'train' | 'test', count?: number): InspectInput[];
  accuracy(): number;
}

export function trainDigits({ batch, steps, learningRate, seed, layers: options }: Training): DigitsNet {
  const next = random(seed);
  const maps = SIZES.slice(1).map((outputs, i) =>
    Float32Array.from({ length: outputs * SIZES[i] }, () => ((next() * 2 - 1) * Math.sqrt(3)) / Math.sqrt(SIZES[i])),
  );
  const layers = [new BatchNorm(SIZES[1], { activation: 'relu', ...options })];
  layers.push(new BatchNorm(SIZES[2], { activation: 'relu', ...options }));
  const forward = (x: Float32Array, n: number) => {
    const seen = [x];
    const entered: Float32Array[] = [];
    maps.forEach((map, i) => {
      const z = multiply(seen[i], map, n, SIZES[i], SIZES[i + 1]);
      entered.push(z);
      seen.push(i < layers.length ? layers[i].forward(z, [n, SIZES[i + 1]]) : z);
    });
    return { seen, entered };
  };
  const batches = minibatches(data.train, batch, seed);
  for (let step = 0; step < steps; step++) {
    const images = batches.next().value;
    const { seen } = forward(pixels(images), images.count);
    let dy = softmaxGradient(seen[maps.length], images.labels);
    for (let i = maps.length - 1; i >= 0; i--) {
      if (i < layers.length) dy = layers[i].backward(dy);
      const dx = i > 0 ? multiplyBack(dy, maps[i], images.count, SIZES[i], SIZES[i + 1]) : dy;
      descend(maps[i], seen[i], dy, images.count, SIZES[i], SIZES[i + 1], learningRate);
      dy = dx;
    }
    for (const { value, gradient } of layers.flatMap((layer) => layer.parameters())) {
      for (let j = 0; j < value.length; j++) value[j] -= learningRate * gradient[j];
    }
  }
  for (const layer of layers) layer.eval();
  return {
    layers,
    inputs(part, count = data[part].count) {
      const { entered } = forward(pixels(data[part]).subarray(0, count * SIZES[0]), count);
      return layers.map((_, i) => ({ x: entered[i], shape: [count, SIZES[i + 1]] }));
    },
    accuracy() {
      const { count, labels } = data.test;
      const scores = forward(pixels(data.test), count).seen[maps.length];
      const right = [...labels].filter((label, i) => {
        const own = scores.subarray(i * 10, i * 10 + 10);
        return own[label] === Math.max(...own);
      });
      return right.length / count;
    },
  };
}

/** [n, inputs] · [inputs, outputs] */
function multiply(x: Float32Array, map: Float32Array, n: number, inputs: number, outputs: number): Float32Array {
  const y = new Float32Array(n * outputs);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < inputs; k++) {
      for (let j = 0; j < outputs; j++) y[i * outputs + j] += x[i * inputs + k] * map[k * outputs + j];
    }
  }
  return y;
}

function multiplyBack(dy: Float32Array, map: Float32Array, n: number, inputs: number, outputs: number): Float32Array {
  const dx = new Float32Array(n * inputs);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < inputs; k++) {
      for (let j = 0; j < outputs; j++) dx[i * inputs + k] += dy[i * outputs + j] * map[k * outputs + j];
    }
  }
  return dx;
}

function descend(
  map: Float32Array,
  x: Float32Array,
  dy: Float32Array,
  n: number,
  inputs: number,
  outputs: number,
  rate: number,
): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < inputs; k++) {
      for (let j = 0; j < outputs; j++) map[k * outputs + j] -= rate * x[i * inputs + k] * dy[i * outputs + j];
    }
  }
}

/** Of the mean cross-entropy. */
function softmaxGradient(scores: Float32Array, labels: Uint8Array): Float32Array {
  const gradient = new Float32Array(scores.length);
  labels.forEach((label, i) => {
    const own = scores.subarray(i * 10, i * 10 + 10);
    const most = Math.max(...own);
    const powers = own.map((score) => Math.exp(score - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    powers.forEach((power, j) => {
      gradient[i * 10 + j] = (power / sum - (j === label ? 1 : 0)) / labels.length;
    });
  });
  return gradient;
}
