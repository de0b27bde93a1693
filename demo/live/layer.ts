/** One layer of the live network: a linear map, batch normalization where wanted, and the activation. */
import { allocate, BatchNorm, release } from 'batchnorm';
import { type Random, random } from '../data/random.js';
import { multiply, norm, transpose } from './matrix.js';
import type { ActivationName } from './settings.js';

/** What the running statistics keep at each step: as in the report, since runs are short. */
const DECAY = 0.9;

export interface LayerOptions {
  readonly inputs: number;
  readonly units: number;
  /** Null for the last layer, whose outputs are the scores. */
  readonly activation: ActivationName | null;
  readonly normalized: boolean;
  readonly dropout: number;
  readonly deviation: number;
  /** Of the weights: the same ones without and with batch normalization. */
  readonly seed: number;
  /** The most rows that come at once. */
  readonly rows: number;
}

/** Activations, and their slopes from what they gave. */
const MAPS: Readonly<Record<ActivationName, { of(u: number): number; slope(h: number): number }>> = {
  sigmoid: { of: (u) => 1 / (1 + Math.exp(-u)), slope: (h) => h * (1 - h) },
  tanh: { of: Math.tanh, slope: (h) => 1 - h * h },
  relu: { of: (u) => (u > 0 ? u : 0), slope: (h) => (h > 0 ? 1 : 0) },
};

export class Layer {
  readonly weights: Float32Array;
  readonly #bias: Float32Array;
  readonly #gradient: Float32Array;
  readonly #options: LayerOptions;
  readonly #normalization: BatchNorm<Float32Array> | null;
  /** Outputs of the linear map, in the memory of the backend: batch normalization copies nothing. */
  readonly #linear: Float32Array;
  /** What enters the activation. */
  readonly #entering: Float32Array;
  readonly #outputs: Float32Array;
  readonly #slopes: Float32Array;
  readonly #deltas: Float32Array;
  readonly #backwards: Float32Array;
  readonly #transposed: Float32Array;
  readonly #draw: Random;
  #inputs: Float32Array = new Float32Array(0);

  constructor(options: LayerOptions) {
    const { inputs, units, rows, normalized, seed } = options;
    this.#options = options;
    this.weights = normal(inputs * units, options.deviation, random(seed));
    this.#bias = new Float32Array(units);
    this.#gradient = new Float32Array(inputs * units);
    this.#normalization = normalized ? new BatchNorm(units, { decay: DECAY }) : null;
    this.#linear = allocate(rows * units);
    this.#entering = normalized ? allocate(rows * units) : this.#linear;
    this.#deltas = allocate(rows * units);
    this.#outputs = new Float32Array(rows * units);
    this.#slopes = new Float32Array(rows * units);
    this.#backwards = new Float32Array(rows * inputs);
    this.#transposed = new Float32Array(Math.max(inputs * units, rows * inputs));
    this.#draw = random(seed + 1);
  }

  /** The inputs of the activation in the last forward, [rows, units]. */
  entering(rows: number): Float32Array {
    return this.#entering.subarray(0, rows * this.#options.units);
  }

  /** h = activation(bn(x·W)), or activation(x·W + b): beta does what b would. */
  forward(x: Float32Array, rows: number, training: boolean): Float32Array {
    const { inputs, units, activation } = this.#options;
    const size = rows * units;
    this.#inputs = x;
    const linear = this.#linear.subarray(0, size);
    multiply(linear, x, this.weights, [rows, inputs, units]);
    if (this.#normalization === null) addRow(linear, this.#bias);
    else {
      const mode = training ? this.#normalization.train() : this.#normalization.eval();
      mode.forward(linear, [rows, units], { out: this.#entering.subarray(0, size) });
    }
    return activation === null ? this.entering(rows) : this.#activate(activation, size, training);
  }

  #activate(activation: ActivationName, size: number, training: boolean): Float32Array {
    const { of, slope } = MAPS[activation];
    const [u, h, slopes] = [this.#entering, this.#outputs, this.#slopes];
    const { dropout } = this.#options;
    const drops = training && dropout > 0;
    const kept = 1 / (1 - dropout);
    for (let i = 0; i < size; i++) {
      const value = of(u[i]);
      // What is kept is divided by its share, so that nothing has to be done in inference.
      const factor = !drops ? 1 : this.#draw() < dropout ? 0 : kept;
      h[i] = value * factor;
      slopes[i] = slope(value) * factor;
    }
    return h.subarray(0, size);
  }

  /** From the gradient of the outputs to that of the inputs; the weights go one step of gradient descent. */
  backward(dh: Float32Array, rows: number, rate: number): Float32Array {
    const { inputs, units, activation } = this.#options;
    const size = rows * units;
    const deltas = this.#deltas.subarray(0, size);
    if (activation === null) deltas.set(dh.subarray(0, size));
    else for (let i = 0; i < size; i++) deltas[i] = dh[i] * this.#slopes[i];
    this.#normalization?.backward(deltas, { out: deltas });
    const x = transpose(this.#inputs, rows, inputs, this.#transposed);
    multiply(this.#gradient, x, deltas, [inputs, rows, units]);
    const dx = this.#backwards.subarray(0, rows * inputs);
    multiply(dx, deltas, transpose(this.weights, inputs, units, this.#transposed), [rows, units, inputs]);
    descend(this.weights, this.#gradient, rate);
    if (this.#normalization === null) descend(this.#bias, columnSums(deltas, units), rate);
    else for (const { value, gradient } of this.#normalization.parameters()) descend(value, gradient, rate);
    return dx;
  }

  /** √(Σ (∂loss/∂W)²) of the last step. */
  gradientNorm(): number {
    return norm(this.#gradient);
  }

  /** Gives the memory of the backend back. */
  dispose(): void {
    this.#normalization?.forget();
    for (const tensor of new Set([this.#linear, this.#entering, this.#deltas])) release(tensor);
  }
}

function descend(values: Float32Array, gradient: Float32Array, rate: number): void {
  for (let i = 0; i < values.length; i++) values[i] -= rate * gradient[i];
}

function addRow(matrix: Float32Array, row: Float32Array): void {
  for (let from = 0; from < matrix.length; from += row.length) {
    for (let i = 0; i < row.length; i++) matrix[from + i] += row[i];
  }
}

function columnSums(matrix: Float32Array, columns: number): Float32Array {
  const sums = new Float32Array(columns);
  for (let i = 0; i < matrix.length; i++) sums[i % columns] += matrix[i];
  return sums;
}

/** Gaussian numbers by Box and Muller's transform of pairs of uniform ones. */
function normal(length: number, deviation: number, next: Random): Float32Array {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return deviation * radius * Math.cos(2 * Math.PI * next());
  });
}
