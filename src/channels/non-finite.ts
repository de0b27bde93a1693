/** Batches with NaN or Infinity in them: which channels, and what is to be done. */
import { environmentError } from '../arguments/errors.js';
import type { MomentArrays } from './moment-arrays.js';

type Statistics = Pick<MomentArrays, 'mean' | 'variance'>;

/** The channels whose mean or variance is not a finite number: one value that is not makes the variance NaN. */
export function nonFiniteChannels({ mean, variance }: Statistics): number[] {
  const channels: number[] = [];
  for (let ch = 0; ch < mean.length; ch++) {
    if (!(Number.isFinite(mean[ch]) && Number.isFinite(variance[ch]))) channels.push(ch);
  }
  return channels;
}

/** More are counted, not named. */
const NAMED = 8;

/**
 * Refuses statistics in which something is not finite. An infinite variance about a finite mean is one of finite
 * numbers.
 *
 * @throws Error with code ERR_BATCHNORM_NON_FINITE, naming the channels, if there are any
 */
export function refuseNonFinite(call: string, name: string, batches: readonly Statistics[]): void {
  const channels = channelsOf(batches, () => true);
  if (channels.length === 0) return;
  const bad = channelsOf(
    batches,
    ({ mean, variance }, ch) => !(Number.isFinite(mean[ch]) && variance[ch] === Infinity),
  );
  const what =
    bad.length > 0
      ? `expected finite numbers, got NaN or Infinity in ${named(bad)}`
      : `expected numbers whose variance float64 can hold, got a variance above 1.79e308 in ${named(channels)}`;
  throw environmentError(
    'ERR_BATCHNORM_NON_FINITE',
    `${call}: "${name}" ${what}; ` +
      "onNonFinite: 'skip' keeps such batches out of the running statistics, 'propagate' lets them in",
  );
}

/** The channels that are not finite and of such a kind in some batch, in order. */
function channelsOf(batches: readonly Statistics[], isSuch: (batch: Statistics, ch: number) => boolean): number[] {
  const all = batches.flatMap((batch) => nonFiniteChannels(batch).filter((ch) => isSuch(batch, ch)));
  return [...new Set(all)].sort((a, b) => a - b);
}

function named(channels: readonly number[]): string {
  const more = channels.length > NAMED ? ` and ${channels.length - NAMED} more` : '';
  return `${channels.length === 1 ? 'channel' : 'channels'} ${channels.slice(0, NAMED).join(', ')}${more}`;
}
