/** The largest stable learning rate by depth, and the scale of activations. */
import type * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, decimal } from '../kit/text.js';
import { extentOf, RATES, type Series, VARIANTS } from '../runs/trials.js';
import { COLOURS, DASHES, TWO } from './drawing.js';
import { figures, type Section } from './section.js';
import { band, type Point, pointOf, pointsOf, trialsOf } from './trial-lines.js';

/** Nothing has been learnt above: the loss of a guess among ten classes. */
const GUESS = Math.log(10);

export const depth: Section = (results) => {
  const { sizes, seeds, steps } = extentOf('depth', results.settings);
  const all = VARIANTS.depth.map((variant) => sizes.map((size) => trialsOf(results, 'depth', variant, size)));
  if (!all.flat().every((found) => found !== null)) return null;
  const rates = all.map((bySize) => ratesOf(bySize as Series[][], sizes));
  const deepest = sizes.at(-1) ?? 1;
  const layers = Array.from({ length: deepest }, (_, i) => i + 1);
  const scales = all.map((bySize) => pointsOf(bySize.at(-1) ?? [], 'scale', layers));
  const drawings = [draw(ratePlot(rates, sizes)), draw(scalePlot(scales, deepest))];
  const html = `<p>Bjorck and others (<a href="https://arxiv.org/abs/1806.02375">2018</a>): without batch normalization
the scale of activations drifts from layer to layer, and the learning rate has to suit the worst of them. Networks of
ReLUs, of ${sizes.map(count).join(', ')} hidden layers, with initial weights that keep the scale
(He and others, 2015), take ${count(steps(deepest))} steps at each of ${count(RATES.length)} rates; a rate is
stable where the loss of the last third of them is finite and below that of a guess.
${count(seeds)} ${seeds === 1 ? 'seed' : 'seeds'}.</p>
${TWO}
${figures(drawings, 'pair', 'Depth.', sentences(rates, scales, sizes))}`;
  return { title: 'Learning rates by depth', html };
};

/** The largest stable rate of each depth, over the seeds. */
function ratesOf(bySize: readonly (readonly Series[])[], sizes: readonly number[]): Point[] {
  const points = sizes.map((size, i) => {
    const stable = (bySize[i] ?? []).map(({ losses = [] }) => {
      const rates = RATES.filter((_, k) => (losses[k] ?? Number.POSITIVE_INFINITY) < GUESS);
      return rates.length === 0 ? null : Math.max(...rates);
    });
    return pointOf(size, stable);
  });
  return points.filter((point) => point !== null);
}

function ratePlot(rates: readonly Point[][], sizes: readonly number[]): Plot.PlotOptions {
  return {
    width: 360,
    height: 280,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: 'Largest stable learning rate by number of hidden layers, without and with batch normalization',
    x: { type: 'log', base: 2, label: 'hidden layers', ticks: [...sizes], tickFormat: 'd' },
    y: {
      ...{ type: 'log', label: 'largest stable learning rate', grid: true, tickFormat: String },
      ...{ domain: [RATES[0], RATES.at(-1)], ticks: [...RATES] },
    },
    marks: VARIANTS.depth.flatMap((kind, i) => band(rates[i] ?? [], COLOURS[kind], DASHES[kind])),
  };
}

function scalePlot(scales: readonly Point[][], deepest: number): Plot.PlotOptions {
  return {
    width: 360,
    height: 280,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: `Scale of what enters the ReLUs by layer of ${deepest}, without and with batch normalization`,
    x: { label: `layer of ${deepest}`, tickFormat: 'd', ticks: 8 },
    y: { label: 'root of the mean square of what enters the ReLUs', grid: true, zero: true },
    marks: VARIANTS.depth.flatMap((kind, i) => band(scales[i] ?? [], COLOURS[kind], DASHES[kind])),
  };
}

function sentences(rates: readonly Point[][], scales: readonly Point[][], sizes: readonly number[]): string {
  const at = (points: readonly Point[] | undefined, x: number | undefined) => points?.find((point) => point.x === x);
  const told = (points: readonly Point[] | undefined, x: number | undefined) => decimal(at(points, x)?.mean ?? null);
  const [first, last] = [sizes[0], sizes.at(-1)];
  const spread = (points: readonly Point[] | undefined) => {
    const values = (points ?? []).flatMap(({ least, most }) => [least, most]);
    return `${decimal(Math.min(...values))} to ${decimal(Math.max(...values))}`;
  };
  const fall = (points: readonly Point[] | undefined) => {
    const [shallow, deep] = [at(points, first), at(points, last)];
    return shallow === undefined || deep === undefined ? null : shallow.mean / deep.mean;
  };
  const falls = rates.map(fall);
  return `The largest stable rate goes from ${told(rates[0], first)} (${first} hidden layers) to ${told(rates[0], last)}
(${last}) without batch normalization, and from ${told(rates[1], first)} to ${told(rates[1], last)} with it, means
over seeds: depth divides it by ${decimal(falls[0])} without and by ${decimal(falls[1])} with. What
enters the ReLUs of the deepest network has a scale of ${spread(scales[0])} over its layers and seeds without, and
${spread(scales[1])} with batch normalization.`;
}
