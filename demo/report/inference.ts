/** Inference by moving averages, exact statistics, and the statistics of test batches. */
import * as Plot from '@observablehq/plot';
import { decimal, percent } from '../kit/text.js';
import type { ByBatch, Inference } from '../runs/results.js';
import { trainingRun } from '../runs/results.js';
import { RUNS } from '../runs/settings.js';
import { COLOURS, DASHES, drawFor, hover, legend } from './drawing.js';
import { figure, type Section } from './section.js';

export const inference: Section = (results) => {
  const found = trainingRun(results, RUNS.normalized)?.inference;
  if (!found) return null;
  const drawing = drawFor((width) => plot(found, width));
  const html = `<p>After training, the statistics may be the moving averages that training left, or exact ones: the mean
and the unbiased variance over the whole training set, layer by layer (the paper’s Algorithm 2). Or each test batch is
normalised by itself, as in training.</p>
${legend([
  { text: 'statistics of the test batch itself', colour: COLOURS.normalized, mark: { dashes: DASHES.normalized } },
  { text: 'moving averages', colour: COLOURS.plain, mark: { dashes: DASHES.plain } },
  { text: 'exact statistics', colour: COLOURS.dropout, mark: { dashes: DASHES.dropout } },
])}
${figure(drawing, 'Inference.', sentences(found))}`;
  return { title: 'Inference', html };
};

function plot({ moving, population, batches }: Inference, width: number): Plot.PlotOptions {
  const rule = (accuracy: number, stroke: string, strokeDasharray: string) =>
    Plot.ruleY([100 * accuracy], { stroke, strokeWidth: 2, strokeDasharray });
  return {
    width,
    height: width > 500 ? 300 : 240,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel:
      'Test accuracy by batch size with the statistics of the batch, with moving averages and with exact statistics',
    x: {
      type: 'log',
      base: 2,
      label: 'images in a test batch',
      ticks: batches.map(({ size }) => size),
      tickFormat: ',d',
    },
    y: { domain: [0, 100], label: 'test accuracy, %', grid: true },
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      Plot.areaY(batches, {
        x: 'size',
        y1: ({ least }: ByBatch) => 100 * least,
        y2: ({ most }: ByBatch) => 100 * most,
        fill: COLOURS.normalized,
        fillOpacity: 0.2,
      }),
      rule(moving, COLOURS.plain, DASHES.plain),
      rule(population, COLOURS.dropout, DASHES.dropout),
      Plot.lineY(batches, {
        x: 'size',
        y: ({ accuracy }: ByBatch) => 100 * accuracy,
        stroke: COLOURS.normalized,
        strokeWidth: 2.25,
        marker: 'circle',
      }),
      hover(
        batches,
        'size',
        ({ accuracy }: ByBatch) => 100 * accuracy,
        ({ size, accuracy, least, most }) =>
          `batches of ${size}: ${percent(accuracy)}, from ${percent(least)} to ${percent(most)}`,
      ),
    ],
  };
}

function sentences({ moving, population, agreement, drift, batches }: Inference): string {
  const [smallest, largest] = [batches[0], batches.at(-1)!];
  const near = batches.find(({ accuracy }) => accuracy >= population - 0.01);
  const enough = near
    ? `from ${near.size} on it is within a point of them`
    : `up to ${largest.size} it stays more than a point below them`;
  return `The network reads ${percent(moving)} of the held-out digits with moving averages and ${percent(population)}
with exact statistics; they agree on ${percent(agreement)} of the digits, and the moving means are at most
${decimal(drift)} standard deviations off. With the statistics of the test batch it reads ${percent(smallest.accuracy)}
in batches of ${smallest.size} and ${percent(largest.accuracy)} in batches of ${largest.size}: ${enough}.`;
}
