/** Batches with NaN or Infinity in them: which channels, and what is to be done. */
import { environmentError } from './errors.js';
import type { MomentArrays } from './moment-arrays.js';

/** The channels whose mean or variance is not a finite number: one value that is not makes the variance NaN. */
export function nonFiniteChannels({ mean, variance }: Pick<MomentArrays, 'mean' | 'variance'>): number[] {
  const channels: number[] = [];
  for (let ch = 0; ch < mean.length; ch++) {
    if (!(Number.isFinite(mean[ch]) && Number.isFinite(variance[ch]))) channels.push(ch);
  }
  return channels;
}

/** More are counted, not named. */
const NAMED = 8;

/** @throws Error with code ERR_BATCHNORM_NON_FINITE, naming the channels, if there are any */
export function refuseNonFinite(call: string, name: string, channels: readonly number[]): void {
  if (channels.length === 0) return;
  const more = channels.length > NAMED ? ` and ${channels.length - NAMED} more` : '';
  const named = `${channels.length === 1 ? 'channel' : 'channels'} ${channels.slice(0, NAMED).join(', ')}${more}`;
  throw environmentError(
    'ERR_BATCHNORM_NON_FINITE',
    `${call}: "${name}" expected finite numbers, got NaN or Infinity in ${named}; ` +
      "onNonFinite: 'skip' keeps such batches out of the running statistics, 'propagate' lets them in",
  );
}
