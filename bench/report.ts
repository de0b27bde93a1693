/** The report: one HTML file that needs no network and runs no script. */
import { renderPage, renderSettings, renderTable } from '#demo/kit/page.js';
import { escapeHtml } from '#demo/kit/text.js';
import { colourOf, drawFigures, type Figures, seriesIn } from './figures.js';
import type { Findings } from './findings.js';
import { OPERATION_TITLES, percent, threads, times } from './format.js';
import { BENCH_STYLE } from './report-style.js';
import { drawScaling } from './scaling.js';
import { SHAPES } from './shapes.js';
import { type Case, overall } from './summary.js';
import { headOf, rowsOf, titleOf } from './table.js';

const TITLE = 'Batch normalization against the memory';

export function renderReport(findings: Findings, cases: readonly Case[]): string {
  const series = seriesIn(cases);
  const counts = [...new Set(cases.map(({ allowed }) => allowed))];
  const sections = counts.map((allowed) => {
    const own = cases.filter((one) => one.allowed === allowed);
    return renderSection(allowed, drawFigures(own, series, cases), seriesIn(own), series);
  });
  const main = `<header>
<h1>${TITLE}</h1>
<p class="lead">Batch normalization does little arithmetic on much data. So the measure of an implementation is the
memory: how close it comes to a plain copy of the same arrays, and how other libraries do on the same machine.</p>
${renderHeadline(cases)}
</header>
${renderFailures(findings)}
${sections.join('\n')}
${renderScaling(cases, series)}
<section>
<h2>In numbers</h2>
${renderTables(cases)}
</section>
<section>
<h2>How it was measured</h2>
${renderSettings(settingsOf(findings))}
</section>`;
  return renderPage({ title: TITLE, style: BENCH_STYLE, main });
}

/** The first of our contenders, for each number of threads. */
function renderHeadline(cases: readonly Case[]): string {
  const all = overall(cases);
  const cards = all
    .filter(({ series }) => series === all[0]?.series)
    .flatMap(({ series, allowed, ofLimit, ofBestPeer }) => [
      ...(ofLimit === null ? [] : [[`${series}, ${threads(allowed)}: share of the memory limit`, percent(ofLimit)]]),
      ...(ofBestPeer === null
        ? []
        : [[`${series}, ${threads(allowed)}: speed over the best peer’s`, times(ofBestPeer)]]),
    ])
    .map(([term, text]) => `<div><dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd></div>`);
  return cards.length === 0 ? '' : `<dl class="headline">\n${cards.join('\n')}\n</dl>`;
}

function renderFailures({ failures }: Findings): string {
  if (failures.length === 0) return '';
  return `<div class="failures">${failures.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n')}</div>`;
}

function renderLegend(shown: readonly string[], series: readonly string[]): string {
  const items = shown.map((name) => `<span style="--colour: ${colourOf(series, name)}">${escapeHtml(name)}</span>`);
  return `<p class="legend series">${items.join('\n')}</p>`;
}

const LAYOUTS = `<p class="legend layouts"><span>○ channels first (nchw)</span> <span>△ channels last (nhwc)</span>
<span>□ no space (nc)</span></p>`;

function renderSection(
  allowed: number,
  figures: readonly Figures[],
  shown: readonly string[],
  series: readonly string[],
): string {
  const grid = (drawing: (figure: Figures) => string) =>
    figures.map((one) => `<figure><h3>${OPERATION_TITLES[one.op]}</h3>\n${drawing(one)}</figure>`).join('\n');
  const hasBars = figures.some(({ bars }) => bars !== '');
  const byShape = `<h2>By shape, ${threads(allowed)}</h2>\n${renderLegend(shown, series)}\n<p class="soft">Where a shape
has no bar of a colour, that contender was not timed for it: it does not do this operation or layout, or was
wrong.</p>\n<div class="pair">\n${grid(({ bars }) => bars)}\n</div>`;
  return `<section>
<h2>Under the roof, ${threads(allowed)}</h2>
${renderLegend(shown, series)}
${LAYOUTS}
<div class="pair">
${grid(({ roofline }) => roofline)}
</div>
<figcaption><b>The dashes are the memory limit</b> of each size, measured in the same process: the better of an ordinary
and a non-temporal copy (forward), triad (backward), or both (step), over arrays of the very size. Letters are the
shapes. Speed counts each tensor once, so what reads x twice from memory cannot reach them; what fits a cache has a
higher one. All drawings have one scale.</figcaption>
${hasBars ? byShape : ''}
</section>`;
}

