/** One layer of a network: a linear map, batch normalization where wanted, and the activation. */
import { allocate, BatchNorm, release } from 'batchnorm';
import { type Random, random } from '../data/random.js';
import { type ActivationName, MAPS } from './activation.js';
import { multiply, norm, transpose } from './matrix.js';

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
  /** Rows that are one sample: positions of an image. Default 1. */
  readonly positions?: number;
  /** Whether the inputs, of which there are as many as units, are added to the outputs. */
  readonly skip?: boolean;
  /** Is added to what enters the activation in training. */
  readonly noise?: Noise;
}

/** Noise whose mean and deviation every unit draws anew at each step. */
export interface Noise {
  /** Means are uniform in ±mean. */
  readonly mean: number;
  /** Standard deviations are uniform in 0 … deviation. */
  readonly deviation: number;
}

export class Layer {
  readonly weights: Float32Array;
  /** Of the weights, after a backward. */
  readonly gradient: Float32Array;
  readonly normalization: BatchNorm<Float32Array> | null;
  readonly #bias: Float32Array;
  readonly #biasGradient: Float32Array;
  readonly #options: LayerOptions;
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
    this.#biasGradient = new Float32Array(units);
    this.gradient = new Float32Array(inputs * units);
    this.normalization = normalized ? new BatchNorm(units, { decay: DECAY, axis: -1 }) : null;
    this.#linear = allocate(rows * units);
    this.#entering = normalized ? allocate(rows * units) : this.#linear;
    this.#deltas = allocate(rows * units);
    this.#outputs = new Float32Array(rows * units);
    this.#slopes = new Float32Array(rows * units);
    this.#backwards = new Float32Array(rows * inputs);
    this.#transposed = new Float32Array(Math.max(inputs * units, rows * inputs));
    this.#draw = random(seed + 1);
  }

  /** What the linear map gave in the last forward, which is what batch normalization is of, [rows, units]. */
  linear(rows: number): Float32Array {
    return this.#linear.subarray(0, rows * this.#options.units);
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
    if (this.normalization === null) addRow(linear, this.#bias);
    else {
      const mode = training ? this.normalization.train() : this.normalization.eval();
      const { positions = 1 } = this.#options;
      mode.forward(linear, [rows / positions, positions, units], { out: this.#entering.subarray(0, size) });
    }
    if (training && this.#options.noise !== undefined) this.#disturb(this.#options.noise, rows);
    return activation === null ? this.entering(rows) : this.#activate(activation, size, training);
  }

  #disturb(noise: Noise, rows: number): void {
    const { units } = this.#options;
    for (let unit = 0; unit < units; unit++) {
      const mean = noise.mean * (2 * this.#draw() - 1);
      const deviation = noise.deviation * this.#draw();
      for (let i = unit; i < rows * units; i += units) this.#entering[i] += mean + deviation * gaussian(this.#draw);
    }
  }

  #activate(activation: ActivationName, size: number, training: boolean): Float32Array {
    const { of, slope } = MAPS[activation];
    const [u, h, slopes] = [this.#entering, this.#outputs, this.#slopes];
    const { dropout, skip } = this.#options;
    const drops = training && dropout > 0;
    const kept = 1 / (1 - dropout);
    for (let i = 0; i < size; i++) {
      const value = of(u[i]);
      // What is kept is divided by its share, so that nothing has to be done in inference.
      const factor = !drops ? 1 : this.#draw() < dropout ? 0 : kept;
      h[i] = value * factor;
      slopes[i] = slope(value) * factor;
    }
    if (skip) addTo(h, this.#inputs, size);
    return h.subarray(0, size);
  }

  /** From the gradient of the outputs to that of the inputs; those of the parameters are kept. */
  backward(dh: Float32Array, rows: number): Float32Array {
    const { inputs, units, activation, skip } = this.#options;
    const size = rows * units;
    const deltas = this.#deltas.subarray(0, size);
    if (activation === null) deltas.set(dh.subarray(0, size));
    else for (let i = 0; i < size; i++) deltas[i] = dh[i] * this.#slopes[i];
    this.normalization?.backward(deltas, { out: deltas });
    const x = transpose(this.#inputs, rows, inputs, this.#transposed);
    multiply(this.gradient, x, deltas, [inputs, rows, units]);
    const dx = this.#backwards.subarray(0, rows * inputs);
    multiply(dx, deltas, transpose(this.weights, inputs, units, this.#transposed), [rows, units, inputs]);
    if (skip) addTo(dx, dh, size);
    if (this.normalization === null) sumColumns(deltas, this.#biasGradient);
    return dx;
  }

  /** What is learnt, each with its gradient of the last backward. */
  parameters(): { readonly value: Float32Array; readonly gradient: Float32Array }[] {
    const own = { value: this.weights, gradient: this.gradient };
    if (this.normalization !== null) return [own, ...this.normalization.parameters()];
    return [own, { value: this.#bias, gradient: this.#biasGradient }];
  }

  /** One step of gradient descent. */
  descend(rate: number): void {
    for (const { value, gradient } of this.parameters()) {
      for (let i = 0; i < value.length; i++) value[i] -= rate * gradient[i];
    }
  }

  /** √(Σ (∂loss/∂W)²) of the last step. */
  gradientNorm(): number {
    return norm(this.gradient);
  }

  /** Gives the memory of the backend back. */
  dispose(): void {
    this.normalization?.forget();
    for (const tensor of new Set([this.#linear, this.#entering, this.#deltas])) release(tensor);
  }
}

function addRow(matrix: Float32Array, row: Float32Array): void {
  for (let from = 0; from < matrix.length; from += row.length) {
    for (let i = 0; i < row.length; i++) matrix[from + i] += row[i];
  }
}

/** sums ← the sum of each column. */
function sumColumns(matrix: Float32Array, sums: Float32Array): void {
  sums.fill(0);
  for (let i = 0; i < matrix.length; i++) sums[i % sums.length] += matrix[i];
}

function addTo(values: Float32Array, others: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) values[i] += others[i];
}

function normal(length: number, deviation: number, next: Random): Float32Array {
  return Float32Array.from({ length }, () => deviation * gaussian(next));
}

/** A Gaussian number by Box and Muller's transform of two uniform ones. */
function gaussian(next: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - next()));
  return radius * Math.cos(2 * Math.PI * next());
}
