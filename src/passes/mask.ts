/**
 * Masks choose positions; they do not multiply. What is chosen is gathered into a batch of its own, on which the same
 * kernels work, so that a masked position cannot be seen by anything, whatever lies there.
 */
import { expected, list, wrongKind, wrongValue } from '../arguments/messages.js';
import { kindOf } from '../arguments/typed-arrays.js';
import type { View } from '../kernels.js';
import { newPositions, Selection } from './selection.js';
import { weightsOf } from './weights.js';

/** One value for each position: 0 or false takes no part, 1 or true does, any other number > 0 does by its weight. */
export type Mask = ArrayLike<number | boolean>;

const WANTED = '0, 1 or a finite weight >= 0';

/**
 * null where all positions take part, with weights of 1: without a mask, too. Each element is read once; nothing of the
 * mask is looked at later.
 *
 * @throws TypeError where it is no array of numbers, true and false; RangeError where its length is not that of the
 *   shape without the channels, or a value is no weight
 */
export function readMask(call: string, mask: Mask | undefined, shape: readonly number[], view: View): Selection | null {
  if (mask === undefined) return null;
  const whole = view.n * view.s;
  checkLength(call, mask, whole, shape);
  const given = numbersOf(call, mask, whole);
  const chosen = countChosen(call, given);
  const isWeighted = chosen < 0;
  const count = isWeighted ? -1 - chosen : chosen;
  if (!isWeighted && count === whole) return null;
  const positions = newPositions(count, whole);
  if (!isWeighted) {
    // Without a branch: the next one that is chosen overwrites one that is not.
    for (let position = 0, row = 0; row < count; row += given[position++]) positions[row] = position;
    return new Selection(positions, view, null);
  }
  for (let position = 0, row = 0; row < count; position++) if (given[position] > 0) positions[row++] = position;
  const each = new Float64Array(count);
  for (let row = 0; row < count; row++) each[row] = given[positions[row]];
  const weights = weightsOf(each);
  if (weights.total === Infinity) throw wrongValue(call, 'mask', 'weights with a finite sum', Infinity);
  return new Selection(positions, view, weights);
}

/**
 * The elements as numbers, in an array of one of two kinds, so that the loops over it are compiled for these: an
 * element of whatever the caller has takes ten times as long to read.
 */
function numbersOf(call: string, mask: Mask, whole: number): Uint8Array | Float64Array {
  const kind = kindOf(mask);
  if (kind === 'Uint8Array') return mask as Uint8Array;
  if (kind !== undefined && !kind.startsWith('Big')) return new Float64Array(mask as Float64Array);
  const numbers = new Float64Array(whole);
  for (let position = 0; position < whole; position++) {
    const element = mask[position];
    if (typeof element === 'number') numbers[position] = element;
    else if (typeof element === 'boolean') numbers[position] = element ? 1 : 0;
    else throw wrongKind(call, `mask[${position}]`, WANTED, element);
  }
  return numbers;
}

/** How many positions take part; −1 − that many where there are weights other than 1. */
function countChosen(call: string, mask: Uint8Array | Float64Array): number {
  const ones = countOnes(mask);
  if (ones >= 0) return ones;
  let chosen = 0;
  for (let position = 0; position < mask.length; position++) {
    const weight = mask[position];
    if (weight > 0 && weight < Infinity) chosen++;
    else if (weight !== 0) throw wrongValue(call, `mask[${position}]`, WANTED, weight);
  }
  return -1 - chosen;
}

/**
 * How many are 1, or −1 where any is neither 0 nor 1. No branches: what a processor cannot foretell costs most of the
 * time.
 */
function countOnes(mask: Uint8Array | Float64Array): number {
  let ones = 0;
  let others = 0;
  for (let position = 0; position < mask.length; position++) {
    const weight = mask[position];
    ones += weight;
    others += Math.abs(weight * (1 - weight));
  }
  return others === 0 ? ones : -1;
}

function checkLength(call: string, mask: Mask, whole: number, shape: readonly number[]): void {
  const length = typeof mask === 'object' && mask !== null ? mask.length : undefined;
  if (typeof length !== 'number') throw wrongKind(call, 'mask', 'an array of 0, 1 or weights', mask);
  if (length === whole) return;
  const wanted = `one value for each of ${whole} positions (shape ${list(shape)} without its channels)`;
  throw new RangeError(expected(call, 'mask', wanted, `length ${length}`));
}
