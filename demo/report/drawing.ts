/** Common parts of the drawings of the report: colours, dashes, axes, legends. */
import { type ChannelValueSpec, dot, type Markish, type PlotOptions, type ScaleOptions } from '@observablehq/plot';
import { draw } from '../kit/canvas.js';

/** Colours of the page, which follow its light and dark appearance. */
export const COLOURS = {
  plain: 'var(--plain)',
  normalized: 'var(--normalized)',
  dropout: 'var(--dropout)',
  both: 'var(--both)',
};

const WIDE = 720;
const NARROW = 360;

/**
 * Two drawings of the same, for wide pages and for phones: letters of a wide one would shrink until nobody reads
 * them.
 */
export function drawFor(options: (width: number) => PlotOptions, [wide, narrow] = [WIDE, NARROW]): string {
  return `<div class="wide">${draw(options(wide))}</div>\n<div class="narrow">${draw(options(narrow))}</div>`;
}

export function stepAxis(steps: number, width: number): ScaleOptions {
  return { domain: [0, steps], label: 'training steps', tickFormat: ',d', ticks: Math.max(2, Math.round(width / 90)) };
}

/** Where all that is to be seen happens at the beginning. The first measurement is after one step. */
export function logarithmicStepAxis(steps: number): ScaleOptions {
  const ticks = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].filter((tick) => tick <= steps);
  return {
    type: 'log',
    domain: [1, Math.max(2, steps)],
    label: 'training steps (logarithmic)',
    tickFormat: ',d',
    ticks,
  };
}

export function percentAxis(label: string): ScaleOptions {
  return { domain: [0, 100], label: `${label}, %`, grid: true };
}

/**
 * What a pointer over a drawing reads, without a script: each point has a title, and shows itself when it is pointed
 * at. Drawn last, above the lines.
 */
export function hover<T>(
  points: readonly T[],
  x: ChannelValueSpec,
  y: ChannelValueSpec,
  title: (point: T) => string,
): Markish {
  return dot(points, { x, y, title, r: 6, fill: 'transparent', className: 'values' });
}

/** A domain that holds all values and 0. What is no number does not count. */
export function domainOf(values: readonly (number | null)[]): [number, number] {
  const finite = [0, ...values.filter((value) => value !== null)];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const margin = 0.05 * (high - low) || 1;
  return [low - margin, high + margin];
}

/** The dashes of lines, so that they are told apart without colours. */
export const DASHES = { plain: '7 4', normalized: undefined, dropout: '2 3', both: '9 3 2 3' } as const;

/** An entry of a legend: a piece of a drawing, and its meaning. */
export interface LegendEntry {
  readonly text: string;
  readonly colour: string;
  /** A line, with these dashes; or a filled area. */
  readonly mark: { readonly dashes: string | undefined } | 'area';
}

function dashesOf({ dashes }: { readonly dashes: string | undefined }): string {
  return dashes ? ` stroke-dasharray="${dashes}"` : '';
}

export function legend(entries: readonly LegendEntry[]): string {
  const items = entries.map(({ text, colour, mark }) => {
    const piece =
      mark === 'area'
        ? `<rect width="35" height="10" fill="${colour}"/>`
        : `<line x2="35" y1="5" y2="5" stroke="${colour}" stroke-width="3"${dashesOf(mark)}/>`;
    return `<span><svg width="35" height="10" aria-hidden="true">${piece}</svg>${text}</span>`;
  });
  return `<p class="legend">${items.join('\n')}</p>`;
}

const twoOf = (mark: (kind: 'plain' | 'normalized') => LegendEntry['mark']) =>
  legend([
    { text: 'without batch normalization', colour: COLOURS.plain, mark: mark('plain') },
    { text: 'with batch normalization', colour: COLOURS.normalized, mark: mark('normalized') },
  ]);

/** Two lines, and two kinds of areas. */
export const TWO = twoOf((kind) => ({ dashes: DASHES[kind] }));
export const TWO_AREAS = twoOf(() => 'area');
