/** Dropout instead of batch normalization, and both. */

import * as Plot from '@observablehq/plot';
import { renderTable } from '../kit/page.js';
import { count, percent } from '../kit/text.js';
import { stepsToReach } from '../runs/measurements.js';
import { type Run, trainingRun } from '../runs/results.js';
import { DROPOUT, RUNS } from '../runs/settings.js';
import { COLOURS, DASHES, drawFor, legend, percentAxis, stepAxis } from './drawing.js';
import { accuracyLine } from './learning.js';
import { figure, type Section } from './section.js';
import { GOAL } from './summary.js';

const WAYS = [
  { id: RUNS.plain, style: 'plain', name: 'neither' },
  { id: RUNS.dropout, style: 'dropout', name: 'dropout' },
  { id: RUNS.normalized, style: 'normalized', name: 'batch normalization' },
  { id: RUNS.both, style: 'both', name: 'both' },
] as const;

export const dropout: Section = (results) => {
  const runs = WAYS.map(({ id }) => trainingRun(results, id)).filter((run) => run !== null);
  if (runs.length < WAYS.length) return null;
  const drawing = drawFor((width) => ({
    width,
    height: width > 500 ? 300 : 240,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: 'Test accuracy over training steps with dropout, batch normalization, both and neither',
    x: stepAxis(runs[0].steps, width),
    y: percentAxis('test accuracy'),
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...WAYS.map(({ style }, i) => accuracyLine(runs[i].measurements, COLOURS[style], DASHES[style])),
    ],
  }));
  const html = `<p>The paper finds that batch normalization makes dropout less needed. Here dropout sets
${percent(DROPOUT, 0)} of the hidden values to 0 in training, at random.</p>
${legend(WAYS.map(({ style, name }) => ({ text: name, colour: COLOURS[style], mark: { dashes: DASHES[style] } })))}
${figure(drawing, 'Dropout.', sentences(runs))}
${table(runs)}`;
  return { title: 'Dropout, batch normalization, both', html };
};

function sentences([plain, dropout, normalized, both]: readonly Run[]): string {
  const end = (run: Run) => percent(run.measurements.at(-1)!.accuracy);
  const gapOf = (run: Run) => 100 * (run.trainAccuracy - run.measurements.at(-1)!.accuracy);
  const gap = (run: Run) => gapOf(run).toFixed(1).replace('-', '−');
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

function table(runs: readonly Run[]): string {
  const rows = WAYS.map(({ name }, i) => {
    const { measurements, trainAccuracy, steps } = runs[i];
    const reached = stepsToReach(measurements, GOAL);
    const cells = [
      percent(measurements.at(-1)!.accuracy),
      percent(trainAccuracy),
      reached === null ? `not in ${count(steps)}` : count(reached),
    ];
    return `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const head = ['held out', 'learnt from', `steps to ${percent(GOAL, 0)}`].map(
    (name) => `<th scope="col">${name}</th>`,
  );
  return renderTable(`<td></td>${head.join('')}`, [rows]);
}
