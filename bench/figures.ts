/** The drawings of the report, made by Observable Plot without a browser. */

import * as Plot from '@observablehq/plot';
import { draw } from '#demo/kit/canvas.js';
import { OPERATION_TITLES } from './format.js';
import { type Row, seriesOf } from './row.js';
import { OPERATIONS, type Operation } from './shapes.js';
import type { Case, Entry } from './summary.js';

/** A drawing for each operation, of one number of threads. */
export interface Figures {
  readonly op: Operation;
  /** GB/s over the bytes of a case, under the memory limit. */
  readonly roofline: string;
  /** Share of the limit, by shape. */
  readonly bars: string;
}

/** All series of a run, in the order of their colours; a colour is a variable of the page. */
export function seriesIn(cases: readonly Case[]): string[] {
  return [...new Set(cases.flatMap(({ entries }) => entries.map(({ row }) => seriesOf(row))))];
}

export const COLOURS = 8;

export function colourOf(series: readonly string[], name: string): string {
  return `var(--series-${series.indexOf(name) % COLOURS})`;
}

/** @param all - The cases of all drawings of the page, which have one scale. */
export function drawFigures(
  cases: readonly Case[],
  series: readonly string[],
  all: readonly Case[] = cases,
): Figures[] {
  return OPERATIONS.flatMap((op) => {
    const own = cases.filter((one) => one.op === op);
    if (own.length === 0) return [];
    const roofline = draw({
      ...rooflinePlot(own, series, all),
      ariaLabel: `${OPERATION_TITLES[op]}: speed over size`,
    });
    if (own.every(({ floor }) => floor === null)) return [{ op, roofline, bars: '' }];
    const bars = draw({ ...barPlot(own, series, all), ariaLabel: `${OPERATION_TITLES[op]}: share of the limit` });
    return [{ op, roofline, bars }];
  });
}

/** Ticks of a logarithmic axis; Plot draws all that it is given, also beside the drawing. */
function decades(from: number, to: number): number[] {
  return [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10000].filter((tick) => from <= tick && tick <= to);
}

const megabytes = (bytes: number) => bytes / 1e6;
const bytesOf = ({ entries }: Case) => entries[0].row.bytes;

interface RoofPoint {
  readonly mb: number;
  readonly gbps: number;
  readonly shapes: string;
}

/** Letters whose sizes are so close (a factor) would touch; the second is written above the first. */
const CLOSE = 1.35;

function isRaised(roof: readonly RoofPoint[], index: number): boolean {
  return index > 0 && roof[index].mb < CLOSE * roof[index - 1].mb && !isRaised(roof, index - 1);
}

/** The memory limit in GB/s; null if it was not measured. */
function limitOf(one: Case): number | null {
  return one.floor === null ? null : bytesOf(one) / one.floor.ms / 1e6;
}

/** A dash across a size, as a symbol of Observable Plot. */
const DASH = {
  draw(context: { rect(x: number, y: number, width: number, height: number): void }, size: number) {
    const width = 1.3 * Math.sqrt(size);
    context.rect(-width / 2, -1, width, 2);
  },
};

/** The roof: of cases with as many bytes the best. */
function roofOf(cases: readonly Case[]): RoofPoint[] {
  const sizes = [...new Set(cases.filter(({ floor }) => floor !== null).map(bytesOf))].sort((a, b) => a - b);
  return sizes.map((bytes) => {
    const same = cases.filter((one) => one.floor !== null && bytesOf(one) === bytes);
    const gbps = Math.max(...same.map((one) => limitOf(one)!));
    return { mb: megabytes(bytes), gbps, shapes: [...new Set(same.map(({ shape }) => shape))].join(' ') };
  });
}

