/** Gradient sums as plain data. */
import { decodeNumbers, encodeNumbers, type JsonNumber } from '../arguments/json-numbers.js';
import { wrongKind } from '../arguments/messages.js';
import { nameSet, readFields, readOwn } from '../arguments/options.js';
import { checkCount, checkSize } from '../arguments/validate.js';
import type { GradientSumArrays } from '../kernels.js';
import { checkSummation, isExactSums, type Summation, sumsOfRecords } from '../passes/exact.js';
import { checkExactCount, decodeRecords, encodeRecords, upgraded } from './records.js';

/**
 * `GradientSums` as plain data: what `toJSON` gives and `fromJSON` takes; `summation` decides which arrays there
 * are.
 */
export type GradientSumsJSON = OrderedGradientSumsJSON | ExactGradientSumsJSON;

interface GradientSumsJSONHead {
  format: 'batchnorm-gradient-sums/2';
  channels: number;
  /** Values per channel that were added. */
  count: number;
  /** The mean that deviations are from, [channels]; null before anything was added. */
  mean: JsonNumber[] | null;
}

/** {@link GradientSumsJSON} of `summation: 'ordered'`. */
export interface OrderedGradientSumsJSON extends GradientSumsJSONHead {
  summation: 'ordered';
  /** Σ g, [channels]. */
  sumDy: JsonNumber[];
  /** Σ g·(x − mean), [channels]. */
  sumDyDeviation: JsonNumber[];
}

/** {@link GradientSumsJSON} of `summation: 'exact'`. */
export interface ExactGradientSumsJSON extends GradientSumsJSONHead {
  summation: 'exact';
  /** The exact sums, 35 integers for each channel: docs/numerics.md, section 10. */
  sums: JsonNumber[];
}

const FORMAT = 'batchnorm-gradient-sums/2';
/** Has no `summation`, which was 'ordered', and no mean, which nobody knows. */
const EARLIER = 'batchnorm-gradient-sums/1';
const FIELDS = {
  ordered: /* @__PURE__ */ nameSet('format channels summation count mean sumDy sumDyDeviation'),
  exact: /* @__PURE__ */ nameSet('format channels summation count mean sums'),
};

/** What `fromJSON` makes sums of; `sums` is null where nothing was added. */
interface Decoded {
  readonly channels: number;
  readonly summation: Summation;
  readonly count: number;
  readonly mean: Float64Array | null;
  readonly sums: GradientSumArrays | null;
}

export function encodeGradientSums(
  sums: GradientSumArrays,
  count: number,
  mean: Float64Array | null,
): GradientSumsJSON {
  const head = { format: FORMAT, channels: sums.sumDy.length } as const;
  const data = { count, mean: mean && encodeNumbers(mean) };
  if (isExactSums(sums)) return { ...head, summation: 'exact', ...data, sums: encodeRecords(sums.records) };
  const ordered = { sumDy: encodeNumbers(sums.sumDy), sumDyDeviation: encodeNumbers(sums.sumDyDeviation) };
  return { ...head, summation: 'ordered', ...data, ...ordered };
}

/** @throws TypeError, RangeError naming the field that is missing, unknown or wrong */
export function decodeGradientSums(call: string, json: unknown): Decoded {
  const given = upgraded(readOwn(call, 'json', json as object), EARLIER, FORMAT, { summation: 'ordered', mean: null });
  const isOfExact = given.summation === 'exact';
  const fields = readFields(call, 'json', given, FORMAT, isOfExact ? FIELDS.exact : FIELDS.ordered);
  const summation = fields.summation as Summation;
  checkSummation(call, summation);
  const channels = fields.channels as number;
  checkSize(call, 'channels', channels);
  const count = fields.count as number;
  checkCount(call, 'count', count);
  const mean = fields.mean === null ? null : decodeNumbers(call, 'mean', fields.mean, channels);
  const known = { channels, summation, count, mean };
  if (!isOfExact) {
    const sumDy = decodeNumbers(call, 'sumDy', fields.sumDy, channels);
    return {
      ...known,
      sums: { sumDy, sumDyDeviation: decodeNumbers(call, 'sumDyDeviation', fields.sumDyDeviation, channels) },
    };
  }
  checkExactCount(call, 'count', count);
  const records = decodeRecords(call, fields.sums, channels);
  if (mean !== null) return { ...known, sums: sumsOfRecords(records, mean) };
  if (count > 0) throw wrongKind(call, 'mean', `an array of ${channels} numbers where count is not 0`, null);
  return { ...known, sums: null };
}
