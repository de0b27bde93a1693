/** Findings of an inspection: data for programs, and words for people. */

/** The kind of a {@link Finding}, a word for programs. docs/inference.md has the meaning and the limit of each. */
export type FindingKind =
  | 'count'
  | 'dead-relu'
  | 'negative-variance'
  | 'never-updated'
  | 'noisy-average'
  | 'non-finite'
  | 'output-gap'
  | 'shift'
  | 'small-batch'
  | 'start-values'
  | 'swapped-rate'
  | 'updated-twice'
  | 'updates-missed'
  | 'variance-estimator'
  | 'zero-gamma'
  | 'zero-variance';

/** Something wrong with a layer. */
export interface Finding {
  /** Its name among those that were given. */
  layer: string;
  kind: FindingKind;
  /**
   * 'error': what evaluation gives is of no use. 'warning': it is worse than it has to be. 'note': it may be meant so.
   */
  severity: 'error' | 'warning' | 'note';
  /** The channels that the finding is about; null if it is about the layer as a whole. */
  channels: number[] | null;
  /** Measured numbers, and the limits that they were compared with. */
  numbers: Record<string, number>;
  /** The finding in words and numbers. */
  message: string;
  /** The consequences of the finding. */
  means: string;
  /** Advice on what to do. */
  advice: string;
}

/** A finding before it is known of which layer it is. */
export type Found = Omit<Finding, 'layer'>;

/** Facts about an inspected layer, whether or not something is wrong with it. */
export interface InspectedLayer {
  /** Its name among those that were given. */
  layer: string;
  channels: number;
  /** Number of batches that the running statistics have taken in; 0 if nobody counted. */
  batchesTracked: number;
  /** The weight that the start values (mean 0, variance 1) still have in the running statistics, 0 to 1. */
  startWeight: number;
  /**
   * How many equally weighted batches make an average as precise as this one: (Σw)²/Σw² over the weights w of the
   * batches. At an updateRate r it comes close to (2 − r)/r. null where it is not known how the statistics came about.
   */
  effectiveBatches: number | null;
  /** Values per channel in a batch, m; null where it is not known. */
  valuesPerBatch: number | null;
  /** The largest distance of a running mean from the mean of x, in standard deviations of x; null without x. */
  meanShift: number | null;
  /** The largest |ln(running variance/variance of x)|; null without x. */
  varianceShift: number | null;
  /**
   * Root mean square of the difference between the outputs of evaluation and training on x, over that of gamma; null
   * without x.
   */
  outputGap: number | null;
}

/** More channels are counted, not named. */
const NAMED = 6;

/** "all 3 channels", "2 of 8 channels (1, 5)". */
export function ofChannels(channels: readonly number[], total: number): string {
  if (channels.length === total) return total === 1 ? 'the only channel' : `all ${total} channels`;
  const more = channels.length > NAMED ? ', …' : '';
  return `${channels.length} of ${total} channels (${channels.slice(0, NAMED).join(', ')}${more})`;
}

/** Three digits that count. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The channels for which something is so. */
export function channelsWhere(total: number, isSo: (channel: number) => boolean): number[] {
  return Array.from({ length: total }, (_, ch) => ch).filter(isSo);
}
