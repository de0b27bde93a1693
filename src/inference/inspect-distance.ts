/** How far the running statistics are from those of x, and how much of that is chance. */
import type { Measured } from './inspect-measure.js';
import { deviationOf, type Subject } from './inspect-subject.js';

/** [c] each. */
export interface Distance {
  /** (running mean − mean of x)/σ, where σ = √(variance of x + epsilon). */
  readonly mean: Float64Array;
  /** Its standard error. */
  readonly meanError: Float64Array;
  /**
   * ln of (running variance + epsilon) over (variance of x + epsilon), both as estimates of the population's variance.
   */
  readonly variance: Float64Array;
  readonly varianceError: Float64Array;
  /** Root mean square of y in evaluation minus y in training on x, over |gamma|. */
  readonly gap: Float64Array;
}

/**
 * With standard errors e of x from its K samples, and running statistics of N effective batches of k samples, the error
 * of a distance is e·√(1 + K/(N·k)), in units of σ. Where N or k are not known, those of the running statistics count
 * as exact.
 */
export function distanceOf(subject: Subject, measured: Measured): Distance {
  const { channels, runningMean, runningVariance, epsilon, varianceEstimator, history } = subject;
  const { values, samples, mean, variance } = measured;
  const empty = () => new Float64Array(channels);
  const distance = { mean: empty(), meanError: empty(), variance: empty(), varianceError: empty(), gap: empty() };
  const { effectiveBatches, valuesPerBatch: m } = history;
  const inBatches = effectiveBatches === null || m === null ? Infinity : (effectiveBatches * m * samples) / values;
  const widened = Math.sqrt(1 + samples / inBatches);
  const toPopulation = varianceEstimator === 'biased' && m !== null && m > 1 ? m / (m - 1) : 1;
  const ofSample = values > 1 ? values / (values - 1) : 1;
  for (let ch = 0; ch < channels; ch++) {
    const sigma = deviationOf(variance[ch], epsilon);
    const running = deviationOf(runningVariance[ch], epsilon);
    const offset = mean[ch] - runningMean[ch];
    distance.mean[ch] = -offset / sigma;
    distance.meanError[ch] = (measured.meanError[ch] / sigma) * widened;
    distance.variance[ch] = Math.log(
      (runningVariance[ch] * toPopulation + epsilon) / (variance[ch] * ofSample + epsilon),
    );
    distance.varianceError[ch] = (measured.varianceError[ch] / sigma ** 2) * widened;
    distance.gap[ch] = Math.hypot(offset / running, Math.sqrt(variance[ch]) * (1 / running - 1 / sigma));
  }
  return distance;
}

/** Over all channels, by gamma²: root mean square of the difference of outputs over that of gamma. */
export function outputGap({ gamma }: Subject, gap: ArrayLike<number>): number {
  let sum = 0;
  let weights = 0;
  for (let ch = 0; ch < gap.length; ch++) {
    const weight = gamma === null ? 1 : gamma[ch] ** 2;
    if (weight === 0) continue;
    sum += weight * gap[ch] ** 2;
    weights += weight;
  }
  return weights === 0 ? 0 : Math.sqrt(sum / weights);
}
