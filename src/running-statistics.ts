/** How a layer comes by its running statistics. All of it is float64, and every operation is written out once, here. */
import type { Settings } from './layer-settings.js';
import { wrongValue } from './messages.js';
import type { Moments } from './moments.js';

/** The arrays are written; `batchesTracked` counts the batch already. */
interface Running {
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
  readonly batchesTracked: number;
}

interface BatchStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** running ← (1 − rate)·running + rate·batch, where `m` values per channel made the statistics of the batch. */
export function updateRunning(running: Running, batch: BatchStatistics, settings: Settings, m: number): void {
  const { runningMean, runningVariance, batchesTracked } = running;
  const rate = settings.updateRate === 'cumulative' ? 1 / batchesTracked : settings.updateRate;
  const correction = settings.varianceEstimator === 'unbiased' && m > 1 ? m / (m - 1) : 1;
  for (let ch = 0; ch < runningMean.length; ch++) {
    runningMean[ch] = (1 - rate) * runningMean[ch] + rate * batch.mean[ch];
    runningVariance[ch] = (1 - rate) * runningVariance[ch] + rate * (batch.variance[ch] * correction);
  }
}

/** @throws RangeError where a channel has seen no value */
export function setRunning(
  call: string,
  { runningMean, runningVariance }: Running,
  moments: Moments,
  estimator: Settings['varianceEstimator'],
): void {
  const { count, mean, variance, sampleVariance } = moments;
  const empty = count.indexOf(0);
  if (empty >= 0) throw wrongValue(call, `moments.count[${empty}]`, 'at least one value in each channel', 0);
  runningMean.set(mean);
  for (let ch = 0; ch < runningVariance.length; ch++) {
    runningVariance[ch] = estimator === 'unbiased' && count[ch] > 1 ? sampleVariance[ch] : variance[ch];
  }
}
