/** A part of the report: what was tried, pictures, and what to see in them. */
import type { Results } from '../runs/results.js';

/** null where runs that it needs are not there. */
export type Section = (results: Results) => { readonly title: string; readonly html: string } | null;

/** A picture with its caption: a name, and two sentences. */
export function figure(drawing: string, name: string, sentences: string): string {
  return `<figure>\n${drawing}\n<figcaption><b>${name}</b> ${sentences}</figcaption>\n</figure>`;
}

/** Pictures side by side, with a caption for all. */
export function figures(drawings: readonly string[], layout: string, name: string, sentences: string): string {
  return figure(
    `<div class="${layout}">\n${drawings.map((one) => `<div>${one}</div>`).join('\n')}\n</div>`,
    name,
    sentences,
  );
}
