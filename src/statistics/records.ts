/** Exact sums as data that JSON keeps, and what Moments and GradientSums of two kinds of sums say of each other. */
import { decodeNumbers, encodeNumbers, type JsonNumber } from '../arguments/json-numbers.js';
import { expected, wrongValue } from '../arguments/messages.js';
import { RECORD } from '../kernels.js';
import type { Summation } from '../passes/exact.js';
import { integerOf } from '../reference/limbs.js';

const LIMB = 2 ** 32;
/** Counts of values up to this are exact in sums. */
const MOST_VALUES = 2 ** 40;

/** One list of integers, 35 for each channel. Equal sums are equal lists. */
export function encodeRecords(records: Float64Array): JsonNumber[] {
  return encodeNumbers(records);
}

/** @throws TypeError, RangeError naming the number that no exact sum has */
export function decodeRecords(call: string, saved: unknown, channels: number): Float64Array {
  const records = decodeNumbers(call, 'sums', saved, channels * RECORD.numbers, `${RECORD.numbers} for each channel`);
  records.forEach((value, i) => {
    const wanted = wantedAt(i % RECORD.numbers);
    if (!(Number.isInteger(value) && value >= wanted.from && value < wanted.end)) {
      throw wrongValue(call, `sums[${i}]`, `an integer from ${wanted.from} to ${wanted.end - 1}`, value);
    }
  });
  return records;
}

/** @throws RangeError where an exact sum cannot be of so many values */
export function checkExactCount(call: string, name: string, count: number): void {
  const wanted = `an integer from 0 to 2^40 with summation: 'exact'`;
  if (!(Number.isInteger(count) && count >= 0 && count <= MOST_VALUES)) throw wrongValue(call, name, wanted, count);
}

/** @throws RangeError where no values have such a count, sum and sum of squares: (Σ x)² ≤ m·Σ x² */
export function checkPossible(call: string, count: Float64Array, records: Float64Array): void {
  const { first, second, numbers } = RECORD;
  count.forEach((m, ch) => {
    const at = ch * numbers;
    const sum = integerOf(records, at + first.at, first.limbs);
    const squares = integerOf(records, at + second.at, second.limbs);
    const odd = [0, 1, 2].map((k) => records[at + first.counts + k]);
    const finite = m - odd[0] - odd[1] - odd[2];
    if (finite >= 0 && sum * sum <= BigInt(finite) * squares) return;
    throw wrongValue(call, `count[${ch}]`, 'as many values as such sums may be of', m);
  });
}

function wantedAt(place: number): { readonly from: number; readonly end: number } {
  for (const { at, limbs, counts } of [RECORD.first, RECORD.second]) {
    if (place >= at && place < at + limbs - 1) return { from: 0, end: LIMB };
    if (place === at + limbs - 1) return { from: -LIMB / 2, end: LIMB / 2 };
    if (place >= counts && place < counts + 3) return { from: 0, end: MOST_VALUES + 1 };
  }
  return { from: 0, end: 1 };
}

/** @throws RangeError naming both */
export function refuseOtherSummation(call: string, own: Summation, other: Summation): void {
  if (own === other) return;
  throw new RangeError(expected(call, 'other.summation', `'${own}', as here`, `'${other}'`));
}

/** Own properties of what was saved. */
interface Saved {
  readonly format?: unknown;
  readonly summation?: unknown;
}

/** Saved data of an earlier format as this one has it, with what that one lacked. */
export function upgraded(
  json: Saved,
  earlier: string,
  format: string,
  added: object = { summation: 'ordered' },
): Saved {
  return json.format === earlier && !('summation' in json) ? { ...json, ...added, format } : json;
}
