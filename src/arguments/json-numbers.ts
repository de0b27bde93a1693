/** Numbers in JSON without loss: what it lacks is written as a string. */
import { describe, expected, wrongKind, wrongValue } from './messages.js';

/** A number as JSON keeps it: what JSON lacks is a string. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity' | '-0';

const SPECIAL: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity, '-0': -0 };
const WANTED = "a number, 'NaN', 'Infinity', '-Infinity' or '-0'";

export function encodeNumbers(values: ArrayLike<number>): JsonNumber[] {
  return Array.from(values, (value) => {
    if (Object.is(value, -0)) return '-0';
    return Number.isFinite(value) ? value : (String(value) as JsonNumber);
  });
}

/** @throws TypeError, RangeError naming the entry that is not such a number, or the wrong length */
export function decodeNumbers(
  call: string,
  name: string,
  values: unknown,
  length: number,
  of = 'channels',
): Float64Array {
  const wanted = `an array of ${length} numbers (${of})`;
  if (!Array.isArray(values)) throw wrongKind(call, name, wanted, values);
  if (values.length !== length) throw new RangeError(expected(call, name, wanted, describe(values)));
  return Float64Array.from(values, (value: unknown, i) => decodeNumber(call, `${name}[${i}]`, value));
}

/** One of them. */
export function decodeNumber(call: string, name: string, value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') throw wrongKind(call, name, WANTED, value);
  if (!Object.hasOwn(SPECIAL, value)) throw wrongValue(call, name, WANTED, value);
  return SPECIAL[value];
}
