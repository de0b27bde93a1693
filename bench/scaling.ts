/** The gain of more threads: each contender against itself with the fewest. */
import * as Plot from '@observablehq/plot';
import { draw } from '#demo/kit/canvas.js';
import { geometricMean } from '#demo/kit/statistics.js';
import { colourOf } from './figures.js';
import { OPERATION_TITLES } from './format.js';
import { seriesOf } from './row.js';
import { OPERATIONS, type Operation } from './shapes.js';
import type { Case } from './summary.js';

export interface Scaling {
  /** A contender, or LIMIT_SERIES. */
  readonly series: string;
  /** Shape and layout. */
  readonly name: string;
  readonly threads: number;
  /** Time with the fewest threads that it was measured with ÷ time. */
  readonly speedup: number;
}

/** The copies and triads of the memory limit. */
export const LIMIT_SERIES = 'memory limit';

/** Ticks: Plot draws all that it is given, also beside the drawing. */
const POWERS = Array.from({ length: 12 }, (_, i) => 2 ** (i - 3));

interface Measured {
  readonly threads: number;
  readonly ms: number;
}

/** The contenders of one operation that were measured with several numbers of threads. */
export function scalingOf(cases: readonly Case[]): Scaling[] {
  const lines = new Map<string, { series: string; name: string; measured: Measured[] }>();
  const add = (series: string, name: string, one: Measured) => {
    const key = `${series}, ${name}`;
    const line = lines.get(key) ?? { series, name, measured: [] };
    line.measured.push(one);
    lines.set(key, line);
  };
  for (const { shape, layout, allowed, floor, entries } of cases) {
    const name = `${shape} ${layout}`;
    if (floor !== null) add(LIMIT_SERIES, name, { threads: allowed, ms: floor.ms });
    for (const { row } of entries) {
      // A peer of fewer threads is listed with them again.
      if (row.threads === allowed) add(seriesOf(row), name, { threads: allowed, ms: row.ms_median });
    }
  }
  return [...lines.values()].flatMap(({ series, name, measured }) => {
    if (measured.length < 2) return [];
    const sorted = measured.sort((a, b) => a.threads - b.threads);
    return sorted.map(({ threads, ms }) => ({ series, name, threads, speedup: sorted[0].ms / ms }));
  });
}

/** Geometric means over shapes and layouts. */
export function meanScaling(points: readonly Scaling[]): Scaling[] {
  const keys = new Map(points.map((point) => [`${point.series} ${point.threads}`, point]));
  return [...keys.values()].map(({ series, threads }) => {
    const own = points.filter((point) => point.series === series && point.threads === threads);
    return { series, name: 'mean', threads, speedup: geometricMean(own.map(({ speedup }) => speedup)) };
  });
}

export interface ScalingFigure {
  readonly op: Operation;
  /** Those that are drawn. */
  readonly series: readonly string[];
  readonly plot: string;
}

/** A drawing for each operation that was measured with several numbers of threads. */
export function drawScaling(cases: readonly Case[], series: readonly string[]): ScalingFigure[] {
  return OPERATIONS.flatMap((op) => {
    const points = scalingOf(cases.filter((one) => one.op === op));
    if (points.length === 0) return [];
    const ariaLabel = `${OPERATION_TITLES[op]}: speed over threads`;
    const plot = draw({ ...scalingPlot(points, series), ariaLabel });
    return [{ op, series: points.map((point) => point.series), plot }];
  });
}

function scalingPlot(points: readonly Scaling[], series: readonly string[]): Plot.PlotOptions {
  const counts = [...new Set(points.map(({ threads }) => threads))].sort((a, b) => a - b);
  const [fewest, most] = [counts[0], counts[counts.length - 1]];
  const stroke = (point: Scaling) => (point.series === LIMIT_SERIES ? 'currentColor' : colourOf(series, point.series));
  const means = meanScaling(points);
  const line = { x: 'threads', y: 'speedup', stroke };
  const ideal = counts.map((threads) => ({ threads, speedup: threads / fewest }));
  const speedups = points.map(({ speedup }) => speedup);
  const domain = [Math.min(1, ...speedups), Math.max(most / fewest, ...speedups)];
  return {
    width: 360,
    height: 290,
    marginLeft: 46,
    marginRight: 14,
    marginBottom: 40,
    x: { type: 'log', base: 2, domain: [fewest, most], ticks: counts, tickFormat: String, label: 'threads' },
    y: {
      type: 'log',
      base: 2,
      domain,
      ticks: POWERS.filter((tick) => domain[0] <= tick && tick <= domain[1]),
      tickFormat: '~g',
      grid: true,
      label: '× as fast',
    },
    marks: [
      Plot.line(ideal, {
        x: 'threads',
        y: 'speedup',
        stroke: 'currentColor',
        strokeOpacity: 0.4,
        strokeDasharray: '2 3',
      }),
      Plot.line(points, {
        ...line,
        z: ({ series, name }: Scaling) => `${series} ${name}`,
        strokeOpacity: 0.25,
      }),
      Plot.line(means, { ...line, z: 'series', strokeWidth: 2.5 }),
      Plot.dot(means, { ...line, fill: stroke, r: 3.5 }),
    ],
  };
}
