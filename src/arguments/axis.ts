/** The axis of the channels, or several that lie side by side. */
import { describe, expected, list, wrongKind, wrongValue } from './messages.js';

/**
 * The channel axis of a shape, where negative ones count from the end; or several neighbouring ones in any order, such
 * as [1, 2], whose dimensions together are the channels, in the order in which they lie in memory.
 */
export type ChannelAxis = number | readonly number[];

/** The first channel axis, and how many there are. */
export interface Axes {
  readonly first: number;
  readonly count: number;
}

/** @throws TypeError, RangeError where it is no axis of such a shape */
export function readAxis(call: string, axis: number | undefined, rank: number): number {
  const asked = axis === undefined ? 1 : axis;
  if (typeof asked !== 'number') throw wrongKind(call, 'axis', 'an integer', asked);
  const at = asked < 0 ? asked + rank : asked;
  if (Number.isInteger(at) && at >= 0 && at < rank) return at;
  if (rank === 0) throw wrongValue(call, 'shape', 'at least one dimension, that of the channels', []);
  const unsaid = axis === undefined ? ' (the default)' : '';
  throw new RangeError(expected(call, 'axis', wantedIn(rank), describe(asked) + unsaid));
}

function wantedIn(rank: number): string {
  return `an integer from ${-rank} to ${rank - 1} (rank ${rank})`;
}

/** @throws TypeError, RangeError where they are no axes of such a shape, or do not lie side by side */
export function readAxes(call: string, axes: readonly number[], rank: number): Axes {
  const asked = checkAxis(call, 'axis', axes) as readonly number[];
  const places = asked.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const [first] = places;
  if (!(first >= 0 && places[places.length - 1] < rank)) {
    throw new RangeError(expected(call, 'axis', `integers from ${-rank} to ${rank - 1} (rank ${rank})`, list(asked)));
  }
  if (places.some((place, i) => place !== first + i)) {
    const advice = 'transpose the tensor, so that its channels are on axes side by side';
    throw new RangeError(`${expected(call, 'axis', 'neighbouring axes, such as [1, 2]', list(asked))}; ${advice}`);
  }
  return { first, count: places.length };
}

/**
 * The axis of a layer, whose shapes are yet to come: an integer, or a frozen copy of a list.
 *
 * @throws TypeError, RangeError where it is neither
 */
export function checkAxis(call: string, name: string, axis: ChannelAxis): ChannelAxis {
  if (!Array.isArray(axis)) {
    if (typeof axis !== 'number') throw wrongKind(call, name, 'an integer', axis);
    if (!Number.isSafeInteger(axis)) throw wrongValue(call, name, 'an integer', axis);
    return axis;
  }
  const axes: readonly number[] = Object.freeze(Array.from(axis as readonly number[]));
  if (axes.length === 0) throw wrongValue(call, name, 'at least one axis', axes);
  for (const [i, each] of axes.entries()) {
    if (typeof each !== 'number') throw wrongKind(call, `${name}[${i}]`, 'an integer', each);
    if (!Number.isSafeInteger(each)) throw wrongValue(call, `${name}[${i}]`, 'an integer', each);
  }
  return axes;
}

/** Whether the channels are on the first axis of such a shape, where samples are as a rule. */
export function isFirst(axis: ChannelAxis, rank: number): boolean {
  return [axis].flat().some((each) => each === 0 || each + rank === 0);
}