function rooflinePlot(cases: readonly Case[], series: readonly string[], all: readonly Case[]): Plot.PlotOptions {
  const roof = roofOf(cases);
  const entries = cases.flatMap((one) => one.entries);
  const speeds = all.flatMap((one) => one.entries.map(({ row }) => row.gbps));
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...speeds)));
  const highest = 2 * Math.max(...all.flatMap((one) => limitOf(one) ?? []), ...speeds);
  const sizes = all.map((one) => megabytes(bytesOf(one)));
  const [smallest, largest] = [Math.min(...sizes), Math.max(...sizes)];
  const x = (row: Row) => megabytes(row.bytes);
  const marks: Plot.Markish[] = [
    // Between sizes nothing was measured: no line.
    Plot.ruleX(roof, { x: 'mb', y1: lowest, y2: 'gbps', strokeOpacity: 0.12, strokeWidth: 6 }),
    Plot.dot(roof, { x: 'mb', y: 'gbps', symbol: DASH, fill: 'currentColor', r: 9 }),
    ...[false, true].map((raised) =>
      Plot.text(
        roof.filter((_, index) => isRaised(roof, index) === raised),
        { x: 'mb', y: 'gbps', text: 'shapes', dy: raised ? -22 : -10, fontWeight: 600, fontSize: 12 },
      ),
    ),
    ...series.map((name) =>
      Plot.dot(
        entries.filter(({ row }) => seriesOf(row) === name),
        {
          x: ({ row }: Entry) => x(row),
          y: ({ row }: Entry) => row.gbps,
          symbol: ({ row }: Entry) => row.layout,
          stroke: colourOf(series, name),
          strokeWidth: 1.75,
          r: 3.75,
        },
      ),
    ),
  ];
  return {
    width: 360,
    height: 290,
    marginLeft: 46,
    marginRight: 14,
    marginTop: 28,
    marginBottom: 42,
    x: {
      type: 'log',
      domain: [smallest, largest],
      label: 'bytes that must be moved, MB',
      tickFormat: '~g',
      ticks: decades(smallest, largest),
      inset: 12,
    },
    y: {
      type: 'log',
      label: 'GB/s',
      grid: true,
      tickFormat: '~g',
      ticks: decades(lowest, highest),
      domain: [lowest, highest],
    },
    symbol: { domain: ['nchw', 'nhwc', 'nc'], range: ['circle', 'triangle', 'square'] },
    marks,
  };
}

/** A peer may be there twice, with one thread and with more. */
function fastestOfSeries(entries: readonly Entry[]): Entry[] {
  const bySpeed = [...entries].sort((a, b) => b.row.ms_median - a.row.ms_median);
  return [...new Map(bySpeed.map((entry) => [seriesOf(entry.row), entry])).values()];
}

/** One bar for each contender, cases one below the other. Bars that would leave the drawing end at its edge. */
function barPlot(cases: readonly Case[], series: readonly string[], all: readonly Case[]): Plot.PlotOptions {
  const bars = cases.flatMap((one) =>
    fastestOfSeries(one.entries)
      .filter(({ ofLimit }) => ofLimit !== null)
      .map(({ row, ofLimit }) => ({
        name: `${one.shape} ${one.layout}`,
        series: seriesOf(row),
        share: 100 * ofLimit!,
        fill: colourOf(series, seriesOf(row)),
      })),
  );
  const present = series.filter((name) => bars.some((bar) => bar.series === name));
  const shares = all.flatMap((one) => one.entries.map(({ ofLimit }) => 100 * (ofLimit ?? 0)));
  const largest = Math.max(100, ...shares);
  const names = [...new Set(bars.map(({ name }) => name))];
  return {
    width: 360,
    height: 70 + names.length * (present.length * 13 + 8),
    marginLeft: 58,
    marginRight: 34,
    marginTop: 28,
    marginBottom: 40,
    x: { domain: [0, largest], label: '% of the limit', grid: true, ticks: 5 },
    y: { domain: present, axis: null, padding: 0.15 },
    fy: { domain: names, label: null, axis: 'left', padding: 0.14 },
    fx: {},
    marks: [
      Plot.ruleX([100], { stroke: 'currentColor', strokeOpacity: 0.55, strokeDasharray: '2 3' }),
      Plot.barX(bars, { fy: 'name', y: 'series', x: 'share', fill: 'fill' }),
      Plot.text(bars, {
        fy: 'name',
        y: 'series',
        x: 'share',
        text: ({ share }: { share: number }) => (share < 0.05 ? '< 0.1' : share.toFixed(share < 9.95 ? 1 : 0)),
        dx: 3,
        textAnchor: 'start',
        fontSize: 11,
      }),
      Plot.ruleX([0], { strokeOpacity: 0.4 }),
    ],
  };
}
