/** How much of a new batch goes into the averages: a number, or a rule. */
import { wrongKind, wrongValue } from '../arguments/messages.js';

/**
 * How much of a new batch goes into the running statistics: a number a from 0 to 1, running ← (1 − a)·running +
 * a·batch; or a rule: 'cumulative', the mean over batches, or 'pooled', mean and variance of all values together.
 */
export type UpdateRate = number | 'cumulative' | 'pooled';

const FRACTION = 'a number from 0 to 1';
const RATE = `${FRACTION}, 'cumulative' or 'pooled'`;

/**
 * The rate that was given as `updateRate`, or by the other convention as `decay` = 1 − updateRate; at most one of them.
 */
export function givenRate<R>(
  call: string,
  updateRate: R | undefined,
  decay: number | undefined,
): R | number | undefined {
  if (decay === undefined) return updateRate;
  if (updateRate !== undefined) throw wrongKind(call, 'decay', 'nothing beside updateRate (= 1 - decay)', decay);
  checkFraction(call, 'decay', decay);
  return 1 - decay;
}

export function checkUpdateRate(call: string, name: string, rate: UpdateRate): void {
  if (rate !== 'cumulative' && rate !== 'pooled') checkFraction(call, name, rate, RATE);
}

/** A debiased average is one of a number: the others have no start value to take out. */
export function checkDebias(call: string, debias: boolean, rate: UpdateRate): void {
  if (debias && typeof rate === 'string') {
    throw wrongValue(call, 'updateRate', 'a number, for debias', rate);
  }
}

export function checkFraction(call: string, name: string, value: unknown, wanted = FRACTION): void {
  if (typeof value !== 'number') throw (typeof value === 'string' ? wrongValue : wrongKind)(call, name, wanted, value);
  if (!(value >= 0 && value <= 1)) throw wrongValue(call, name, wanted, value);
}
