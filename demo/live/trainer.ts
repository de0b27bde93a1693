/** Two networks that differ in batch normalization alone, trained on the same minibatches from the same weights. */
import { type Dataset, type Images, inputs, minibatches, slice } from '../data/dataset.js';
import type { ActivationName } from '../net/activation.js';
import { Network } from '../net/network.js';
import type { LiveSettings } from './settings.js';

/** Of each hidden layer. */
const UNITS = 64;

/** Of the inputs of an activation: the middle line of a fan, and its edges. */
export const PERCENTS = [5, 25, 50, 75, 95] as const;
/** Images that the percentiles are taken over. */
const PROBES = 100;

/** One network after a step. */
export interface Snapshot {
  /** On images that are not trained on, 0 … 1. */
  readonly accuracy: number;
  /** Mean over the steps since the last snapshot. */
  readonly loss: number;
  /** PERCENTS of the inputs of each hidden layer's activation. */
  readonly fans: readonly (readonly number[])[];
  /** The share of each hidden layer's activations that are flat where they are: see `isFlat`. */
  readonly flat: readonly number[];
  /** Norm of the gradient of each layer's weights. */
  readonly gradients: readonly number[];
  /** The step at which it left the finite numbers. It has not been trained since. */
  readonly diverged: number | null;
}

export interface Frame {
  readonly step: number;
  readonly plain: Snapshot;
  readonly normalized: Snapshot;
}

interface Contestant {
  readonly network: Network;
  losses: number[];
  diverged: number | null;
}

export class Trainer {
  readonly #settings: LiveSettings;
  readonly #plain: Contestant;
  readonly #normalized: Contestant;
  readonly #batches: Generator<Images, never>;
  readonly #test: Images;
  readonly #testInputs: Float32Array;
  #step = 0;

  constructor(settings: LiveSettings, { train, test }: Dataset) {
    this.#settings = settings;
    this.#test = slice(test, 0, test.count);
    this.#testInputs = inputs(test);
    const rows = Math.max(test.count, settings.batch);
    const contestant = (normalized: boolean): Contestant => ({
      network: new Network({ ...settings, units: UNITS, normalized, pixels: train.rows * train.columns, rows }),
      losses: [],
      diverged: null,
    });
    this.#plain = contestant(false);
    this.#normalized = contestant(true);
    this.#batches = minibatches(train, settings.batch, settings.seed);
  }

  get step(): number {
    return this.#step;
  }

  get isOver(): boolean {
    return this.#plain.diverged !== null && this.#normalized.diverged !== null;
  }

  /** One step of both. */
  advance(): void {
    const images = this.#batches.next().value;
    this.#step++;
    for (const contestant of [this.#plain, this.#normalized]) {
      if (contestant.diverged !== null) continue;
      const loss = contestant.network.step(images, this.#settings.rate);
      contestant.losses.push(loss);
      if (!Number.isFinite(loss)) contestant.diverged = this.#step;
    }
  }

  measure(): Frame {
    return { step: this.#step, plain: this.#look(this.#plain), normalized: this.#look(this.#normalized) };
  }

  dispose(): void {
    this.#plain.network.dispose();
    this.#normalized.network.dispose();
  }

  #look(contestant: Contestant): Snapshot {
    const { network, losses, diverged } = contestant;
    contestant.losses = [];
    const { accuracy, entering } = network.evaluate(this.#testInputs, this.#test.labels);
    const probes = entering.map((values) => values.slice(0, PROBES * UNITS));
    return {
      accuracy,
      loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
      flat: probes.map((values) => flatShare(values, this.#settings.activation)),
      fans: probes.map(percentilesOf),
      gradients: network.gradientNorms(),
      diverged,
    };
  }
}

/** ln 19: a sigmoid is below 5 % or above 95 % beyond it. tanh(u) = 2·sigmoid(2u) − 1. */
const SATURATION = Math.log(19);

/** Where the slope is so small that little gradient passes: sigmoids beyond 5 and 95 %, and zeros of ReLU. */
function isFlat(u: number, activation: ActivationName): boolean {
  if (activation === 'relu') return u <= 0;
  return Math.abs(activation === 'tanh' ? 2 * u : u) > SATURATION;
}

function flatShare(values: Float32Array, activation: ActivationName): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (isFlat(values[i], activation)) count++;
  return count / values.length;
}

/** Sorts the values. */
function percentilesOf(values: Float32Array): number[] {
  values.sort();
  return PERCENTS.map((percent) => values[Math.round((percent / 100) * (values.length - 1))]);
}
