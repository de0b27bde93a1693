/**
 * The checks. Each returns quickly where all is well; messages are built only when a call fails. They run before the
 * first write, so that a call that throws leaves outputs and state as they were.
 */

import type { View } from '../kernels.js';
import type { AnyDtype, HalfDtype, Tensor } from '../types.js';
import { type ChannelAxis, readAxes, readAxis } from './axis.js';
import { conversion } from './conversion.js';
import { alternatives, describe, expected, list, wrongKind, wrongValue } from './messages.js';
import {
  type ArrayKind,
  type HalfKind,
  isRevoked,
  isSame,
  isShared,
  isUsable,
  kindOf,
  overlaps,
  type TensorKind,
} from './typed-arrays.js';

export function checkEpsilon(call: string, epsilon: number): void {
  if (typeof epsilon !== 'number') throw wrongKind(call, 'epsilon', 'a number', epsilon);
  if (!(epsilon >= 0 && epsilon < Infinity)) throw wrongValue(call, 'epsilon', 'a finite number >= 0', epsilon);
}

export function checkBoolean(call: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrongKind(call, name, 'true or false', value);
}

/** One of a few strings. */
export function checkChoice(call: string, name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  const wrong = typeof value === 'string' ? wrongValue : wrongKind;
  throw wrong(call, name, alternatives(choices), value);
}

const SINGLE_VALUE = ['throw', 'allow'] as const;

export function checkSingleValue(call: string, singleValue: 'throw' | 'allow'): void {
  checkChoice(call, 'singleValue', singleValue, SINGLE_VALUE);
}

/** A length, a count, a dimension. */
export function checkSize(call: string, name: string, value: number): void {
  if (typeof value !== 'number') throw wrongKind(call, name, 'an integer >= 0', value);
  if (!(Number.isSafeInteger(value) && value >= 0)) throw wrongValue(call, name, 'an integer >= 0', value);
}

/** The most channels of a layer or of statistics: more would be gigabytes of numbers that nobody has asked for. */
const MOST_CHANNELS = 2 ** 26;

export function checkChannelCount(call: string, channels: number): void {
  checkSize(call, 'channels', channels);
  if (channels > MOST_CHANNELS) throw wrongValue(call, 'channels', `at most ${MOST_CHANNELS} channels`, channels);
}

/** How much data was counted, by weights too. */
export function checkCount(call: string, name: string, value: number): void {
  if (typeof value !== 'number') throw wrongKind(call, name, 'a finite number >= 0', value);
  if (!(value >= 0 && value < Infinity)) throw wrongValue(call, name, 'a finite number >= 0', value);
}

/** The shape as (n, c, s) around its channel axis or axes. */
export function readView(call: string, shape: readonly number[], axis: ChannelAxis | undefined): View {
  if (!Array.isArray(shape)) throw wrongKind(call, 'shape', 'an array of dimensions', shape);
  const rank = shape.length;
  const several = typeof axis === 'object' && axis !== null ? readAxes(call, axis, rank) : null;
  const at = several === null ? readAxis(call, axis as number | undefined, rank) : several.first;
  const end = several === null ? at + 1 : at + several.count;
  let n = 1;
  let c = 1;
  let s = 1;
  for (let i = 0; i < rank; i++) {
    const size = shape[i];
    if (!(Number.isSafeInteger(size) && size >= 0)) checkSize(call, `shape[${i}]`, size);
    if (i < at) n *= size;
    else if (i < end) c *= size;
    else s *= size;
  }
  // Statistics of an empty batch have as many numbers as channels, whatever x is.
  if (c > MOST_CHANNELS && n * s === 0) throw wrongValue(call, 'shape', `at most ${MOST_CHANNELS} channels`, c);
  return { n, c, s };
}

/** An array of this kind and length. `of` says what the length is that of, as in 'channels'; a shape is its product. */
export function checkArray(
  call: string,
  name: string,
  value: unknown,
  kind: ArrayKind,
  length: number,
  of: string | readonly number[],
): void {
  if (kindOf(value) !== kind || (value as Tensor).length !== length || length === 0 || isRevoked(value as Tensor)) {
    checkArraySlowly(call, name, value, [kind], length, of);
  }
}

