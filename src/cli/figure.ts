/** The paper's Figure 1 as three SVG drawings, made by Observable Plot without a browser. */
import type { Markish, PlotOptions, ScaleOptions } from '@observablehq/plot';
import { type Measurement, PERCENTILES } from './measure.js';
import { GOAL } from './summary.js';
import type { Run } from './training.js';

export interface Figures {
  /** (a) Test accuracy over training steps, both networks. */
  readonly accuracy: string;
  /** (b) Percentiles of what enters the sigmoid of a typical unit, without batch normalization. */
  readonly plain: string;
  /** (c) The same with batch normalization. */
  readonly normalized: string;
}

/** Colours are variables of the page, so that drawings follow its light and dark appearance. */
const PLAIN = 'var(--plain)';
const NORMALIZED = 'var(--normalized)';

/** @param unit - The unit of the last hidden layer whose sigmoid (b) and (c) look at. */
export async function drawFigures(plain: Run, normalized: Run, unit: number): Promise<Figures> {
  const Plot = await import('@observablehq/plot');
  const { parseHTML } = await import('linkedom');
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const draw = (options: PlotOptions) => Plot.plot({ document, style: { background: 'none' }, ...options }).outerHTML;
  const range = spread([plain, normalized], unit);
  return {
    accuracy: draw(accuracyPlot(Plot, plain, normalized)),
    plain: draw(percentilePlot(Plot, plain, unit, range)),
    normalized: draw(percentilePlot(Plot, normalized, unit, range)),
  };
}

type Plot = typeof import('@observablehq/plot');

function accuracyPlot(Plot: Plot, plain: Run, normalized: Run): PlotOptions {
  const line = (run: Run, stroke: string, strokeDasharray?: string): Markish =>
    Plot.lineY(run.measurements, {
      x: 'step',
      y: ({ accuracy }: Measurement) => 100 * accuracy,
      stroke,
      strokeWidth: 2.25,
      ...(strokeDasharray && { strokeDasharray }),
    });
  return {
    width: 720,
    height: 320,
    marginLeft: 48,
    marginBottom: 44,
    ariaLabel: 'Test accuracy over training steps, without and with batch normalization',
    x: stepAxis(plain),
    y: { domain: [0, 100], label: 'test accuracy, %', grid: true },
    marks: [
      Plot.ruleY([100 * GOAL], { stroke: 'currentColor', strokeOpacity: 0.55, strokeDasharray: '2 3' }),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      line(plain, PLAIN, '7 4'),
      line(normalized, NORMALIZED),
    ],
  };
}

function percentilePlot(Plot: Plot, run: Run, unit: number, domain: [number, number]): PlotOptions {
  const colour = run.normalized ? NORMALIZED : PLAIN;
  const at = (index: number) => (measurement: Measurement) => measurement.percentiles[unit]![index]!;
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
  const name = run.normalized ? 'with' : 'without';
  return {
    width: 430,
    height: 320,
    marginLeft: 40,
    marginRight: 40,
    marginBottom: 44,
    ariaLabel: `Percentiles of the input to one sigmoid over training steps, ${name} batch normalization`,
    x: { ...stepAxis(run), ticks: 4 },
    y: { domain, label: 'input to the sigmoid', grid: true },
    marks: [
      Plot.areaY(run.measurements, { x: 'step', y1: at(0), y2: at(2), fill: colour, fillOpacity: 0.16 }),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...lines,
    ],
  };
}

function stepAxis(run: Run): ScaleOptions {
  return { domain: [0, run.measurements.at(-1)!.step], label: 'training steps', tickFormat: ',d' };
}

/** The range of values that (b) and (c) share, so that they can be compared. Values that are not numbers do not count. */
function spread(runs: readonly Run[], unit: number): [number, number] {
  const values = runs.flatMap((run) => run.measurements.flatMap(({ percentiles }) => percentiles[unit]!));
  const finite = [0, ...values.filter(Number.isFinite)];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const margin = 0.05 * (high - low) || 1;
  return [low - margin, high + margin];
}
