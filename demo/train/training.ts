/** Training one network and measuring it on the way. */
import { type Dataset, minibatches } from '../data/dataset.js';
import { finite, mean } from '../kit/statistics.js';
import {
  closingSteps,
  type Distributions,
  LAYER_PERCENTILES,
  type Measurement,
  measuringSteps,
} from '../runs/measurements.js';
import type { Run } from '../runs/results.js';
import { HIDDEN_UNITS, PROBE_IMAGES, type Settings, type TrainingJob, WATCHED_UNITS } from '../runs/settings.js';
import type { Host } from './host.js';
import { compareStatistics } from './inference.js';
import { accuracyOf, percentiles, percentilesOf, saturatedShare } from './measure.js';
import { createNetwork, type Evaluation } from './network.js';
import type { Ranks } from './ranks.js';

/** Told how many steps are done; training goes on when it has heard. */
export type Listener = (steps: number) => void | Promise<void>;

export async function train(
  host: Host,
  data: Dataset,
  job: TrainingJob,
  settings: Settings,
  ranks: Ranks,
  listen: Listener,
): Promise<Run> {
  const { batch } = settings;
  const { id, steps, learningRate, deviation, normalized, dropout, seed, measured } = job;
  const network = createNetwork(host, { inputs: data.train.rows * data.train.columns, ...job, batch, ranks });
  const batches = minibatches(data.train, batch, seed);
  const wanted = new Set(measured === 'end' ? closingSteps(steps) : measuringSteps(steps));
  const measurements: Measurement[] = [];
  let milliseconds = 0;
  let losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const images = batches.next().value;
    const start = performance.now();
    losses.push(network.step(images));
    milliseconds += performance.now() - start;
    if (wanted.has(step)) {
      const evaluation = network.evaluate(data.test);
      const accuracy = accuracyOf(evaluation.classes, data.test.labels);
      const values = measured === 'distributions' ? distributions(evaluation) : undefined;
      measurements.push({ step, accuracy, loss: finite(mean(losses)), ...values });
      losses = [];
    }
    const heard = listen(step);
    if (heard) await heard;
  }
  const batchNormMilliseconds = network.batchNormTime();
  const trainAccuracy = accuracyOf(network.evaluate(data.train).classes, data.train.labels);
  const inference = job.inference ? compareStatistics(network.alone(), data, seed) : undefined;
  network.dispose();
  return {
    ...{ kind: 'training', id, normalized, dropout, learningRate, deviation, seed, steps },
    ...{ milliseconds: Math.round(milliseconds), batchNormMilliseconds: Math.round(batchNormMilliseconds) },
    ...{ trainAccuracy, measurements, ...(inference && { inference }) },
  };
}

function distributions({ sigmoidInputs }: Evaluation): Distributions {
  const probes = sigmoidInputs.map((values) => values.slice(0, PROBE_IMAGES * HIDDEN_UNITS));
  return {
    units: percentilesOf(probes.at(-1)!, HIDDEN_UNITS, WATCHED_UNITS),
    saturated: probes.map(saturatedShare),
    layers: probes.map((values) => percentiles(values, LAYER_PERCENTILES)),
  };
}
