/** The shell of a report: one HTML file that runs and fetches nothing, whatever got into it. */
import { REPORT_STYLE } from './style.js';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
/** WebAssembly may be compiled, and workers made of code that the page has. */
const SCRIPT_POLICY = "'wasm-unsafe-eval'; worker-src blob:";

export interface Page {
  readonly title: string;
  /** For whoever shows a link to it. */
  readonly description?: string;
  /** Style of this report, beside that of all reports. */
  readonly style: string;
  /** HTML. */
  readonly main: string;
  /** The one script that runs, and the base64 of its SHA-256. */
  readonly script?: { readonly code: string; readonly hash: string };
}

export function renderPage({ title, description, style, main, script }: Page): string {
  const policy = script === undefined ? POLICY : `${POLICY}; script-src 'sha256-${script.hash}' ${SCRIPT_POLICY}`;
  const shown =
    description === undefined
      ? ''
      : `
<meta name="description" content="${description}">
<meta property="og:type" content="article">
<meta name="twitter:card" content="summary">
<meta property="og:title" content="${title}">
<meta property="og:description" content="${description}">`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">${shown}
<title>${title}</title>
<style>${REPORT_STYLE}${style}</style>
</head>
<body>
<main>
${main}
</main>${script === undefined ? '' : `\n<script>${script.code}</script>`}
</body>
</html>
`;
}

/** A table, which scrolls where it is wider than the page. `head` and the groups of rows are HTML. */
export function renderTable(head: string, groups: readonly (readonly string[])[]): string {
  const bodies = groups.map((rows) => `<tbody>\n${rows.join('\n')}\n</tbody>`);
  return `<div class="scroll"><table>\n<thead><tr>${head}</tr></thead>\n${bodies.join('\n')}\n</table></div>`;
}

/** Terms and what is to be said of each, in HTML. */
export function renderSettings(entries: Readonly<Record<string, string>>): string {
  const items = Object.entries(entries).map(([term, html]) => `<div><dt>${term}</dt><dd>${html}</dd></div>`);
  return `<dl class="settings">\n${items.join('\n')}\n</dl>`;
}
