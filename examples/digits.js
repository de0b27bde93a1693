// The handwritten digits that come with this package, for the other programs here.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/**
 * 1,797 digits, each 64 pixels from 0 (paper) to 1 (ink) and its label, in an order that is the same every time.
 * The file has them writer by writer; here they are shuffled, so that any part is like the whole.
 *
 * @returns {{ pixels: number[], label: number }[]}
 */
export function readDigits() {
  const file = new URL('data/digits/digits.csv.gz', import.meta.resolve('batchnorm/package.json'));
  const rows = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  const digits = rows.map((row) => {
    const values = row.split(',').map(Number);
    return { pixels: values.slice(0, 64).map((pixel) => pixel / 16), label: values[64] };
  });
  return shuffle(digits, uniform(1));
}

/**
 * Numbers from 0 to below 1, the same for the same seed.
 *
 * @param {number} seed
 */
export function uniform(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * In place (Fisher and Yates).
 *
 * @template T
 * @param {T[]} items
 * @param {() => number} random
 */
export function shuffle(items, random) {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}
