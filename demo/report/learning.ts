/** The paper's Figure 1: accuracy over steps, and what enters one sigmoid. */
import * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, decimal, percent } from '../kit/text.js';
import { PERCENTILES, stepsToReach, typicalUnit, type WatchedMeasurement } from '../runs/measurements.js';
import { pairOf, type Run, runsOf, type WatchedRun } from '../runs/results.js';
import { PROBE_IMAGES, RUNS } from '../runs/settings.js';
import { accuracyBand, finalAccuracy, percentRange, range } from './bands.js';
import {
  COLOURS,
  DASHES,
  domainOf,
  drawFor,
  hover,
  logarithmicStepAxis,
  percentAxis,
  stepAxis,
  TWO,
} from './drawing.js';
import { figure, figures, type Section } from './section.js';
import { GOAL } from './summary.js';

export const learning: Section = (results) => {
  const pair = pairOf(results);
  if (!pair) return null;
  const [plain, normalized] = pair;
  const seeds = [runsOf(results, RUNS.plain), runsOf(results, RUNS.normalized)] as const;
  const unit = typicalUnit(pair.map(({ measurements }) => measurements));
  const domain = domainOf(pair.flatMap(({ measurements }) => measurements.flatMap(({ units }) => units[unit])));
  const drawings = pair.map((run) => draw(percentilePlot(run, unit, domain)));
  const html = `<p>The network of the paper’s section 4.1, trained without and with batch normalization
from the same weights on the same minibatches, from ${seeds[0].length} seeds: a line is the mean of the seeds, its
band holds all of them. The drawings of one sigmoid are of the first seed.</p>
${TWO}
${figure(drawAccuracy(...seeds), '(a) Learning.', accuracySentences(...seeds))}
${figures(drawings, 'pair', '(b) without, (c) with:', unitSentences(plain, normalized, unit))}`;
  return { title: 'Figure 1 of the paper', html };
};

export function drawAccuracy(plain: readonly Run[], normalized: readonly Run[]): string {
  return drawFor((width) => ({
    width,
    height: width > 500 ? 320 : 250,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: 'Test accuracy over training steps, without and with batch normalization',
    x: logarithmicStepAxis(plain[0].steps),
    y: percentAxis('test accuracy'),
    marks: [
      Plot.ruleY([100 * GOAL], { stroke: 'currentColor', strokeOpacity: 0.55, strokeDasharray: '2 3' }),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...accuracyBand(plain, COLOURS.plain, DASHES.plain),
      ...accuracyBand(normalized, COLOURS.normalized),
    ],
  }));
}

function percentilePlot(run: WatchedRun, unit: number, domain: [number, number]): Plot.PlotOptions {
  const colour = run.normalized ? COLOURS.normalized : COLOURS.plain;
  const at = (index: number) => (measurement: WatchedMeasurement) => measurement.units[unit][index];
  const last = run.measurements.slice(-1);
  const lines = PERCENTILES.flatMap((percent, index) => [
    Plot.lineY(run.measurements, {
      x: 'step',
      y: at(index),
      stroke: colour,
      strokeWidth: percent === 50 ? 2.25 : 1.25,
    }),
    Plot.text(last, { x: 'step', y: at(index), text: () => `${percent}th`, dx: 6, textAnchor: 'start', fill: colour }),
  ]);
  return {
    width: 360,
    height: 280,
    marginLeft: 36,
    marginRight: 36,
    marginBottom: 42,
    ariaLabel:
      'Percentiles of the input to one sigmoid over training steps, ' +
      `${run.normalized ? 'with' : 'without'} batch normalization`,
    x: stepAxis(run.steps, 360),
    y: { domain, label: 'input to one sigmoid', grid: true },
    marks: [
      Plot.areaY(run.measurements, { x: 'step', y1: at(0), y2: at(2), fill: colour, fillOpacity: 0.16 }),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...lines,
      ...PERCENTILES.map((percent, index) =>
        hover(
          run.measurements,
          'step',
          at(index),
          (one) => `after ${count(one.step)} steps, ${percent}th percentile: ${decimal(at(index)(one))}`,
        ),
      ),
    ],
  };
}

function accuracySentences(plain: readonly Run[], normalized: readonly Run[]): string {
  const [with_, without] = [normalized, plain].map((runs) => percentRange(runs.map(finalAccuracy)));
  return `With batch normalization the network reads ${percent(GOAL, 0)} of the held-out digits (dotted)
${reachedIn(normalized)}, without it ${reachedIn(plain)}. At the end, after ${count(plain[0].steps)} steps, it reads
${with_} with and ${without} without, least and most of ${plain.length} seeds. The zigzag of the first points is that of
the moving statistics, which are still leaving their initial values; the paper’s axis is linear.`;
}

/** After how many steps the goal is reached, least and most of the seeds. */
export function reachedIn(runs: readonly Run[]): string {
  const steps = runs.map(({ measurements }) => stepsToReach(measurements, GOAL));
  const found = steps.filter((step) => step !== null);
  if (found.length === 0) return `not within ${count(runs[0].steps)} steps`;
  const most = Math.max(...found);
  const after = `after ${range(found, count)} ${most === 1 ? 'step' : 'steps'}`;
  return found.length < runs.length ? `${after} from ${found.length} of ${runs.length} seeds` : after;
}

function unitSentences(plain: WatchedRun, normalized: WatchedRun, unit: number): string {
  const motion = ({ measurements }: WatchedRun) => {
    const medians = measurements.map(({ units }) => units[unit][1]).filter((value) => value !== null);
    const width = ({ units }: WatchedMeasurement) => decimal((units[unit][2] ?? 0) - (units[unit][0] ?? 0));
    const [first, last] = [measurements[0], measurements.at(-1)!];
    return `its median moves between ${decimal(Math.min(...medians))} and ${decimal(Math.max(...medians))}, and the 15th
and 85th percentile are ${width(first)} apart after the first step and ${width(last)} at the end`;
  };
  return `without batch normalization, what enters unit ${unit + 1} of the last hidden layer, over at most
${PROBE_IMAGES} held-out digits, shifts and changes its width as the layers below learn: ${motion(plain)}. With it,
${motion(normalized)}.`;
}
