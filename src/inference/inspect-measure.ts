/** Measurements of a layer's input: mean, variance, and how far to trust them. */
import type { View } from '../kernels.js';
import type { Tensor } from '../types.js';

/** Measurements of x per channel, [c] each. */
export interface Measured {
  /** Values behind each mean and variance, m: those of a channel, or of its group. */
  readonly values: number;
  /** Values of each channel, whose least and most are `least` and `most`. */
  readonly valuesOfChannel: number;
  /** Samples, K. The values of one (the pixels of an image) depend on each other; samples do not. */
  readonly samples: number;
  readonly mean: Float64Array;
  /** Population variance. */
  readonly variance: Float64Array;
  /** Standard errors of the two, from their scatter over the samples. NaN for one sample. */
  readonly meanError: Float64Array;
  readonly varianceError: Float64Array;
  readonly least: Float64Array;
  readonly most: Float64Array;
}

/** How x lies in memory: value (sample, ch, position) at sample·perSample + ch·perChannel + row·perRow + column. */
interface Walk {
  readonly samples: number;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  readonly perSample: number;
  readonly perChannel: number;
  readonly perRow: number;
}

/**
 * @param samples the first dimension, or null where the channels are there: then every value stands for itself
 */
export function measure(x: Tensor, { n, c, s }: View, samples: number | null): Measured {
  const walk: Walk =
    samples === null
      ? { samples: s, channels: c, rows: 1, columns: 1, perSample: 1, perChannel: s, perRow: 0 }
      : {
          ...{ samples, channels: c, rows: n / samples, columns: s },
          ...{ perSample: x.length / samples, perChannel: s, perRow: c * s },
        };
  const values = n * s;
  const first = sums(x, walk, values);
  return { values, valuesOfChannel: values, samples: walk.samples, ...first, ...scatter(x, walk, first.mean) };
}

/** As {@link measure}, where groups of channels share mean and variance: each channel has those of its group. */
export function measureGroups(x: Tensor, view: View, samples: number | null, groups: number | null): Measured {
  const own = measure(x, view, samples);
  if (groups === null) return own;
  const size = view.c / groups;
  const { values, mean, variance, meanError, varianceError } = measure(
    x,
    { n: view.n, c: groups, s: view.s * size },
    samples,
  );
  const spread = (numbers: Float64Array) => own.mean.map((_, ch) => numbers[Math.floor(ch / size)]);
  const together = { mean: spread(mean), variance: spread(variance) };
  return { ...own, values, ...together, meanError: spread(meanError), varianceError: spread(varianceError) };
}

function sums(x: Tensor, walk: Walk, values: number) {
  const mean = new Float64Array(walk.channels);
  const least = new Float64Array(walk.channels).fill(Infinity);
  const most = new Float64Array(walk.channels).fill(-Infinity);
  each(x, walk, (value, ch) => {
    mean[ch] += value / values;
    if (value < least[ch]) least[ch] = value;
    if (value > most[ch]) most[ch] = value;
  });
  return { mean, least, most };
}

/**
 * Variance and standard errors. With the sums dₖ = Σ(x − mean) and qₖ = Σ(x − mean)² of each of K samples of L values:
 *
 *     error of the mean      √(Σdₖ² / (K·(K − 1))) / L
 *     error of the variance  √((Σqₖ² − (Σqₖ)²/K) / (K·(K − 1))) / L
 */
function scatter(x: Tensor, walk: Walk, mean: Float64Array) {
  const { samples, channels, rows, columns } = walk;
  const [d, q, dd, qq, total] = Array.from({ length: 5 }, () => new Float64Array(channels));
  each(
    x,
    walk,
    (value, ch) => {
      const deviation = value - mean[ch];
      d[ch] += deviation;
      q[ch] += deviation * deviation;
    },
    () => {
      for (let ch = 0; ch < channels; ch++) {
        dd[ch] += d[ch] ** 2;
        qq[ch] += q[ch] ** 2;
        total[ch] += q[ch];
      }
      d.fill(0);
      q.fill(0);
    },
  );
  const length = rows * columns;
  const error = (squares: number) => Math.sqrt(Math.max(0, squares) / (samples * (samples - 1))) / length;
  return {
    variance: total.map((sum) => sum / (samples * length)),
    meanError: dd.map(error),
    varianceError: qq.map((squares, ch) => error(squares - total[ch] ** 2 / samples)),
  };
}

function each(x: Tensor, walk: Walk, take: (value: number, ch: number) => void, endSample?: () => void): void {
  const { samples, channels, rows, columns, perSample, perChannel, perRow } = walk;
  for (let sample = 0; sample < samples; sample++) {
    for (let row = 0; row < rows; row++) {
      for (let ch = 0; ch < channels; ch++) {
        const start = sample * perSample + row * perRow + ch * perChannel;
        for (let column = 0; column < columns; column++) take(x[start + column], ch);
      }
    }
    endSample?.();
  }
}
