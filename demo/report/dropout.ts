/** Dropout instead of batch normalization, and both. */

import * as Plot from '@observablehq/plot';
import { renderTable } from '../kit/page.js';
import { median } from '../kit/statistics.js';
import { count, percent } from '../kit/text.js';
import { stepsToReach } from '../runs/measurements.js';
import { type Run, runsOf } from '../runs/results.js';
import { DROPOUT, RUNS, seedsOf } from '../runs/settings.js';
import { accuracyBand, finalAccuracy } from './bands.js';
import { COLOURS, DASHES, drawFor, legend, percentAxis, stepAxis } from './drawing.js';
import { figure, type Section } from './section.js';
import { GOAL } from './summary.js';

const WAYS = [
  { id: RUNS.plain, style: 'plain', name: 'neither' },
  { id: RUNS.dropout, style: 'dropout', name: 'dropout' },
  { id: RUNS.normalized, style: 'normalized', name: 'batch normalization' },
  { id: RUNS.both, style: 'both', name: 'both' },
] as const;

export const dropout: Section = (results) => {
  const seeds = WAYS.map(({ id }) => runsOf(results, id).slice(0, seedsOf(results.settings).dropout));
  if (seeds.some(({ length }) => length === 0)) return null;
  const drawing = drawFor((width) => ({
    width,
    height: width > 500 ? 300 : 240,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: 'Test accuracy over training steps with dropout, batch normalization, both and neither',
    x: stepAxis(seeds[0][0].steps, width),
    y: percentAxis('test accuracy'),
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...WAYS.flatMap(({ style }, i) => accuracyBand(seeds[i], COLOURS[style], DASHES[style])),
    ],
  }));
  const html = `<p>The paper finds that batch normalization makes dropout less needed. Here dropout sets
${percent(DROPOUT, 0)} of the hidden values to 0 in training, at random. A line is the mean of
${seeds[0].length} seeds, its band holds all of them; sentences and table have medians.</p>
${legend(WAYS.map(({ style, name }) => ({ text: name, colour: COLOURS[style], mark: { dashes: DASHES[style] } })))}
${figure(drawing, 'Dropout.', sentences(seeds))}
${table(seeds)}`;
  return { title: 'Dropout, batch normalization, both', html };
};

/** By how many points the digits of training are read better than those held out. */
function gapOf(runs: readonly Run[]): number {
  return 100 * median(runs.map((run) => run.trainAccuracy - finalAccuracy(run)));
}

function sentences([plain, dropout, normalized, both]: readonly (readonly Run[])[]): string {
  const end = (runs: readonly Run[]) => percent(median(runs.map(finalAccuracy)));
  const gap = (run: readonly Run[]) => gapOf(run).toFixed(1).replace('-', '−');
  const lessened = [plain, normalized].map((run, i) => gapOf([dropout, both][i]) < gapOf(run));
  const found = lessened.every((less) => less)
    ? 'and does here, without and with batch normalization'
    : lessened.some((less) => less)
      ? `and does here ${lessened[0] ? 'without' : 'with'} batch normalization only`
      : 'and does not here';
  return `At the end the network reads ${end(plain)} of the held-out digits with neither, ${end(dropout)} with dropout,
${end(normalized)} with batch normalization and ${end(both)} with both. It reads the digits that it learnt from better
than those held out by ${gap(plain)}, ${gap(dropout)}, ${gap(normalized)} and ${gap(both)} points, in this order.
Dropout is meant to lessen this gap, ${found}.`;
}

function table(seeds: readonly (readonly Run[])[]): string {
  const rows = WAYS.map(({ name }, i) => {
    const runs = seeds[i];
    const { steps } = runs[0];
    const reached = median(runs.map(({ measurements }) => stepsToReach(measurements, GOAL) ?? Infinity));
    const cells = [
      percent(median(runs.map(finalAccuracy))),
      percent(median(runs.map(({ trainAccuracy }) => trainAccuracy))),
      Number.isFinite(reached) ? count(Math.ceil(reached)) : `not in ${count(steps)}`,
    ];
    return `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const head = ['held out', 'learnt from', `steps to ${percent(GOAL, 0)}`].map(
    (name) => `<th scope="col">${name}</th>`,
  );
  return renderTable(`<td></td>${head.join('')}`, [rows]);
}
