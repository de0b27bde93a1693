/** Checks of the numbers of a layer by themselves. */
import { channelsWhere, type Found, figure, ofChannels } from './inspect-finding.js';
import type { Subject } from './inspect-subject.js';

/** A gamma this much smaller than the largest one of its layer counts as 0. */
const SMALL_GAMMA = 1e-3;

export function checkParameters(subject: Subject): Found[] {
  return [...nonFinite(subject), ...negativeVariance(subject), ...zeroVariance(subject), ...zeroGamma(subject)];
}

function nonFinite({ channels: total, gamma, beta, runningMean, runningVariance, ...seen }: Subject): Found[] {
  const arrays = { gamma, beta, runningMean, runningVariance };
  const found: Found[] = [];
  const flag = (what: string, channels: readonly number[], severity: Found['severity'], advice: string) => {
    if (channels.length === 0) return;
    const message = `${what} NaN or infinite in ${ofChannels(channels, total)}`;
    const means = 'One value that is not finite makes everything that comes from its channel NaN or infinite.';
    const numbers = { channels: channels.length };
    found.push({ kind: 'non-finite', severity, channels: [...channels], numbers, message, means, advice });
  };
  const repair =
    'Look for the first batch with such values (nonFiniteChannels after a forward tells), load an earlier ' +
    'state, and train with ' +
    "onNonFinite: 'skip' or 'throw', which keep such batches out of the running statistics.";
  for (const [name, values] of Object.entries(arrays)) {
    const channels = channelsWhere(total, (ch) => values !== null && !Number.isFinite(values[ch]));
    flag(`${name} is`, channels, 'error', repair);
  }
  const { measured, nonFiniteBefore } = seen;
  flag('the last batch was', nonFiniteBefore, 'warning', "onNonFinite: 'throw' stops at the first such batch.");
  if (measured !== null) {
    const { least, most, mean } = measured;
    const isBad = (ch: number) => ![least[ch], most[ch], mean[ch]].every(Number.isFinite);
    flag('x is', channelsWhere(total, isBad), 'error', 'Look at what comes before this layer.');
  }
  return found;
}

function negativeVariance({ channels: total, runningVariance }: Subject): Found[] {
  const channels = channelsWhere(total, (ch) => runningVariance[ch] < 0);
  if (channels.length === 0) return [];
  return [
    {
      ...{ kind: 'negative-variance', severity: 'error', channels },
      numbers: { least: Math.min(...channels.map((ch) => runningVariance[ch])) },
      message: `the running variance is negative in ${ofChannels(channels, total)}`,
      means: 'No batch makes a negative variance: the array was written to, or holds something else.',
      advice:
        'Compare with what the layer was loaded from: mean and variance, or variance and beta, may have been swapped.',
    },
  ];
}

/** Below epsilon: a constant channel comes there, as the start value 1 fades. */
function zeroVariance(subject: Subject): Found[] {
  const { channels: total, runningVariance, epsilon, measured } = subject;
  const isConstant = (ch: number) => measured !== null && measured.least[ch] === measured.most[ch];
  const isSmall = (ch: number) => runningVariance[ch] >= 0 && runningVariance[ch] < epsilon;
  const enough = measured !== null && measured.values > 1;
  const channels = channelsWhere(total, (ch) => isSmall(ch) || runningVariance[ch] === 0 || (enough && isConstant(ch)));
  if (channels.length === 0) return [];
  const least = Math.min(...channels.map((ch) => runningVariance[ch]));
  const shrunk = least > 0 ? Math.sqrt(least / (least + epsilon)) : 0;
  const constant = channels.filter((ch) => enough && isConstant(ch)).length;
  const seen = enough ? `; ${constant === 0 ? 'none' : constant} of them constant in x` : '';
  return [
    {
      ...{ kind: 'zero-variance', severity: 'warning', channels },
      numbers: { leastVariance: least, epsilon, shrunk, ...(enough && { constant }) },
      message:
        `${ofChannels(channels, total)} hardly vary: the least running variance is ${figure(least)}, epsilon ` +
        `${figure(epsilon)}${seen}`,
      means:
        'A channel that is constant gives beta and learns nothing. One that varies by less than epsilon comes ' +
        'out smaller than gamma, down to a factor √(variance/(variance + epsilon)), and noise decides how much.',
      advice:
        'For a constant channel look at what comes before: dead units, or an input that never changes. Where ' +
        'all channels are so small, scale the input up or lower epsilon.',
    },
  ];
}

function zeroGamma({ channels: total, gamma }: Subject): Found[] {
  if (gamma === null) return [];
  const finite = Float64Array.from(gamma).filter(Number.isFinite);
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const channels = channelsWhere(total, (ch) => Math.abs(gamma[ch]) <= SMALL_GAMMA * largest);
  if (channels.length === 0) return [];
  const all = channels.length === total;
  return [
    {
      ...{ kind: 'zero-gamma', severity: all ? 'note' : 'warning', channels },
      numbers: { largestGamma: largest, limit: SMALL_GAMMA * largest },
      message: `gamma is 0, or nearly, in ${ofChannels(channels, total)}; the largest is ${figure(largest)}`,
      means: 'Such a channel gives beta, whatever x is, and sends hardly a gradient back to what comes before.',
      advice: all
        ? 'It is how residual branches are often started. After training it says that the branch does nothing.'
        : 'Weight decay on gamma or a penalty for sparsity does this. Such channels can be pruned; otherwise ' +
          'take gamma out of the decay.',
    },
  ];
}
