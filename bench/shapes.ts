/** The shapes that are timed: (n, c, s) as src/kernels.ts has it, with the layer of a network that they stand for. */
import type { View } from '#dist/kernels.js';

export interface Shape extends View {
  readonly title: string;
}

export const SHAPES: readonly Shape[] = [
  { title: '(32, 64, 56, 56)', n: 32, c: 64, s: 3136 },
  { title: '(32, 56, 56, 64), channels last', n: 100352, c: 64, s: 1 },
  { title: '(32, 256, 14, 14)', n: 32, c: 256, s: 196 },
  { title: '(32, 2048, 7, 7)', n: 32, c: 2048, s: 49 },
  { title: '(64, 100)', n: 64, c: 100, s: 1 },
];