/** Checks an array that may be of any of these kinds. */
function checkArraySlowly(
  call: string,
  name: string,
  value: unknown,
  kinds: readonly ArrayKind[],
  length: number,
  of: string | readonly number[],
): void {
  const kind = kindOf(value);
  const usable = kinds.some((known) => known === kind) && isUsable(value as Tensor);
  if (usable && (value as Tensor).length === length) return;
  const what = typeof of === 'string' ? of : `shape ${list(of)}`;
  const wrong = usable ? wrongValue : wrongKind;
  const error = wrong(call, name, `${kinds.join(' or ')} of length ${length} (${what})`, value);
  const [first] = kinds;
  const isHalf = first === 'Uint16Array' || first === 'Float16Array';
  if (!usable && !isHalf) error.message += conversion(name, value, first, length);
  throw error;
}

const TENSOR_KINDS: readonly TensorKind[] = ['Float32Array', 'Float64Array'];

/** The tensor that decides the kind of all others. */
export function checkTensor(call: string, name: string, x: Tensor, shape: readonly number[], view: View): TensorKind {
  const length = view.n * view.c * view.s;
  const kind = kindOf(x);
  const fits = (kind === 'Float32Array' || kind === 'Float64Array') && x.length === length && length > 0;
  if (!fits || isRevoked(x)) {
    checkArraySlowly(call, name, x, TENSOR_KINDS, length, shape);
  }
  return kind as TensorKind;
}

const HALF_DTYPES = ['float16', 'bfloat16'] as const;

export function isHalf(dtype: AnyDtype): dtype is HalfDtype {
  return dtype === 'float16' || dtype === 'bfloat16';
}

const HALF_KINDS: Readonly<Record<HalfDtype, readonly HalfKind[]>> = {
  float16: ['Uint16Array', 'Float16Array'],
  bfloat16: ['Uint16Array'],
};

/** What the elements of x are, where they have 16 bits: as `dtype` says, or as Float16Array says by itself. */
export function readHalf(call: string, x: unknown, dtype: HalfDtype | undefined): HalfDtype | null {
  if (dtype === undefined) return kindOf(x) === 'Float16Array' ? 'float16' : null;
  checkChoice(call, 'dtype', dtype, HALF_DTYPES);
  return dtype;
}

/** The tensor of 16 bits that decides the kind of all others. */
export function checkHalf(call: string, x: unknown, dtype: HalfDtype, shape: readonly number[], view: View): HalfKind {
  checkArraySlowly(call, 'x', x, HALF_KINDS[dtype], view.n * view.c * view.s, shape);
  return kindOf(x) as HalfKind;
}

/** The layer or the `Moments` has its number of channels already. */
export function checkChannels(call: string, channels: number, shape: readonly number[], view: View): void {
  if (view.c === channels) return;
  const wanted = `${channels} channels on the channel axis`;
  const hint = shape.at(-1) === channels ? '; pass axis: -1 for channels on the last axis' : '';
  throw new RangeError(expected(call, 'shape', wanted, `${view.c} (shape ${list(shape)})${hint}`));
}

/** One value per channel has no variance to normalise by. */
export function refuseSingleValue(call: string, shape: readonly number[], otherwise: string, masked = false): never {
  const wanted = 'more than one value per channel in training';
  const got = `one (shape ${list(shape)}${masked ? ', masked' : ''})`;
  throw new RangeError(
    `${expected(call, 'shape', wanted, got)}; pass singleValue: 'allow' for variance 0 (y = beta), or ${otherwise}`,
  );
}

/** Refuses a single value per channel in a ghost batch, or over all ranks. */
export function refuseSingleGroup(call: string, group: number, groups: number, synchronized: boolean): never {
  const wanted = `more than one value per channel in ${synchronized ? 'all ranks together' : 'each ghost batch'}`;
  const got = synchronized ? 'one' : `one in ghost batch ${group} of 0 to ${groups - 1}`;
  const choose = synchronized
    ? ''
    : "; or choose a ghostBatchSize that leaves no single sample, or grouping: 'interleaved'";
  throw new RangeError(
    `${expected(call, 'shape', wanted, got)}; pass singleValue: 'allow' for variance 0 (y = beta)${choose}`,
  );
}

