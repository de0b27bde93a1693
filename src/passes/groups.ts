/**
 * Groups of neighbouring channels that share mean and variance: their statistics, and the sums for their gradient. Both
 * come from those of the channels, so that kernels, ranks and masks know nothing of groups.
 */
import { type MomentArrays, mergeMoments, newMoments, reciprocalDeviation } from '../channels/moment-arrays.js';
import { type Affine, type GradientSumArrays, RECORD } from '../kernels.js';
import { carried, isExact, momentsOfRecords } from './exact.js';

/**
 * The moments of each channel's group, count being that of all its values; those of the channels where there are no
 * groups. Channels are merged in their order: docs/numerics.md, section 3.
 */
export function groupedMoments(batch: MomentArrays, groups: number | null): MomentArrays {
  const channels = batch.mean.length;
  if (groups === null || channels === 0) return batch;
  const of = isExact(batch) ? mergedRecords(batch.count, batch.records, groups) : mergedChannels(batch, groups);
  const size = channels / groups;
  const spread = (values: Float64Array) => Float64Array.from(batch.mean, (_, ch) => values[Math.floor(ch / size)]);
  return { count: spread(of.count), mean: spread(of.mean), variance: spread(of.variance) };
}

/** [groups] each. */
function mergedChannels({ count, mean, variance }: MomentArrays, groups: number): MomentArrays {
  const merged = newMoments(groups);
  const size = mean.length / groups;
  for (let place = 0; place < size; place++) {
    const every = (values: Float64Array) => Float64Array.from({ length: groups }, (_, g) => values[g * size + place]);
    mergeMoments(merged, { count: every(count), mean: every(mean), variance: every(variance) });
  }
  return merged;
}

/** Exact sums add, in any order. [groups] each. */
function mergedRecords(count: Float64Array, records: Float64Array, groups: number): MomentArrays {
  const size = count.length / groups;
  const counts = new Float64Array(groups);
  const sums = new Float64Array(groups * RECORD.numbers);
  for (let ch = 0; ch < count.length; ch++) {
    const group = Math.floor(ch / size);
    counts[group] += count[ch];
    for (let i = 0; i < RECORD.numbers; i++) {
      sums[group * RECORD.numbers + i] += records[ch * RECORD.numbers + i];
    }
  }
  return momentsOfRecords(counts, carried(sums));
}

/** Σ gamma·g and Σ gamma·g·(x − mean) of each channel's group, channels in their order, in float64. */
export function groupedSums(
  { sumDy, sumDyDeviation }: GradientSumArrays,
  gamma: ArrayLike<number> | null,
  groups: number,
): GradientSumArrays {
  const size = sumDy.length / groups;
  const together = (sums: Float64Array) => {
    const totals = new Float64Array(groups);
    sums.forEach((sum, ch) => {
      totals[Math.floor(ch / size)] += (gamma === null ? 1 : gamma[ch]) * sum;
    });
    return sums.map((_, ch) => totals[Math.floor(ch / size)]);
  };
  return { sumDy: together(sumDy), sumDyDeviation: together(sumDyDeviation) };
}

/**
 * What makes kernels take the share of the statistics off h = gamma·rstd·g, as if h were dy of a layer of variance 1:
 *
 *     dx = h − (x − mean)·rstd³·Σ gamma·g·(x − mean)/count − rstd·Σ gamma·g/count
 */
export function shareOfStatistics(
  { mean, variance, epsilon }: Affine,
  { sumDy, sumDyDeviation }: GradientSumArrays,
): { readonly affine: Affine; readonly sums: GradientSumArrays } {
  const rstd = variance.map((value) => reciprocalDeviation(value + epsilon));
  const affine = { mean, variance: rstd.map(() => 1), gamma: null, beta: null, epsilon: 0 };
  const sums = {
    sumDy: sumDy.map((sum, ch) => rstd[ch] * sum),
    sumDyDeviation: sumDyDeviation.map((sum, ch) => rstd[ch] * rstd[ch] * rstd[ch] * sum),
  };
  return { affine, sums };
}
