/** Moments as plain data. */
import { decodeNumbers, encodeNumbers, type JsonNumber } from '../arguments/json-numbers.js';
import { wrongValue } from '../arguments/messages.js';
import { nameSet, readFields, readOwn } from '../arguments/options.js';
import { checkCount, checkSize, checkVariance } from '../arguments/validate.js';
import type { MomentArrays } from '../channels/moment-arrays.js';
import { checkSummation, isExact, momentsOfRecords, type Summation } from '../passes/exact.js';
import { checkExactCount, checkPossible, decodeRecords, encodeRecords, upgraded } from './records.js';

/**
 * `Moments` as plain data: what `toJSON` gives and `fromJSON` takes; `summation` decides which arrays there are.
 */
export type MomentsJSON = OrderedMomentsJSON | ExactMomentsJSON;

interface MomentsJSONHead {
  format: 'batchnorm-moments/2';
  channels: number;
  /** Values seen per channel, [channels]. */
  count: JsonNumber[];
}

/** {@link MomentsJSON} of `summation: 'ordered'`. */
export interface OrderedMomentsJSON extends MomentsJSONHead {
  summation: 'ordered';
  /** [channels], 'NaN' where count is 0. */
  mean: JsonNumber[];
  /** Population variance, [channels], 'NaN' where count is 0. */
  variance: JsonNumber[];
}

/** {@link MomentsJSON} of `summation: 'exact'`. */
export interface ExactMomentsJSON extends MomentsJSONHead {
  summation: 'exact';
  /** The exact sums, 35 integers for each channel: docs/numerics.md, section 10. */
  sums: JsonNumber[];
}

const FORMAT = 'batchnorm-moments/2';
/** Has no `summation`, which was 'ordered'. */
const EARLIER = 'batchnorm-moments/1';
const FIELDS = {
  ordered: /* @__PURE__ */ nameSet('format channels summation count mean variance'),
  exact: /* @__PURE__ */ nameSet('format channels summation count sums'),
};

export function encodeMoments(moments: MomentArrays): MomentsJSON {
  const { count, mean, variance } = moments;
  const head = { format: FORMAT, channels: count.length } as const;
  const counts = encodeNumbers(count);
  if (isExact(moments)) return { ...head, summation: 'exact', count: counts, sums: encodeRecords(moments.records) };
  const ordered = { mean: encodeNumbers(mean), variance: encodeNumbers(variance) };
  return { ...head, summation: 'ordered', count: counts, ...ordered };
}

/** @throws TypeError, RangeError naming the field that is missing, unknown or wrong */
export function decodeMoments(call: string, json: unknown): MomentArrays {
  const given = upgraded(readOwn(call, 'json', json as object), EARLIER, FORMAT);
  const isOfExact = given.summation === 'exact';
  const fields = readFields(call, 'json', given, FORMAT, isOfExact ? FIELDS.exact : FIELDS.ordered);
  checkSummation(call, fields.summation as Summation);
  const channels = fields.channels as number;
  checkSize(call, 'channels', channels);
  const count = decodeNumbers(call, 'count', fields.count, channels);
  count.forEach((value, ch) => {
    checkCount(call, `count[${ch}]`, value);
  });
  return isOfExact ? exactMoments(call, count, fields.sums) : orderedMoments(call, count, fields);
}

function exactMoments(call: string, count: Float64Array, sums: unknown): MomentArrays {
  count.forEach((value, ch) => {
    checkExactCount(call, `count[${ch}]`, value);
  });
  const records = decodeRecords(call, sums, count.length);
  checkPossible(call, count, records);
  return momentsOfRecords(count, records);
}

function orderedMoments(
  call: string,
  count: Float64Array,
  fields: { readonly mean?: unknown; readonly variance?: unknown },
): MomentArrays {
  const mean = decodeNumbers(call, 'mean', fields.mean, count.length);
  const variance = decodeNumbers(call, 'variance', fields.variance, count.length);
  checkVariance(call, 'variance', variance);
  count.forEach((value, ch) => {
    if (value > 0) return;
    for (const [name, values] of Object.entries({ mean, variance })) {
      if (!Number.isNaN(values[ch])) throw wrongValue(call, `${name}[${ch}]`, "'NaN' where count is 0", values[ch]);
    }
  });
  return { count, mean, variance };
}
