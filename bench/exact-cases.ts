/** Tensors whose sums bench/exact.ts times: shapes of networks, values of many binades, recorded gradients. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { View } from '#dist/kernels.js';
import { layoutsOf, type ShapeName, viewOf } from './shapes.js';

export interface Case {
  readonly name: string;
  readonly view: View;
  /** Whether only sums are timed, of values that a whole pass would not meet together. */
  readonly isSums: boolean;
  /** Whether gradient sums are about the mean of x, not about 0. */
  readonly isCentred: boolean;
  fill(x: Float32Array, dy: Float32Array): void;
}

/** Eight channels of 4096 values, which the caches hold, with the channels first and last. */
const SMALL: readonly (readonly [string, View])[] = [
  ['first', { n: 64, c: 8, s: 64 }],
  ['last', { n: 4096, c: 8, s: 1 }],
];
/** Layers whose inputs and gradients are in a folder: x-layer1.f32, dy-layer1.f32, …, with the channels first. */
const LAYERS = [1, 2, 3];

/** Uniform in [0, 1). */
function uniform(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Nearly normal, by the sum of four uniform numbers. */
function normal(seed: number): () => number {
  const next = uniform(seed);
  return () => (next() + next() + next() + next() - 2) * 1.7;
}

export function shapes(names: readonly ShapeName[]): Case[] {
  return names.flatMap((shape) =>
    layoutsOf(shape).map((layout) => ({
      name: `${shape} ${layout}`,
      view: viewOf(shape, layout),
      isSums: false,
      isCentred: true,
      fill: (x: Float32Array, dy: Float32Array) => {
        const [nextX, nextDy] = [normal(1), normal(2)];
        for (let k = 0; k < x.length; k++) {
          x[k] = nextX();
          dy[k] = nextDy();
        }
      },
    })),
  );
}

/** Values of all exponents in so many binades, in equal numbers: products have twice as many. */
export function binades(counts: readonly number[]): Case[] {
  return counts.flatMap((count) =>
    SMALL.map(([layout, view]) => ({
      name: `${count} binades, ${layout}`,
      view,
      isSums: true,
      isCentred: false,
      fill: (x: Float32Array, dy: Float32Array) => {
        const next = uniform(3);
        const lowest = -Math.ceil(count / 2);
        for (const values of [x, dy]) {
          for (let k = 0; k < values.length; k++) {
            const exponent = lowest + Math.floor(next() * count);
            values[k] = (next() < 0.5 ? -1 : 1) * (1 + next()) * 2 ** exponent;
          }
        }
      },
    })),
  );
}

/** Recorded inputs and gradients, of a folder of files. */
export function recorded(folder: string): Case[] {
  const read = (name: string) => {
    const bytes = readFileSync(join(folder, `${name}.f32`));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };
  return LAYERS.flatMap((layer) =>
    SMALL.map(([layout, view]) => ({
      name: `layer ${layer}, ${layout}`,
      view,
      isSums: true,
      isCentred: true,
      fill: (x: Float32Array, dy: Float32Array) => {
        for (const [values, name] of [
          [x, 'x'],
          [dy, 'dy'],
        ] as const) {
          const found = read(`${name}-layer${layer}`);
          if (found.length !== values.length) {
            throw new Error(
              `bench:exact: ${name} of layer ${layer}: wants ${values.length} values, got ${found.length}`,
            );
          }
          if (layout === 'first') values.set(found);
          else turn(values, found, view.c, SMALL[0][1]);
        }
      },
    })),
  );
}

/** The same values with the channels last. */
function turn(to: Float32Array, from: Float32Array, channels: number, { n, s }: View): void {
  let k = 0;
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < channels; ch++) {
      for (let j = 0; j < s; j++) to[(i * s + j) * channels + ch] = from[k++];
    }
  }
}
