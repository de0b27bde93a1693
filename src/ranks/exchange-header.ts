/**
 * What every message starts with, so that ranks at different places of the program find out before they mix their
 * numbers.
 */
import { environmentError } from '../arguments/errors.js';
import { describe, expected } from '../arguments/messages.js';
import { checkChoice, checkSize } from '../arguments/validate.js';
import type { ExchangeTag } from './reducer.js';

/** Numbers of a header. */
export const HEADER = 8;

const [FORMAT, KIND, LAYER, CHANNELS, STEP, LENGTH, WAY, SUMMATION] = [0, 1, 2, 3, 4, 5, 6, 7];
/** Changes with the meaning of the numbers. */
const VERSION = 3;
const KINDS = ['forward', 'backward', 'untagged', 'end'] as const;
type Kind = (typeof KINDS)[number];
const WAYS = ['exchange', 'all-reduce'] as const;
export type Way = (typeof WAYS)[number];

/** @throws TypeError, RangeError where it is none: a rank that sends NaN is at no place, not even its own */
export function checkTag(call: string, tag: ExchangeTag | undefined): void {
  if (tag === undefined) return;
  if (typeof tag !== 'object' || tag === null) {
    throw new TypeError(expected(call, 'tag', 'an ExchangeTag or undefined', describe(tag)));
  }
  checkChoice(call, 'tag.pass', tag.pass, ['forward', 'backward']);
  if (tag.summation !== undefined) checkChoice(call, 'tag.summation', tag.summation, ['exact']);
  for (const name of ['layer', 'channels', 'step'] as const) checkSize(call, `tag.${name}`, tag[name]);
}

/** For `length` numbers of each rank. */
export function writeHeader(to: Float64Array, tag: ExchangeTag | undefined, length: number, way: Way): void {
  write(to, tag?.pass ?? 'untagged', tag?.layer ?? 0, tag?.channels ?? 0, tag?.step ?? 0, length, way);
  to[SUMMATION] = tag?.summation === 'exact' ? 1 : 0;
}

/** For the end of the program, which takes the place of an exchange. */
export function writeEnd(to: Float64Array): void {
  write(to, 'end', 0, 0, 0, 0, 'exchange');
}

function write(
  to: Float64Array,
  ...[kind, layer, channels, step, length, way]: [Kind, number, number, number, number, Way]
): void {
  to[FORMAT] = VERSION;
  to[KIND] = KINDS.indexOf(kind);
  to[LAYER] = layer;
  to[CHANNELS] = channels;
  to[STEP] = step;
  to[LENGTH] = length;
  to[WAY] = WAYS.indexOf(way);
  to[SUMMATION] = 0;
}

/** Where ranks are not at the same place; `found` are their {@link differences}. */
export function mismatch(call: string, found: string): Error {
  return environmentError('ERR_BATCHNORM_MISMATCH', `${call}: the ranks are not at the same place: ${found}`);
}

/**
 * Who is where, if not all are at the same place: `ranks 0, 2: ...; rank 1: ...`. null where they are.
 *
 * @param received messages of all ranks, `stride` numbers each
 */
export function differences(received: Float64Array, stride: number): string | null {
  if (areEqual(received, stride)) return null;
  const headers = Array.from({ length: received.length / stride }, (_, rank) => received.subarray(rank * stride));
  const places = new Map<string, number[]>();
  const isMixed = headers.some((header) => header[SUMMATION] !== headers[0][SUMMATION]);
  headers.forEach((header, rank) => {
    const place = describePlace(header, isMixed);
    places.set(place, [...(places.get(place) ?? []), rank]);
  });
  return [...places].map(([place, ranks]) => `${rankNames(ranks)}: ${place}`).join('; ');
}

function areEqual(received: Float64Array, stride: number): boolean {
  for (let start = stride; start < received.length; start += stride) {
    for (let k = 0; k < HEADER; k++) if (received[start + k] !== received[k]) return false;
  }
  return true;
}

export function rankNames(ranks: readonly number[]): string {
  return `${ranks.length === 1 ? 'rank' : 'ranks'} ${ranks.join(', ')}`;
}

/** How many numbers the rank gives. */
export function lengthIn(header: Float64Array): number {
  return header[LENGTH];
}

/**
 * One place, in words: equal for equal headers, and only for these.
 *
 * @param isMixed whether another rank sums in another way, so that ordered sums are to be named, too
 */
export function describePlace(header: Float64Array, isMixed = false): string {
  if (header[FORMAT] !== VERSION) return `another version of batchnorm (${header[FORMAT]})`;
  const kind = KINDS[header[KIND]];
  if (kind === 'end') return 'the end of its program';
  const [numbers, way] = [`${header[LENGTH]} numbers`, WAYS[header[WAY]]];
  if (kind === 'untagged') return `an ${way} of ${numbers}`;
  const sums = header[SUMMATION] === 1 ? ', exact sums' : isMixed ? ', ordered sums' : '';
  const what = `${way === 'exchange' ? numbers : `${way} of ${numbers}`}${sums}`;
  return `${kind} ${header[STEP]} of layer ${header[LAYER]} (${header[CHANNELS]} channels, ${what})`;
}
