/** Comparisons that say where two arrays differ, and that NaN fails. */
import type { Tensor } from 'batchnorm';
import * as assert from 'uvu/assert';
import { firstDifference } from './tensors.js';

/** To the bit; any NaN equals any NaN. */
export function same(actual: Tensor | null, expected: Tensor | null, what: string): void {
  if (actual === null || expected === null) assert.is(actual, expected, what);
  else {
    const k = firstDifference(actual, expected);
    if (k !== -1) assert.unreachable(`${what}[${k}] is ${actual[k]}, not ${expected[k]}`);
  }
}

/** |actual − expected| ≤ tolerance·max(1, |expected|) everywhere. */
export function near(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  for (let k = 0; k < expected.length; k++) {
    const error = Math.abs(actual[k] - expected[k]);
    if (!(error <= tolerance * Math.max(1, Math.abs(expected[k])))) {
      assert.unreachable(`${what}[${k}] is ${actual[k]}, not ${expected[k]}`);
    }
  }
}
