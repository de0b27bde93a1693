/** Lines over several seeds: the mean, and a band from the least to the most. */
import * as Plot from '@observablehq/plot';
import { decimal } from '../kit/text.js';
import type { Results } from '../runs/results.js';
import { extentOf, type Series, type TrialName, trialId } from '../runs/trials.js';

export interface Point {
  readonly x: number;
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}

/** The results of a trial for all seeds; null where one is missing. */
export function trialsOf(results: Results, trial: TrialName, variant: string, size: number): Series[] | null {
  const { settings } = results;
  const { seeds } = extentOf(trial, settings);
  const found = Array.from({ length: seeds }, (_, i) => {
    const result = results.runs[trialId(trial, variant, size, settings.seed + i)];
    return result?.kind === 'trial' ? result.series : null;
  });
  return found.every((series) => series !== null) ? found : null;
}

/** Numbers of all seeds at one x; those that are no number do not count, and without any there is no point. */
export function pointOf(x: number, values: readonly (number | null | undefined)[]): Point | null {
  const finite = values.filter((value) => value !== null && value !== undefined);
  if (finite.length === 0) return null;
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  return { x, mean, least: Math.min(...finite), most: Math.max(...finite) };
}

/** The points of a series at these x. */
export function pointsOf(all: readonly Series[], name: string, xs: readonly number[]): Point[] {
  const points = xs.map((x, i) =>
    pointOf(
      x,
      all.map((series) => series[name]?.[i]),
    ),
  );
  return points.filter((point) => point !== null);
}

/** @param scale - What values are multiplied by: 100 makes percent of shares. */
export function band(points: readonly Point[], stroke: string, dashes: string | undefined, scale = 1): Plot.Markish[] {
  const title = ({ x, mean, least, most }: Point) =>
    `${decimal(x)}: ${decimal(scale * mean)} (${decimal(scale * least)} to ${decimal(scale * most)})`;
  return [
    Plot.areaY(points, {
      x: 'x',
      y1: ({ least }: Point) => scale * least,
      y2: ({ most }: Point) => scale * most,
      fill: stroke,
      fillOpacity: 0.18,
    }),
    Plot.lineY(points, {
      x: 'x',
      y: ({ mean }: Point) => scale * mean,
      stroke,
      strokeWidth: 2.25,
      ...(dashes && { strokeDasharray: dashes }),
    }),
    Plot.dot(points, { x: 'x', y: ({ mean }: Point) => scale * mean, r: 6, fill: 'transparent', title }),
  ];
}

/** The mean of the means of the last half. */
export function lateMean(points: readonly Point[]): number {
  const late = points.slice(Math.floor(points.length / 2));
  return late.reduce((sum, { mean }) => sum + mean, 0) / late.length;
}
