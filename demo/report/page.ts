/** The report: one HTML file that needs no network and runs no script. */
import { basename, dirname, relative, sep } from 'node:path';
import { dataFileOf } from '../kit/output-file.js';
import { renderPage, renderSettings, renderTable } from '../kit/page.js';
import { count, escapeHtml, keepUnits, percent } from '../kit/text.js';
import type { Results } from '../runs/results.js';
import { pairOf } from '../runs/results.js';
import {
  DECAY,
  HIDDEN_LAYERS,
  HIDDEN_UNITS,
  PROBE_IMAGES,
  planOf,
  WATCHED_UNITS,
  WEIGHT_DEVIATION,
} from '../runs/settings.js';
import { renderClaims } from './claims.js';
import { cost } from './cost.js';
import { depth } from './depth.js';
import { dropout } from './dropout.js';
import { EXPLANATION_TITLE, explanation } from './explanation.js';
import { gradients } from './gradients.js';
import { grid } from './grid.js';
import { inference } from './inference.js';
import { landscape } from './landscape.js';
import { learning } from './learning.js';
import { noise } from './noise.js';
import { READINGS } from './reading.js';
import { saturation } from './saturation.js';
import type { Section } from './section.js';
import { shift } from './shift.js';
import { statistics } from './statistics.js';
import { TRAIN_STYLE } from './style.js';
import { GOAL, type Summary, summarize } from './summary.js';
import { tuned } from './tuned.js';

const TITLE = 'Batch normalization on handwritten digits';
const DESCRIPTION =
  'Small networks without and with batch normalization: figure 1 of the paper, covariate shift, dropout, ' +
  'inference, cost.';

/** In the order of the page, with what to call those that are not there yet. */
const SECTIONS: readonly (readonly [name: string, section: Section])[] = [
  ['Figure 1', learning],
  ['internal covariate shift', shift],
  ['noise', noise],
  ['the loss along a step', landscape],
  ['learning rates and initial weights', grid],
  ['both at their best', tuned],
  ['dropout', dropout],
  ['saturation', saturation],
  ['depth', depth],
  ['gradients', gradients],
  ['inference', inference],
  ['batch size and statistics', statistics],
  ['cost', cost],
];

/**
 * @param file - Where it will be: the data lie beside it.
 * @param live - Where the live page is, if it was written, too.
 */
export function renderReport(results: Results, file: string, live?: string): string {
  const parts = SECTIONS.map(([name, section]) => ({ name, part: section(results) }));
  const pair = pairOf(results);
  const summary = pair && summarize(...pair);
  const missing = parts.filter(({ part }) => part === null).map(({ name }) => name);
  const sections = [
    { title: EXPLANATION_TITLE, html: explanation() },
    ...parts.flatMap(({ name, part }) => (part ? [{ ...part, html: withReading(name, part.html) }] : [])),
    ...(summary ? [{ title: 'In numbers', html: renderSummary(summary) }] : []),
    { title: 'How it was measured', html: renderSettings(settingsOf(results, file)) },
  ];
  const main = `<header>
<h1>Batch normalization, seen at work</h1>
<p class="lead">Small networks learn to read handwritten digits, without and with batch normalization after each hidden
linear map. Everything else is equal: initial weights, the order of the data, the learning rate. These are the claims of
Ioffe and Szegedy’s paper, tried on your machine.</p>
${summary ? renderHeadline(summary) : ''}
${renderClaims(results)}
</header>
${renderMissing(results, missing)}
${renderContents(sections.map(({ title }) => title))}
${sections.map(({ title, html }) => renderSection(title, html)).join('\n')}
<footer>
<p>${renderInvitation(file, live)}</p>
<p>Paper: S. Ioffe, C. Szegedy, <cite>Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift</cite>, <a href="https://arxiv.org/abs/1502.03167">arXiv 1502.03167</a>.</p>
<p>Data: ${escapeHtml(results.data.attribution)}</p>
</footer>`;
  return keepUnits(renderPage({ title: TITLE, description: DESCRIPTION, style: TRAIN_STYLE, main }));
}

/** A link where the page is there, otherwise the command that writes it. */
function renderInvitation(file: string, live: string | undefined): string {
  const what = 'two networks learn in your browser while you move sliders';
  if (live === undefined) return `To try it yourself, <code>npx batchnorm live</code> writes a page in which ${what}.`;
  const path = relative(dirname(file), live).split(sep).map(encodeURIComponent).join('/');
  return `<a href="./${path}">Try it yourself</a>: ${what}.`;
}

