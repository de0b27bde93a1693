/** Drawings by Observable Plot without a browser: SVG whose colours are variables of the page. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** One drawing, which shrinks with the page. */
export function draw(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return Plot.plot({ document, style: { background: 'none' }, ...options }).outerHTML;
}
