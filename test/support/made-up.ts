/** Choices that fuzzers make. */
import type { View } from '#dist/kernels.js';
import type { Random } from './random.js';

/** Rows of columns of 1 and 4 KB fall into the same places of the caches; others are rests of every vector. */
const CHANNELS = [1, 2, 3, 7, 8, 16, 17, 31, 32, 64, 65, 100, 128, 256, 257, 320, 512, 768, 1024, 2048];
const ROWS = [1, 1, 1, 1, 2, 3, 5, 9, 15, 16, 17, 49, 64, 196, 513];

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.integer(values.length)];
export const oneIn = (random: Random, n: number): boolean => random.integer(n) === 0;

/** Up to about 2^binades values, of each binade as often: most tensors are small, and all ways are gone. */
export function madeUpView(random: Random, binades: number): View {
  const [c, s] = [pick(random, CHANNELS), pick(random, ROWS)];
  const n = Math.max(1, Math.floor(2 ** (binades * random.uniform()) / (c * s)) + random.integer(3));
  return { n, c, s };
}
