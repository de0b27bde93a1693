/** The cost of a training step on this machine. */
import * as Plot from '@observablehq/plot';
import { renderTable } from '../kit/page.js';
import { decimal, escapeHtml, percent } from '../kit/text.js';
import type { Cost } from '../runs/results.js';
import { COLOURS, drawFor, legend } from './drawing.js';
import { figure, type Section } from './section.js';

const REST = 'var(--rest)';

export const cost: Section = (results) => {
  const found = results.runs['cost'];
  if (found?.kind !== 'cost') return null;
  const { ways, ranks = 1 } = found;
  const together =
    ranks === 1
      ? ''
      : ` A step is that of ${ranks} ranks together, on the first one's clock: this library normalises by the whole
minibatch, TensorFlow.js by each rank's share.`;
  const drawing = drawFor((width) => bars(ways, width));
  const html = `<p>Time of one training step of this network (minibatches of ${results.settings.batch}), measured after
all other runs had ended: medians of steps that took turns.${together} These are small tensors; the benchmark, <code>npx
batchnorm bench</code>, has large ones.</p>
${legend([
  { text: 'batch normalization, forward and backward', colour: COLOURS.normalized, mark: 'area' },
  { text: 'everything else, or not told apart', colour: REST, mark: 'area' },
])}
${figure(drawing, 'Cost.', sentences(ways))}
${table(ways)}`;
  return { title: 'What it costs', html };
};

function bars(ways: readonly Cost[], width: number): Plot.PlotOptions {
  const isWide = width > 500;
  const most = Math.max(...ways.map(({ step }) => step));
  const parts = ways.flatMap(({ name, step, batchNorm }) => [
    { name, part: batchNorm ?? 0, fill: COLOURS.normalized },
    { name, part: step - (batchNorm ?? 0), fill: REST },
  ]);
  return {
    width,
    height: 44 * ways.length + (isWide ? 44 : 44),
    marginLeft: isWide ? 190 : 8,
    marginRight: 44,
    marginBottom: 40,
    ariaLabel: 'Milliseconds of a training step by what computes batch normalization',
    x: { label: 'ms a step', domain: [0, most], grid: true },
    y: {
      domain: ways.map(({ name }) => name),
      label: null,
      tickSize: 0,
      axis: isWide ? 'left' : null,
      padding: isWide ? 0.3 : 0.55,
    },
    marks: [
      Plot.barX(parts, {
        y: 'name',
        x: 'part',
        fill: 'fill',
        title: ({ part }: { part: number }) => `${decimal(part)} ms`,
      }),
      Plot.text(ways, { y: 'name', x: 'step', text: ({ step }: Cost) => decimal(step), dx: 5, textAnchor: 'start' }),
      ...(isWide ? [] : [Plot.text(ways, { y: 'name', x: 0, text: 'name', dy: -17, textAnchor: 'start' })]),
    ],
  };
}

function sentences(ways: readonly Cost[]): string {
  const [plain, ...others] = ways;
  const ours = others.filter(({ batchNorm }) => batchNorm !== null);
  const [best] = ours;
  const theirs = others.find(({ batchNorm }) => batchNorm === null);
  const shares = ours.map(({ name, batchNorm, step }) => `${percent(batchNorm! / step, 0)} (${escapeHtml(name)})`);
  const compared = theirs ? `, and ${decimal(theirs.step)} ms with the layer of TensorFlow.js` : '';
  const more = best.peakBytes - plain.peakBytes;
  return `A step takes ${decimal(plain.step)} ms without batch normalization, ${decimal(best.step)} ms with
${escapeHtml(best.name)}${compared}. The share of batch normalization is ${shares.join(', ')}, and tensors hold
${decimal(Math.abs(more) / 2 ** 10)} KiB ${more < 0 ? 'less' : 'more'} at their peak.`;
}

function table(ways: readonly Cost[]): string {
  const rows = ways.map(({ name, step, batchNorm, peakBytes }) => {
    const cells = [
      decimal(step),
      batchNorm === null ? '–' : decimal(batchNorm),
      batchNorm === null ? '–' : percent(batchNorm / step, 0),
      decimal(peakBytes / 2 ** 10),
    ];
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const head = ['step, ms', 'BN, ms', 'share', 'peak of tensors, KiB'].map((name) => `<th scope="col">${name}</th>`);
  return renderTable(`<td></td>${head.join('')}`, [rows]);
}
