/** The report: one HTML file that needs no network and runs no script. */
import type { Dataset } from './data/dataset.js';
import type { Figures } from './figure.js';
import { DECAY, HIDDEN_LAYERS, HIDDEN_UNITS, WEIGHT_DEVIATION } from './network.js';
import { REPORT_STYLE } from './report-style.js';
import { count, GOAL, percent, type Summary } from './summary.js';
import { PROBE_IMAGES, type Settings } from './training.js';

export interface ReportContents {
  readonly data: Dataset;
  readonly settings: Settings;
  readonly summary: Summary;
  readonly figures: Figures;
  /** The unit of the last hidden layer that figures (b) and (c) look at. */
  readonly unit: number;
  /** What computed batch normalization, what hosted it, and where. */
  readonly backend: string;
  readonly host: string;
  readonly machine: string;
}

export function renderReport(contents: ReportContents): string {
  const { data, summary } = contents;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Batch normalization on handwritten digits</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>Batch normalization, seen at work</h1>
<p class="lead">One small network learns to read handwritten digits, twice: without and with batch normalization after each
hidden linear map. Everything else is equal: initial weights, the order of the data, the learning rate. This is
Figure&nbsp;1 of Ioffe and Szegedy’s paper, measured on your machine.</p>
${renderHeadline(summary)}
</header>
${renderFigures(contents)}
<section>
<h2>In numbers</h2>
${renderTable(summary)}
</section>
<section>
<h2>How it was measured</h2>
${renderSettings(contents)}
</section>
<footer>
<p>Paper: S. Ioffe, C. Szegedy, <cite>Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift</cite>, arXiv 1502.03167, section 4.1.</p>
<p>Data: ${escapeHtml(data.attribution)}</p>
</footer>
</main>
</body>
</html>
`;
}

/** The two numbers to remember: steps to reach the goal. */
function renderHeadline({ head, other }: Summary): string {
  const [label, plain, normalized] = other[0]!;
  return `<dl class="headline">
<div class="plain"><dt>${escapeHtml(`${label}, ${head[1]}`)}</dt><dd>${escapeHtml(plain)}</dd></div>
<div class="normalized"><dt>${escapeHtml(`${label}, ${head[2]}`)}</dt><dd>${escapeHtml(normalized)}</dd></div>
</dl>`;
}

function renderFigures({ figures, data, unit }: ReportContents): string {
  const images = count(Math.min(PROBE_IMAGES, data.test.count));
  return `<p class="legend" aria-hidden="true"><span class="plain">without batch normalization</span>
<span class="normalized">with batch normalization</span></p>
<figure>
${figures.accuracy}
<figcaption><b>(a) Learning.</b> Share of the ${count(data.test.count)} held-out digits that the network reads rightly, after each
number of training steps. The dotted line is ${percent(GOAL, 0)}. With small initial weights the units of the plain network hardly
tell digits apart, and hardly any gradient reaches the lower layers; batch normalization scales both up from the first step.</figcaption>
</figure>
<div class="pair">
<figure>
${figures.plain}
<figcaption><b>(b) Without.</b> What enters one sigmoid, unit ${unit + 1} of the last hidden layer: the 15th, 50th and 85th
percentile over ${images} held-out digits. As the layers below learn, the distribution shifts and changes its width: the
layer has to follow a moving target. The paper calls this internal covariate shift.</figcaption>
</figure>
<figure>
${figures.normalized}
<figcaption><b>(c) With.</b> The same unit, after batch normalization, on the same scale. The distribution stays about where it
is, and as wide, throughout training. Its first points show the moving statistics leave their initial values.</figcaption>
</figure>
</div>`;
}

function renderTable({ head, accuracy, other }: Summary): string {
  const row = ([label, ...cells]: readonly string[]) =>
    `<tr><th scope="row">${escapeHtml(label!)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
  const columns = head.slice(1).map((name) => `<th scope="col">${escapeHtml(name)}</th>`);
  return `<div class="scroll"><table>
<thead><tr><td></td>${columns.join('')}</tr></thead>
<tbody>
${accuracy.map(row).join('\n')}
</tbody>
<tbody>
${other.map(row).join('\n')}
</tbody>
</table></div>`;
}

function renderSettings({ data, settings, unit, backend, host, machine }: ReportContents): string {
  const { steps, batch, learningRate, seed } = settings;
  const entries = {
    Data: `${data.name}: ${count(data.train.count)} to learn from, ${count(data.test.count)} for the test; ${data.division}.`,
    Network:
      `${HIDDEN_LAYERS} hidden layers of ${HIDDEN_UNITS} sigmoids, then 10 classes with softmax and cross-entropy. Initial ` +
      `weights are Gaussian with mean 0 and standard deviation ${WEIGHT_DEVIATION}; biases and beta are 0, gamma is 1. Where there is a beta there is no bias.`,
    Training:
      `${count(steps)} steps of plain gradient descent, minibatches of ${batch}, learning rate ${learningRate}, seed ${seed}. ` +
      'The paper trains for 50,000 steps.',
    'Test accuracy':
      `In inference: batch normalization uses its moving statistics, which keep ${percent(DECAY, 0)} of their value at each ` +
      'step (momentum 0.9 in TensorFlow’s words; its default of 0.99 would lag in a run this short).',
    Percentiles:
      'Over held-out digits, always the same ones, in inference; with batch normalization after it, since that is what ' +
      `enters the sigmoid. Unit ${unit + 1} is a typical one: of all ${HIDDEN_UNITS}, ranked in both networks by how far ` +
      'the median travels, it is nearest to the middle.',
    'Time in BN': 'Forward and backward in training, with the passage of data between TensorFlow.js and this library.',
    'Batch normalization': backend,
    'Everything else': host,
    Machine: machine,
  };
  const items = Object.entries(entries).map(
    ([term, text]) => `<div><dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd></div>`,
  );
  return `<dl class="settings">\n${items.join('\n')}\n</dl>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