/** Behind the first paragraph, which says what was tried. */
function withReading(name: string, html: string): string {
  const text = READINGS[name];
  return text === undefined ? html : html.replace('</p>', `</p>\n<p class="reading"><b>To read it:</b> ${text}</p>`);
}

function idOf(title: string): string {
  return title.toLowerCase().replace(/\W+/g, '-');
}

function renderContents(titles: readonly string[]): string {
  const items = titles.map((title) => `<li><a href="#${idOf(title)}">${title}</a></li>`);
  return `<nav aria-label="Contents">\n<ol>\n${items.join('\n')}\n</ol>\n</nav>`;
}

/** With a link to itself, to be sent to others. */
function renderSection(title: string, html: string): string {
  const id = idOf(title);
  return `<section id="${id}">\n<h2>${title}
<a class="here" href="#${id}" aria-label="Link to this section">#</a></h2>\n${html}\n</section>`;
}

/** The two numbers to remember: steps to reach the goal. */
function renderHeadline({ head, other }: Summary): string {
  const [label, plain, normalized] = other[0];
  return `<dl class="headline">
<div class="plain"><dt>${escapeHtml(`${label}, ${head[1]}`)}</dt><dd>${escapeHtml(plain)}</dd></div>
<div class="normalized"><dt>${escapeHtml(`${label}, ${head[2]}`)}</dt><dd>${escapeHtml(normalized)}</dd></div>
</dl>
<p class="soft">In the paper’s setting, which does not suit the network without batch normalization; <a
href="#both-at-their-best">at their best settings</a> both do better. These two numbers are of one seed.</p>`;
}

function renderMissing({ runs, settings }: Results, missing: readonly string[]): string {
  if (missing.length === 0) return '';
  const all = planOf(settings).length;
  return `<p class="missing"><b>Interrupted</b> after ${count(Object.keys(runs).length)} of ${count(all)} runs. Not
there yet: ${missing.join(', ')}. The same command with <code>--resume</code> goes on.</p>`;
}

function renderSummary({ head, accuracy, other }: Summary): string {
  const columns = head.slice(1).map((name) => `<th scope="col">${escapeHtml(name)}</th>`);
  const groups = [accuracy, other].map((rows) => rows.map(renderRow));
  return renderTable(`<td></td>${columns.join('')}`, groups);
}

function renderRow([label, ...cells]: readonly [string, ...string[]]): string {
  const data = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`);
  return `<tr><th scope="row">${escapeHtml(label)}</th>${data.join('')}</tr>`;
}

function settingsOf({ data, settings, backend, host, machine, date }: Results, file: string): Record<string, string> {
  const { steps, batch, learningRate, seed } = settings;
  const dataFile = basename(dataFileOf(file));
  return {
    Data: `${escapeHtml(data.description)}; ${escapeHtml(data.division)}.`,
    Network:
      `${HIDDEN_LAYERS} hidden layers of ${HIDDEN_UNITS} sigmoids, then 10 classes with softmax and ` +
      'cross-entropy. Initial weights are Gaussian with mean 0 and, unless said otherwise, standard deviation ' +
      `${WEIGHT_DEVIATION}; biases and beta are 0, gamma is 1. ` +
      'Where there is a beta there is no bias.',
    Training:
      `${count(steps)} steps of plain gradient descent unless said otherwise, minibatches of ${batch}, learning ` +
      `rate ${learningRate}, seed ${seed}. ` +
      'The paper trains for 50,000 steps.',
    'Test accuracy':
      `In inference: batch normalization uses its moving statistics, which keep ${percent(DECAY, 0)} of their ` +
      'value at each ' +
      'step (momentum 0.9 in TensorFlow’s words; its default of 0.99 would lag in a run this short). The first ' +
      'points after the start show them leave their initial values.',
    Percentiles:
      `Over held-out digits, at most ${PROBE_IMAGES}, always the same ones, in inference; with batch ` +
      'normalization after it, since that is what enters the sigmoid. Figure 1 (b, c) shows a typical unit: of ' +
      `${WATCHED_UNITS}, ranked in both networks by how far ` +
      'the median travels, it is nearest to the middle.',
    'Test batches': 'In random orders of at most 512 held-out digits; the band holds the results of four orders.',
    'Time in BN':
      'Forward and backward in training, with the passage of data between TensorFlow.js and this library, and ' +
      'over MPI with the wait for other ranks.',
    'Batch normalization': escapeHtml(backend),
    'Everything else': escapeHtml(host),
    Machine: escapeHtml(machine),
    Date: escapeHtml(date),
    'All numbers': `<a href="./${encodeURIComponent(dataFile)}">${escapeHtml(dataFile)}</a>, beside this file; goal of
the tables: ${percent(GOAL, 0)}.`,
  };
}
