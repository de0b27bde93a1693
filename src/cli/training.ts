/** Training one network and measuring it on the way. */
import { type Dataset, minibatches } from './data/dataset.js';
import { accuracyOf, type Measurement, measuringSteps, percentilesOf } from './measure.js';
import { createNetwork, type Evaluation, HIDDEN_UNITS, type Host } from './network.js';

/** How many held-out images, at most, the percentiles are taken over: always the same ones. */
export const PROBE_IMAGES = 500;

export interface Settings {
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
}

export interface Run {
  readonly normalized: boolean;
  readonly measurements: readonly Measurement[];
  /** Time of the training steps, without measuring. */
  readonly milliseconds: number;
  /** The part of it that was spent in batch normalization. */
  readonly batchNormMilliseconds: number;
}

/** Told of every step, with the latest measurement. The first step is always measured. */
export type Listener = (step: number, latest: Measurement) => void;

export function train(host: Host, data: Dataset, normalized: boolean, settings: Settings, listen: Listener): Run {
  const { steps, batch, learningRate, seed } = settings;
  const network = createNetwork(host, { inputs: data.train.rows * data.train.columns, normalized, learningRate, seed });
  const batches = minibatches(data.train, batch, seed);
  const wanted = new Set(measuringSteps(steps));
  const measurements: Measurement[] = [];
  let milliseconds = 0;
  let losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const images = batches.next().value;
    const start = performance.now();
    losses.push(network.step(images));
    milliseconds += performance.now() - start;
    if (wanted.has(step)) {
      measurements.push({ step, loss: mean(losses), ...measure(network.evaluate(data.test), data) });
      losses = [];
    }
    listen(step, measurements.at(-1)!);
  }
  const batchNormMilliseconds = network.batchNormTime();
  network.dispose();
  return { normalized, measurements, milliseconds, batchNormMilliseconds };
}

function measure(evaluation: Evaluation, { test }: Dataset) {
  const probe = evaluation.sigmoidInputs.subarray(0, PROBE_IMAGES * HIDDEN_UNITS);
  return { accuracy: accuracyOf(evaluation.classes, test.labels), percentiles: percentilesOf(probe, HIDDEN_UNITS) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
