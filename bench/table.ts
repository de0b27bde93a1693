/** The tables on the terminal: one for each operation and number of threads. */
import { formatTable as drawTable } from '#demo/kit/table.js';
import { milliseconds, OPERATION_TITLES, percent, ratio, threads, times } from './format.js';
import { seriesOf } from './row.js';
import { type Case, overall } from './summary.js';

export const TABLE_HEAD = ['shape', 'contender', 'threads', 'ms', 'least', 'GB/s', 'of limit', 'best peer'];
/** Behind these where both ways of summing were timed. */
const OF_ORDERED = 'of ordered';
/** Behind these where 16 bits and float32 were timed. */
const OVER_FLOAT32 = 'over float32';
const RIGHT = ['threads', 'ms', 'least', 'GB/s', 'of limit', 'best peer', OF_ORDERED, OVER_FLOAT32];

export function headOf(cases: readonly Case[]): readonly string[] {
  const rows = cases.flatMap(({ entries }) => entries.map(({ row }) => row));
  const hasBothSums = rows.some(({ of_ordered }) => of_ordered !== undefined);
  const hasBothWidths = rows.some(({ over_float32 }) => over_float32 !== undefined);
  return [...TABLE_HEAD, ...(hasBothSums ? [OF_ORDERED] : []), ...(hasBothWidths ? [OVER_FLOAT32] : [])];
}

/** @param columns - Of the terminal: where a table is wider, it has fewer columns. */
export function formatTables(cases: readonly Case[], colour: boolean, columns = Infinity): string {
  const titles = new Map(cases.map(({ op, allowed }) => [titleOf({ op, allowed }), { op, allowed }]));
  const parts = [...titles].map(([title, { op, allowed }]) => {
    const own = cases.filter((one) => one.op === op && one.allowed === allowed);
    return `${title}\n${fitting(own, colour, columns)}`;
  });
  return [...parts, formatOverall(cases)].filter((part) => part !== '').join('\n\n');
}

export function titleOf({ op, allowed }: Pick<Case, 'op' | 'allowed'>): string {
  return `${OPERATION_TITLES[op]}, ${threads(allowed)}`;
}

/** Columns that are left out first if there is no room; the report has all of them. */
const LEAST_WANTED = ['least', 'threads', 'GB/s', 'best peer'];

function fitting(cases: readonly Case[], colour: boolean, columns: number): string {
  for (let without = 0; ; without++) {
    const left = LEAST_WANTED.slice(0, without);
    const head = headOf(cases).filter((name) => !left.includes(name));
    const text = formatTable(cases, head, colour);
    // Not coloured: borders and letters alone have a width.
    const width = colour ? formatTable(cases, head, false).indexOf('\n') : text.indexOf('\n');
    if (width <= columns || without === LEAST_WANTED.length) return text;
  }
}

function formatTable(cases: readonly Case[], head: readonly string[], colour: boolean): string {
  const all = headOf(cases);
  const kept = all.map((name) => head.includes(name));
  const aligns = head.map((name) => (RIGHT.includes(name) ? 'right' : 'left'));
  const rows = cases.flatMap((one) => rowsOf(one, all).map((row) => row.filter((_, i) => kept[i])));
  return drawTable({ head, rows, aligns, colours: colour });
}

/** The limit, then contenders from fast to slow; the shape is written once. */
export function rowsOf(
  { shape, layout, dtype, allowed, floor, bestPeer, entries }: Case,
  head: readonly string[] = TABLE_HEAD,
): string[][] {
  const lines = [...entries]
    .sort((a, b) => a.row.ms_median - b.row.ms_median)
    .map(({ row, ofLimit, ofBestPeer }) => [
      row === bestPeer ? `${seriesOf(row)} (best peer)` : seriesOf(row),
      `${row.threads}`,
      milliseconds(row.ms_median),
      milliseconds(row.ms_min),
      row.gbps.toPrecision(3),
      percent(ofLimit),
      times(ofBestPeer),
      ...(head.includes(OF_ORDERED) ? [ratio(row.of_ordered ?? null)] : []),
      ...(head.includes(OVER_FLOAT32) ? [times(row.over_float32 ?? null)] : []),
    ]);
  if (floor !== null) {
    const cells = [`limit: ${floor.kernel}`, `${allowed}`, milliseconds(floor.ms)];
    lines.unshift([...cells, ...head.slice(cells.length + 1).map(() => '')]);
  }
  return lines.map((line, index) => [index === 0 ? [shape, layout, dtype].filter(Boolean).join(' ') : '', ...line]);
}

function formatOverall(cases: readonly Case[]): string {
  const all = overall(cases).filter(({ ofLimit, ofBestPeer, ofOrdered, overFloat32 }) =>
    [ofLimit, ofBestPeer, ofOrdered, overFloat32].some((one) => one !== null),
  );
  if (all.length === 0) return '';
  const width = Math.max(...all.map(({ series }) => series.length));
  const lines = all.map(({ series, allowed, ofLimit, ofBestPeer, ofOrdered, overFloat32 }) => {
    const texts = [
      ...(ofLimit === null ? [] : [`${percent(ofLimit).padStart(6)} of the limit`]),
      ...(ofBestPeer === null ? [] : [`${times(ofBestPeer).padStart(7)} as fast as the best peer`]),
      ...(ofOrdered === null ? [] : [`${ratio(ofOrdered).padStart(5)} × the time of ordered sums`]),
      ...(overFloat32 === null ? [] : [`${times(overFloat32).padStart(7)} as fast as float32`]),
    ];
    return `  ${series.padEnd(width)}  ${threads(allowed).padEnd(9)}  ${texts.join(', ')}`;
  });
  return ['Geometric means over all cases', ...lines].join('\n');
}
