/**
 * Checks that need x: running statistics of something else, outputs that differ, a ReLU that lets nothing
 * through.
 */
import { type Distance, outputGap } from './inspect-distance.js';
import { channelsWhere, type Found, figure, ofChannels } from './inspect-finding.js';
import type { Measured } from './inspect-measure.js';
import { deviationOf, type Subject } from './inspect-subject.js';

/** From fewer samples nothing is concluded: their scatter says too little about the standard error. */
const LEAST_SAMPLES = 8;
/** Standard errors: chance gets there once in 1.7 million times, and layers have thousands of channels. */
const LEAST_SIGNIFICANCE = 5;
/** In σ. Averages lag behind weights that learn: up to 0.7 σ in healthy networks on the digits. */
const LEAST_MEAN_SHIFT = 1;
/** A factor between variances. Up to 1.9 in healthy networks on the digits. */
const LEAST_VARIANCE_RATIO = 3;
/** Over the root mean square of gamma. Up to 0.35 in healthy networks on the digits. */
const LEAST_GAP = 0.5;
/** So many times what chance makes. */
const LEAST_GAP_RATIO = 3;
/** In larger batches m/(m − 1) is no more than what a lagging average does to variances. */
const MOST_VALUES_TO_TELL = 4;
const LEAST_CHANNELS_TO_TELL = 8;
/** Values per channel from which on "never positive" says something. */
const LEAST_VALUES = 30;

export function checkInput(subject: Subject, measured: Measured, distance: Distance): Found[] {
  return [
    ...(measured.samples >= LEAST_SAMPLES
      ? [...shift(subject, measured, distance), ...gap(subject, distance), ...estimator(subject, distance)]
      : []),
    ...deadRelu(subject, measured),
  ];
}

function shift(subject: Subject, { least, most }: Measured, distance: Distance): Found[] {
  const { channels: total } = subject;
  const meanSignificance = distance.mean.map((value, ch) => Math.abs(value) / distance.meanError[ch]);
  const varianceSignificance = distance.variance.map((value, ch) => Math.abs(value) / distance.varianceError[ch]);
  const isMeanOff = (ch: number) =>
    Math.abs(distance.mean[ch]) >= LEAST_MEAN_SHIFT && meanSignificance[ch] >= LEAST_SIGNIFICANCE;
  const isVarianceOff = (ch: number) =>
    Math.abs(distance.variance[ch]) >= Math.log(LEAST_VARIANCE_RATIO) && varianceSignificance[ch] >= LEAST_SIGNIFICANCE;
  // A channel that is constant in x has no σ to measure in, and is a finding of its own.
  const channels = channelsWhere(total, (ch) => least[ch] < most[ch] && (isMeanOff(ch) || isVarianceOff(ch)));
  if (channels.length === 0) return [];
  const meanChannel = furthest(channels, distance.mean);
  const varianceChannel = furthest(channels, distance.variance);
  const numbers = {
    meanChannel,
    meanShift: distance.mean[meanChannel],
    meanSignificance: meanSignificance[meanChannel],
    varianceChannel,
    varianceRatio: Math.exp(distance.variance[varianceChannel]),
    varianceSignificance: varianceSignificance[varianceChannel],
    leastMeanShift: LEAST_MEAN_SHIFT,
    leastVarianceRatio: LEAST_VARIANCE_RATIO,
    leastSignificance: LEAST_SIGNIFICANCE,
  };
  return [describeShift(subject, channels, numbers)];
}

type ShiftNumbers = Record<
  `${'mean' | 'variance'}${'Channel' | 'Significance'}` | 'meanShift' | 'varianceRatio',
  number
>;

function describeShift({ channels: total, history }: Subject, channels: number[], numbers: ShiftNumbers): Found {
  const { meanChannel, meanShift, meanSignificance, varianceChannel, varianceRatio, varianceSignificance } = numbers;
  const { effectiveBatches } = history;
  const average = effectiveBatches === null ? '' : `, an average of ${figure(effectiveBatches)} batches,`;
  return {
    ...{ kind: 'shift', severity: 'warning', channels, numbers },
    message:
      `the running statistics${average} are not those of x in ${ofChannels(channels, total)}: the mean is off by as ` +
      `much as ${figure(meanShift)} σ (${figure(meanSignificance)} standard errors, channel ${meanChannel}), the ` +
      `variance by a factor of ${figure(varianceRatio)} (${figure(varianceSignificance)} standard errors, channel ` +
      `${varianceChannel})`,
    means:
      'Either x is distributed otherwise than what the layer was trained on (another preparation, another domain), ' +
      'or the running statistics lag behind the weights, stopped early, or come from elsewhere.',
    advice:
      'If x is prepared as in training, recompute them: populationStatistics over the training set, then ' +
      'setStatistics. If it is not, prepare it so. For another domain recompute them over that.',
  };
}

