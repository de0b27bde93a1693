/** How much of a new batch goes into the averages: a number, or a rule. */
import { wrongKind, wrongValue } from '../arguments/messages.js';

export type UpdateRate = number | 'cumulative' | 'pooled';

const WANTED = "a number from 0 to 1, 'cumulative' or 'pooled'";

/** `updateRate`, or `decay` = 1 − updateRate; at most one of them. */
export function readUpdateRate<R extends UpdateRate>(
  call: string,
  updateRate: R | undefined,
  decay: number | undefined,
  otherwise: number,
  check: (call: string, rate: R) => void,
): R | number {
  if (decay !== undefined) {
    if (updateRate !== undefined) throw wrongKind(call, 'decay', 'nothing beside updateRate (= 1 - decay)', decay);
    checkFraction(call, 'decay', decay, 'a number from 0 to 1');
    return 1 - decay;
  }
  if (updateRate === undefined) return otherwise;
  check(call, updateRate);
  return updateRate;
}

export function checkUpdateRate(call: string, rate: UpdateRate): void {
  if (rate !== 'cumulative' && rate !== 'pooled') checkFraction(call, 'updateRate', rate, WANTED);
}

/** A debiased average is one of a number: the others have no start value to take out. */
export function checkDebias(call: string, debias: boolean, rate: UpdateRate): void {
  if (debias && typeof rate === 'string') {
    throw wrongValue(call, 'updateRate', 'a number, for debias', rate);
  }
}

export function checkFraction(call: string, name: string, value: unknown, wanted: string): void {
  if (typeof value !== 'number') throw (typeof value === 'string' ? wrongValue : wrongKind)(call, name, wanted, value);
  if (!(value >= 0 && value <= 1)) throw wrongValue(call, name, wanted, value);
}
