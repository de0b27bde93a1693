/** Drawings by Observable Plot without a browser: SVG whose colours are variables of the page. */
import type { PlotOptions, ScaleOptions } from '@observablehq/plot';

export type Plot = typeof import('@observablehq/plot');

export interface Canvas {
  readonly Plot: Plot;
  /** One drawing, which shrinks with the page. */
  draw(options: PlotOptions): string;
  /** Two drawings of the same, for wide pages and for phones: letters of a wide one would shrink until nobody reads them. */
  drawFor(options: (width: number) => PlotOptions): string;
}

/** Colours of the page, which follow its light and dark appearance. */
export const COLOURS = {
  plain: 'var(--plain)',
  normalized: 'var(--normalized)',
  dropout: 'var(--dropout)',
  both: 'var(--both)',
};

const WIDE = 720;
const NARROW = 360;

export async function openCanvas(): Promise<Canvas> {
  const Plot = await import('@observablehq/plot');
  const { parseHTML } = await import('linkedom');
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const draw = (options: PlotOptions) => Plot.plot({ document, style: { background: 'none' }, ...options }).outerHTML;
  return {
    Plot,
    draw,
    drawFor: (options) =>
      `<div class="wide">${draw(options(WIDE))}</div>\n<div class="narrow">${draw(options(NARROW))}</div>`,
  };
}

export function stepAxis(steps: number, width: number): ScaleOptions {
  return { domain: [0, steps], label: 'training steps', tickFormat: ',d', ticks: Math.max(2, Math.round(width / 90)) };
}

export function percentAxis(label: string): ScaleOptions {
  return { domain: [0, 100], label: `${label}, %`, grid: true };
}

/** A domain that holds all values and 0. What is no number does not count. */
export function domainOf(values: readonly (number | null)[]): [number, number] {
  const finite = [0, ...values.filter((value) => value !== null)];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const margin = 0.05 * (high - low) || 1;
  return [low - margin, high + margin];
}

/** Which lines are what. */
export function legend(entries: readonly (readonly [style: string, text: string])[]): string {
  const items = entries.map(([style, text]) => `<span class="${style}">${text}</span>`);
  return `<p class="legend" aria-hidden="true">${items.join('\n')}</p>`;
}

export const TWO = legend([
  ['plain', 'without batch normalization'],
  ['normalized', 'with batch normalization'],
]);
