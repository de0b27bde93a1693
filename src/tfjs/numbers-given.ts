/** The numbers of a configuration, in every form in which TensorFlow.js' layer takes them. */
import type { serialization } from '@tensorflow/tfjs-core';
import type { ChannelAxis } from '../arguments/axis.js';
import { wrongKind, wrongValue } from '../arguments/messages.js';

/** The numbers as they were given: TensorFlow.js' layer keeps them so, and writes them into files. */
export type Given = Record<keyof Numbers, serialization.ConfigDictValue>;

export interface Numbers {
  /** A list where there are several. */
  readonly axis: ChannelAxis;
  readonly momentum: number;
  readonly epsilon: number;
}

/**
 * The numbers that are meant. The original indexes and reckons with what it is given, so that lists of one (tf.keras 2
 * writes `"axis": [3]`) and strings of digits work there, and do here; so do true and false for 1 and 0, except as an
 * axis.
 *
 * @param layer its name
 * @throws TypeError, RangeError where a value is of no use
 */
export function readNumbers(layer: string, given: Given): Numbers {
  const call = `layer "${layer}"`;
  return {
    axis: readAxis(call, given.axis),
    momentum: readNumber(call, 'momentum', given.momentum, 'a number from 0 to 1', 1),
    epsilon: readNumber(call, 'epsilon', given.epsilon, 'a finite number >= 0', Number.MAX_VALUE),
  };
}

function readAxis(call: string, given: unknown): ChannelAxis {
  const wanted = 'an integer, or a list of integers';
  if (Array.isArray(given) && given.length === 0) throw wrongValue(call, 'axis', wanted, given);
  if (Array.isArray(given) && given.length > 1) return given.map((each) => readOneAxis(call, each, wanted));
  return readOneAxis(call, given, wanted);
}

function readOneAxis(call: string, given: unknown, wanted: string): number {
  const axis = numberIn(given);
  if (axis === undefined) throw wrongKind(call, 'axis', wanted, given);
  if (!Number.isSafeInteger(axis)) throw wrongValue(call, 'axis', wanted, given);
  return axis;
}

function readNumber(call: string, name: string, given: unknown, wanted: string, most: number): number {
  const value = typeof given === 'boolean' ? Number(given) : numberIn(given);
  if (value === undefined) throw wrongKind(call, name, wanted, given);
  if (!(value >= 0 && value <= most)) throw wrongValue(call, name, wanted, given);
  return value;
}

/** A number, a string that is one, or a list of one of these; undefined for the rest. */
function numberIn(given: unknown): number | undefined {
  if (typeof given === 'number') return given;
  if (typeof given === 'string') return given.trim() === '' ? undefined : Number(given);
  return Array.isArray(given) && given.length === 1 ? numberIn(given[0]) : undefined;
}