function furthest(channels: readonly number[], distances: Float64Array): number {
  return channels.reduce((best, ch) => (Math.abs(distances[ch]) > Math.abs(distances[best]) ? ch : best));
}

function gap(subject: Subject, distance: Distance): Found[] {
  const measured = outputGap(subject, distance.gap);
  const chance = outputGap(
    subject,
    distance.meanError.map((error, ch) => Math.hypot(error, distance.varianceError[ch] / 2)),
  );
  if (!(measured >= LEAST_GAP && measured >= LEAST_GAP_RATIO * chance)) return [];
  return [
    {
      ...{ kind: 'output-gap', severity: 'warning', channels: null },
      numbers: { outputGap: measured, chance, limit: LEAST_GAP },
      message:
        `on x, training and evaluation give outputs that differ by ${figure(measured)} of gamma (root mean square; ` +
        `${figure(chance)} would be chance)`,
      means: 'The layers after this one were trained on other values than evaluation gives them.',
      advice:
        'See what else is found here: a shift names the channels. Compare eval() with training mode on the ' +
        'same batch after populationStatistics and setStatistics; what is left then is the noise of small ' +
        'batches.',
    },
  ];
}

/**
 * Whether the running variances are those of the other estimator: all off by about m/(m − 1), in the same way, and the
 * average over the channels at least four standard errors from 0.
 */
function estimator({ channels: total, varianceEstimator, history }: Subject, { variance }: Distance): Found[] {
  const { valuesPerBatch: m } = history;
  if (m === null || m < 2 || m > MOST_VALUES_TO_TELL || total < LEAST_CHANNELS_TO_TELL) return [];
  const mean = variance.reduce((sum, value) => sum + value, 0) / total;
  const scatter = Math.sqrt(variance.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (total - 1));
  const error = scatter / Math.sqrt(total);
  const full = Math.log(m / (m - 1));
  const wanted = varianceEstimator === 'biased' ? full : -full;
  if (!(scatter <= full && Math.abs(mean - wanted) <= full / 3 && Math.abs(mean) >= 4 * error)) return [];
  const other = varianceEstimator === 'biased' ? 'unbiased' : 'biased';
  return [
    {
      ...{ kind: 'variance-estimator', severity: 'note', channels: null },
      numbers: { valuesPerBatch: m, ratio: Math.exp(mean), expected: Math.exp(wanted), error },
      message:
        `the running variances are ${figure(Math.exp(mean))} times what varianceEstimator ` +
        `'${varianceEstimator}' makes of x; '${other}' would be ${figure(Math.exp(wanted))} times at m = ` +
        `${figure(m)}`,
      means: `The statistics look like '${other}' ones: they come from a framework of the other convention.`,
      advice: `Set varianceEstimator: '${other}', if training goes on; evaluation takes the numbers as they are.`,
    },
  ];
}

/** The line through gamma and beta is monotone: the least and the most of x decide. */
function deadRelu(subject: Subject, { least, most, valuesOfChannel: values }: Measured): Found[] {
  const { channels: total, relu, gamma, beta, runningMean, runningVariance, epsilon } = subject;
  if (!relu || values < LEAST_VALUES) return [];
  const highest = (ch: number) => {
    const slope = (gamma?.[ch] ?? 1) / (deviationOf(runningVariance[ch], epsilon) || Infinity);
    return slope * ((slope > 0 ? most : least)[ch] - runningMean[ch]) + (beta?.[ch] ?? 0);
  };
  const channels = channelsWhere(total, (ch) => highest(ch) <= 0);
  if (channels.length === 0) return [];
  const share = 3 / values;
  return [
    {
      ...{ kind: 'dead-relu', severity: channels.length === total ? 'error' : 'warning', channels },
      numbers: { values, highest: Math.max(...channels.map(highest)), likelyAtMost: share },
      message:
        `the ReLU lets nothing through in ${ofChannels(channels, total)}: of ${values} values none is positive ` +
        `(so fewer than ${figure(100 * share)} % are, with 95 % confidence)`,
      means: 'A channel that is always negative gives 0 and gets no gradient: it does not come back by itself.',
      advice:
        'Beta is far below 0 against gamma, often after too large a learning rate. Prune the channels, or set ' +
        'their beta to 0; if the running statistics are off as well, repair these first.',
    },
  ];
}
