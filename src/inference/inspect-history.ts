/** Checks of how the running statistics came about. */
import { type Found, figure } from './inspect-finding.js';
import type { Subject } from './inspect-subject.js';

/** More of the start values than this shows in what evaluation gives. */
const MOST_START_WEIGHT = 0.05;
/** Fewer values per channel make batch statistics noisy: the mean by 1/√16 = 0.25 σ. */
const LEAST_VALUES = 16;
/** A running mean that is known to less than this, in σ, decides what evaluation gives. */
const MOST_NOISE = 0.1;
/** Such a rate is far more often a decay. */
const LEAST_SWAPPED = 0.9;

export function checkHistory(subject: Subject): Found[] {
  if (subject.channels === 0) return [];
  if (subject.history.untouched) return [neverUpdated(subject)];
  return [
    ...counted(subject),
    ...startValues(subject),
    ...swappedRate(subject),
    ...smallBatch(subject),
    ...noisyAverage(subject),
  ];
}

function neverUpdated({ steps }: Subject): Found {
  return {
    ...{ kind: 'never-updated', severity: 'error', channels: null },
    numbers: { batchesTracked: 0, ...(steps !== null && { steps }) },
    message: 'mean 0 and variance 1: the running statistics were never updated',
    means: 'Evaluation normalises by the start values, and so not at all.',
    advice:
      'Train in training mode with updateStatistics true and an updateRate above 0; after forwards with ' +
      'update: false call commit(); or set exact statistics by populationStatistics and setStatistics.',
  };
}

/** Batches taken in against steps of training. */
function counted({ history: { batches }, steps }: Subject): Found[] {
  if (batches === null || steps === null || batches === steps) return [];
  const numbers = { batchesTracked: batches, steps };
  const message = `${batches} batches were taken in during ${steps} steps`;
  if (batches > steps) {
    return [
      {
        ...{ kind: 'updated-twice', severity: 'warning', channels: null, numbers },
        message: `${message}: ${steps === 0 ? 'none was expected' : `${figure(batches / steps)} a step`}`,
        means:
          'The layer runs forward in training mode more than once a step, and each run counts: the averages ' +
          'forget faster, and batches of another kind (a validation set, generated samples) may be among them.',
        advice:
          'Evaluate with eval(), recompute with update: false, and give a layer that two branches share a ' +
          'layer for each, if what they see differs. Of accumulated gradients, commit the merged batchMoments ' +
          'once.',
      },
    ];
  }
  return [
    {
      ...{ kind: 'updates-missed', severity: 'warning', channels: null, numbers },
      message,
      means: 'Some steps left the running statistics alone, which are older than the weights then.',
      advice:
        'Look for a layer left in evaluation mode or frozen, forwards with update: false without commit(), ' +
        "batches that onNonFinite: 'skip' kept out, and empty ones.",
    },
  ];
}

function startValues({ history, updateRate }: Subject): Found[] {
  const { startWeight, batches } = history;
  if (!(startWeight > MOST_START_WEIGHT)) return [];
  const rate = typeof updateRate === 'number' ? { updateRate } : {};
  return [
    {
      ...{ kind: 'start-values', severity: 'warning', channels: null },
      numbers: { startWeight, limit: MOST_START_WEIGHT, ...rate, ...(batches !== null && { batchesTracked: batches }) },
      message:
        `${figure(100 * startWeight)} % of the running statistics are still their start values, mean 0 and variance 1` +
        `${batches === null ? '' : `, after ${batches} batches`}`,
      means: 'Evaluation normalises by a mixture of the data and of these values.',
      advice:
        "Train on, raise updateRate, or take the start values out: debias: true, updateRate: 'cumulative', or " +
        'a warm-up. populationStatistics and setStatistics repair a layer that is trained.',
    },
  ];
}

function swappedRate({ updateRate }: Subject): Found[] {
  if (!(typeof updateRate === 'number' && updateRate >= LEAST_SWAPPED && updateRate < 1)) return [];
  const decay = Number((1 - updateRate).toPrecision(12));
  return [
    {
      ...{ kind: 'swapped-rate', severity: 'warning', channels: null },
      numbers: { updateRate, decay, limit: LEAST_SWAPPED },
      message: `updateRate is ${figure(updateRate)}, and decay ${figure(decay)}: the two look swapped`,
      means: 'The running statistics are nearly those of the last batch alone.',
      advice:
        `momentum ${figure(updateRate)} of Keras, TensorFlow, flax or ONNX is decay: ${figure(updateRate)}, ` +
        `which is updateRate: ${figure(decay)}. momentum ${figure(decay)} of PyTorch is updateRate: ` +
        `${figure(decay)}.`,
    },
  ];
}

/**
 * Values per channel that training normalises by: those of a ghost batch, where there are some and x shows how large
 * samples are.
 */
function valuesTogether({ history: { valuesPerBatch }, ghostBatchSize, measured }: Subject): number | null {
  if (ghostBatchSize === null || measured === null) return valuesPerBatch;
  return Math.min(valuesPerBatch ?? Infinity, (ghostBatchSize * measured.values) / measured.samples);
}

function smallBatch(subject: Subject): Found[] {
  const { varianceEstimator, ghostBatchSize } = subject;
  const m = valuesTogether(subject);
  if (m === null || m >= LEAST_VALUES) return [];
  const meanError = 1 / Math.sqrt(m);
  const biased = varianceEstimator === 'biased' && ghostBatchSize === null && m > 1;
  const low = biased ? `, and the biased running variance is too small by a factor of ${figure((m - 1) / m)}` : '';
  return [
    {
      ...{ kind: 'small-batch', severity: 'warning', channels: null },
      numbers: { valuesPerBatch: m, limit: LEAST_VALUES, meanError },
      message:
        `a ${ghostBatchSize === null ? '' : 'ghost '}batch has ${figure(m)} values per channel: its mean is off by ` +
        `${figure(meanError)} σ (1/√m)${low}`,
      means: 'Training normalises by noise, and evaluation, which does not, gives something else.',
      advice:
        'Larger batches; synchronize, where several workers have a part each; renorm; or freeze(), for ' +
        'fine-tuning. Evaluate by populationStatistics.',
    },
  ];
}

function noisyAverage({ history: { effectiveBatches, valuesPerBatch: m }, updateRate }: Subject): Found[] {
  if (effectiveBatches === null || m === null) return [];
  const noise = 1 / Math.sqrt(effectiveBatches * m);
  if (!(noise > MOST_NOISE)) return [];
  const rate = typeof updateRate === 'number' ? { updateRate } : {};
  return [
    {
      ...{ kind: 'noisy-average', severity: 'warning', channels: null },
      numbers: { effectiveBatches, valuesPerBatch: m, noise, limit: MOST_NOISE, ...rate },
      message:
        `the running statistics are as precise as ${figure(effectiveBatches)} batches of ${figure(m)} values: the ` +
        `mean is off by ${figure(noise)} σ`,
      means:
        'Another stretch of training would leave other running statistics, and evaluation would give another result.',
      advice: 'Lower updateRate, once training has settled, or replace the averages by populationStatistics.',
    },
  ];
}