/** A mean and a variance as the kernels take them; anything but a Float64Array is copied into one. */
export function readStatistics(
  call: string,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  channels: number,
): { mean: Float64Array; variance: Float64Array } {
  const means = readNumbers(call, 'mean', mean, channels);
  const variances = readNumbers(call, 'variance', variance, channels);
  // Elements of a plain array may have getters, which may do anything to an array that was checked before them.
  if (means === mean && variances !== variance) checkArray(call, 'mean', mean, 'Float64Array', channels, 'channels');
  checkVariance(call, 'variance', variances);
  return { mean: means, variance: variances };
}

function readNumbers(call: string, name: string, values: ArrayLike<number>, channels: number): Float64Array {
  if (kindOf(values) === 'Float64Array') {
    checkArray(call, name, values, 'Float64Array', channels, 'channels');
    return values as Float64Array;
  }
  const wanted = `an array of ${channels} numbers (channels)`;
  if (typeof values !== 'object' || values === null || typeof values.length !== 'number') {
    throw wrongKind(call, name, wanted, values);
  }
  if (ArrayBuffer.isView(values) && !isUsable(values)) throw wrongKind(call, name, wanted, values);
  if (values.length !== channels) {
    const known = Array.isArray(values) || ArrayBuffer.isView(values);
    throw new RangeError(expected(call, name, wanted, known ? describe(values) : `length ${values.length}`));
  }
  const copy = new Float64Array(channels);
  for (let ch = 0; ch < channels; ch++) {
    const value = values[ch];
    if (typeof value !== 'number') throw wrongKind(call, `${name}[${ch}]`, 'a number', value);
    copy[ch] = value;
  }
  return copy;
}

/** NaN and Infinity may pass: they stay in their channel. */
export function checkVariance(call: string, name: string, variance: Float64Array, of = 'variance'): void {
  for (let ch = 0; ch < variance.length; ch++) {
    if (variance[ch] < 0) throw wrongValue(call, `${name}[${ch}]`, `a ${of} >= 0`, variance[ch]);
  }
}

type Arrays = Readonly<Record<string, unknown>>;

/**
 * Each output must have memory of its own, apart from `inPlace`: the inputs that an output may be, exactly. Whatever
 * is not a typed array (what was not given, statistics in a plain array) shares no memory.
 */
export function checkOverlap(
  call: string,
  outputs: Arrays,
  inputs: Arrays,
  inPlace: Readonly<Record<string, readonly string[]>>,
): void {
  for (const name in outputs) {
    const output = outputs[name];
    if (!ArrayBuffer.isView(output) || !Object.hasOwn(outputs, name)) continue;
    // Buffers first: they differ as a rule, and V8 takes 30 ns and more for each of these properties.
    const { buffer } = output;
    const mayHaveTwins = isShared(buffer);
    for (const other in inputs) {
      const input = inputs[other];
      if (
        !ArrayBuffer.isView(input) ||
        (input.buffer !== buffer && !mayHaveTwins) ||
        !overlaps(output, input) ||
        !Object.hasOwn(inputs, other)
      )
        continue;
      const allowed = inPlace[name]?.includes(other) ?? false;
      if (!allowed || !isSame(output as Tensor, input as Tensor)) throw overlap(call, name, other, allowed);
    }
    for (const earlier in outputs) {
      if (earlier === name) break;
      const other = outputs[earlier];
      if (!ArrayBuffer.isView(other) || (other.buffer !== buffer && !mayHaveTwins)) continue;
      if (overlaps(other, output)) throw overlap(call, earlier, name, false);
    }
  }
}

function overlap(call: string, output: string, other: string, mayBeSame: boolean): RangeError {
  const wanted = mayBeSame ? `"${other}" itself or memory of its own` : 'memory of its own';
  return new RangeError(expected(call, output, wanted, `an overlap with "${other}"`));
}

/** outResidual where there is no residual to have a gradient. */
export function refuseOrphan(call: string, wanted: string, outResidual: unknown): never {
  throw wrongKind(call, 'outResidual', `nothing without ${wanted}`, outResidual);
}