/** Nothing where one number of threads was measured. */
function renderScaling(cases: readonly Case[], series: readonly string[]): string {
  const drawings = drawScaling(cases, series);
  if (drawings.length === 0) return '';
  const shown = series.filter((name) => drawings.some((drawing) => drawing.series.includes(name)));
  const figures = drawings.map(({ op, plot }) => `<figure><h3>${OPERATION_TITLES[op]}</h3>\n${plot}</figure>`);
  return `<section>
<h2>By threads</h2>
${renderLegend(shown, series)}
<div class="pair">
${figures.join('\n')}
</div>
<figcaption><b>Each contender against itself with the fewest threads that it was measured with.</b> Thick lines are
geometric means over shapes and layouts, thin ones the single cases. The line without a colour is the memory limit; the
dashes are twice the speed for twice the threads. What has one thread anyway has no line.</figcaption>
</section>`;
}

function renderTables(cases: readonly Case[]): string {
  const titles = [...new Set(cases.map(titleOf))];
  return titles
    .map((title) => {
      const own = cases.filter((one) => titleOf(one) === title);
      const names = headOf(own);
      const head = names.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
      const rows = own.flatMap((one) => rowsOf(one, names).map(renderRow));
      return `<details><summary>${escapeHtml(title)}</summary>\n${renderTable(head, [rows])}</details>`;
    })
    .join('\n');
}

function renderRow([shape, ...cells]: readonly string[]): string {
  const texts = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
  return `<tr${shape === '' ? '' : ' class="first"'}><th scope="row">${escapeHtml(shape)}</th>${texts}</tr>`;
}

function settingsOf({ machine, node, date, rows, notes }: Findings): Record<string, string> {
  const versions = new Set(
    rows.filter(({ peer }) => peer !== 'limit').map(({ peer, version }) => `${peer} ${version}`),
  );
  const entries = {
    Validation:
      'Before it is timed, every contender’s results are held against an oracle in float64: this library to the ' +
      'error bounds of docs/numerics.md, others to a thousandth. What fails is not timed.',
    Timing:
      'Benchmark.js, in many short rounds in alternating order, so that what changes on the machine meets all ' +
      'contenders. ms is the median over the samples of all rounds, least the fastest sample. Arrays are the ' +
      'same at each repetition, and results are written into arrays that exist, unless the name says alloc.',
    'Bytes and GB/s': 'Each tensor counts once: two for a forward, three for a backward, five for a step.',
    'Best peer':
      'The fastest other library for the same shape, layout and operation with at most as many threads. What has ' +
      'one thread anyway is measured once.',
    'Of ordered': 'Time of exact sums (docs/numerics.md) ÷ time of ordered ones by the same backend, which took turns.',
    'Over float32': 'Time of float32 ÷ time of 16 bits by the same backend, which took turns.',
    Shapes: Object.entries(SHAPES)
      .map(([name, dims]) => `${name} (${dims})`)
      .join(' · '),
    Versions: [...versions].join(', '),
    ...(notes.length > 0 && { 'Left out': notes.join('; ') }),
    Machine: `${machine}; Node.js ${node}`,
    Date: date,
  };
  return Object.fromEntries(Object.entries(entries).map(([term, text]) => [escapeHtml(term), escapeHtml(text)]));
}
