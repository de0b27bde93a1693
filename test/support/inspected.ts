/** Layers for inspections, and what goes into them. */
import { BatchNorm, type BatchNormOptions, type FindingKind, type InspectOptions, inspect } from 'batchnorm';
import { randomFor } from './random.js';

/** [n, channels] of normal values; channel ch has mean 3·ch − 4 and deviation 2^(ch mod 4), the unit of `shift`. */
export function sample(title: string, n: number, channels = 3, shift = 0): Float32Array {
  const random = randomFor(title);
  return Float32Array.from({ length: n * channels }, (_, i) => {
    const ch = i % channels;
    return 3 * ch - 4 + 2 ** (ch % 4) * (random.normal() + shift);
  });
}

/** A layer that has seen `steps` batches of m values. */
export function trained(
  options: BatchNormOptions<'float32'> = {},
  { steps = 200, m = 32, channels = 3 } = {},
): BatchNorm {
  const layer = new BatchNorm(channels, options);
  for (let step = 0; step < steps; step++) layer.forward(sample(`batch ${step}`, m, channels), [m, channels]);
  return layer;
}

export function kindsOf(layer: BatchNorm, options?: InspectOptions): FindingKind[] {
  return inspect(layer, options).findings.map(({ kind }) => kind);
}

/** What such a layer was trained on, or that, shifted by so many deviations. */
export function data(n = 1000, channels = 3, shift = 0): { x: Float32Array; shape: number[] } {
  return { x: sample('data', n, channels, shift), shape: [n, channels] };
}
