/** The paper's Figure 1: accuracy over steps, and what enters one sigmoid. */
import * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, decimal, percent } from '../kit/text.js';
import {
  type Measurement,
  PERCENTILES,
  stepsToReach,
  typicalUnit,
  type WatchedMeasurement,
} from '../runs/measurements.js';
import { pairOf, type WatchedRun } from '../runs/results.js';
import { PROBE_IMAGES } from '../runs/settings.js';
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
  const unit = typicalUnit(pair.map(({ measurements }) => measurements));
  const domain = domainOf(pair.flatMap(({ measurements }) => measurements.flatMap(({ units }) => units[unit])));
  const drawings = pair.map((run) => draw(percentilePlot(run, unit, domain)));
  const html = `<p>The network of the paper’s section 4.1, trained twice from the same weights on the same
minibatches.</p>
${TWO}
${figure(drawAccuracy(plain, normalized), '(a) Learning.', accuracySentences(plain, normalized))}
${figures(drawings, 'pair', '(b) without, (c) with:', unitSentences(plain, normalized, unit))}`;
  return { title: 'Figure 1 of the paper', html };
};

function drawAccuracy(plain: WatchedRun, normalized: WatchedRun): string {
  return drawFor((width) => ({
    width,
    height: width > 500 ? 320 : 250,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: 'Test accuracy over training steps, without and with batch normalization',
    x: logarithmicStepAxis(plain.steps),
    y: percentAxis('test accuracy'),
    marks: [
      Plot.ruleY([100 * GOAL], { stroke: 'currentColor', strokeOpacity: 0.55, strokeDasharray: '2 3' }),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      accuracyLine(plain.measurements, COLOURS.plain, DASHES.plain),
      accuracyLine(normalized.measurements, COLOURS.normalized),
    ],
  }));
}

export function accuracyLine(run: readonly Measurement[], stroke: string, dashes?: string): Plot.Markish {
  const y = ({ accuracy }: Measurement) => 100 * accuracy;
  return Plot.lineY(run, { x: 'step', y, stroke, strokeWidth: 2.25, ...(dashes && { strokeDasharray: dashes }) });
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

function accuracySentences(plain: WatchedRun, normalized: WatchedRun): string {
  const reached = ({ measurements, steps }: WatchedRun) => {
    const step = stepsToReach(measurements, GOAL);
    return step === null ? `not within ${count(steps)} steps` : `after ${count(step)} ${step === 1 ? 'step' : 'steps'}`;
  };
  const end = ({ measurements }: WatchedRun) => percent(measurements.at(-1)!.accuracy);
  return `With batch normalization the network reads ${percent(GOAL, 0)} of the held-out digits (dotted)
${reached(normalized)}, without it ${reached(plain)}. At the end, after ${count(plain.steps)} steps, it reads
${end(normalized)} with and ${end(plain)} without. The zigzag of the first points is that of the moving statistics,
which are still leaving their initial values; the paper’s axis is linear.`;
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
