/** Trained networks that differ in nothing but their seeds: their curve with its band, and words for their numbers. */
import type * as Plot from '@observablehq/plot';
import { percent } from '../kit/text.js';
import type { Run } from '../runs/results.js';
import { band, pointOf } from './trial-lines.js';

/** Test accuracy over steps, in percent. */
export function accuracyBand(runs: readonly Run[], stroke: string, dashes?: string): Plot.Markish[] {
  const points = runs[0].measurements.map(({ step }, i) =>
    pointOf(
      step,
      runs.map(({ measurements }) => measurements[i].accuracy),
    ),
  );
  return band(
    points.filter((point) => point !== null),
    stroke,
    dashes,
    100,
  );
}

export function finalAccuracy({ measurements }: Run): number {
  return measurements.at(-1)!.accuracy;
}

/** Least and most; one number where they are told in the same words. */
export function range(values: readonly number[], words: (value: number) => string): string {
  const [least, most] = [words(Math.min(...values)), words(Math.max(...values))];
  return least === most ? least : `${least} to ${most}`;
}

/** Least and most of shares. */
export function percentRange(shares: readonly number[]): string {
  return range(shares, (share) => percent(share));
}
