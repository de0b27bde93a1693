/** Internal covariate shift made visible: what enters the sigmoids of every layer, over training. */
import * as Plot from '@observablehq/plot';
import { count, decimal } from '../kit/text.js';
import { LAYER_PERCENTILES, type WatchedMeasurement } from '../runs/measurements.js';
import type { WatchedRun } from '../runs/results.js';
import { pairOf } from '../runs/results.js';
import { HIDDEN_LAYERS } from '../runs/settings.js';
import { COLOURS, domainOf, drawFor, hover, stepAxis, TWO_AREAS } from './drawing.js';
import { figures, type Section } from './section.js';

const [LOW, MEDIAN, HIGH] = [0, LAYER_PERCENTILES.indexOf(50), LAYER_PERCENTILES.length - 1];

export const shift: Section = (results) => {
  const pair = pairOf(results);
  if (!pair) return null;
  const domain = domainOf(pair.flatMap(({ measurements }) => measurements.flatMap(({ layers }) => layers.flat())));
  const fans = pair.flatMap((run) =>
    Array.from({ length: HIDDEN_LAYERS }, (_, layer) => drawFor((width) => fan(run, layer, domain, width), [260, 172])),
  );
  const html = `<p>The same two runs, layer by layer. A fan holds the middle 90 % and the middle 50 % of all that enters
the sigmoids of a layer, over all units and held-out digits; the line is the median.</p>
${TWO_AREAS}
${figures(fans, 'fans', 'Fans.', sentences(pair))}`;
  return { title: 'Internal covariate shift', html };
};

function fan(run: WatchedRun, layer: number, domain: [number, number], width: number): Plot.PlotOptions {
  const fill = run.normalized ? COLOURS.normalized : COLOURS.plain;
  const at =
    (index: number) =>
    ({ layers }: WatchedMeasurement) =>
      layers[layer][index];
  const band = (inner: number) =>
    Plot.areaY(run.measurements, { x: 'step', y1: at(inner), y2: at(HIGH - inner), fill, fillOpacity: 0.2 });
  const how = run.normalized ? 'with' : 'without';
  return {
    width,
    height: width > 200 ? 230 : 180,
    marginLeft: 34,
    marginRight: 14,
    marginBottom: 40,
    ariaLabel:
      `Percentiles of what enters the sigmoids of hidden layer ${layer + 1} over training steps, ` +
      `${how} batch normalization`,
    x: stepAxis(run.steps, width),
    y: { domain, label: `layer ${layer + 1}, ${how}`, grid: true, ticks: 6 },
    marks: [
      band(0),
      band(1),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      Plot.lineY(run.measurements, { x: 'step', y: at(MEDIAN), stroke: fill, strokeWidth: 2 }),
      hover(run.measurements, 'step', at(MEDIAN), (one) => {
        const [low, middle, high] = [LOW, MEDIAN, HIGH].map((index) => decimal(at(index)(one)));
        return `after ${count(one.step)} steps: median ${middle}, middle 90 % from ${low} to ${high}`;
      }),
    ],
  };
}

function sentences([plain, normalized]: readonly [WatchedRun, WatchedRun]): string {
  const top = HIDDEN_LAYERS - 1;
  const width = ({ layers }: WatchedMeasurement, layer: number) =>
    (layers[layer][HIGH] ?? 0) - (layers[layer][LOW] ?? 0);
  const widths = ({ measurements }: WatchedRun) =>
    [0, top].map((layer) => [measurements[0], measurements.at(-1)!].map((one) => decimal(width(one, layer))));
  const travels = ({ measurements }: WatchedRun) => {
    const medians = measurements.map(({ layers }) => layers[top][MEDIAN] ?? 0);
    return decimal(medians.slice(1).reduce((sum, median, i) => sum + Math.abs(median - medians[i]), 0));
  };
  const tell = (run: WatchedRun) => {
    const [first, last] = widths(run);
    return `the middle 90 % of layer 1 goes from ${first[0]} wide to ${first[1]} and of layer ${top + 1} from
${last![0]} to ${last![1]}, whose median travels ${travels(run)} in all, back and forth`;
  };
  return `Without batch normalization ${tell(plain)}. With it ${tell(normalized)}; all fans have one scale.
That these shifts are what slows training is the paper’s explanation; <a href="https://arxiv.org/abs/1805.11604">later
work</a> (Santurkar and others, 2018) finds them with batch normalization, too, and a smoother loss instead. Compare the
fans of layer 1.`;
}
