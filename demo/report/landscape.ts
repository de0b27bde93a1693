/** The loss along the direction of a step. */
import type * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, decimal } from '../kit/text.js';
import type { Results } from '../runs/results.js';
import { extentOf, looksOf, type Series, TRIAL_LAYERS, VARIANTS } from '../runs/trials.js';
import { COLOURS, DASHES, stepAxis, TWO } from './drawing.js';
import { figures, type Section } from './section.js';
import { band, lateMean, type Point, pointsOf, trialsOf } from './trial-lines.js';

export const landscape: Section = (results) => {
  const xs = stepsOf(results);
  const all = VARIANTS.landscape.map((variant) => trialsOf(results, 'landscape', variant, TRIAL_LAYERS));
  if (!all.every((found) => found !== null)) return null;
  const range = all.map((found) => pointsOf(found.map(withRange), 'range', xs));
  const turn = all.map((found) => pointsOf(found, 'turn', xs));
  const drawings = [
    draw(panel(range, xs, 'range of the loss along the step', 'log')),
    draw(panel(turn, xs, 'turn of the gradient, lengths of it', 'linear')),
  ];
  const { seeds } = extentOf('landscape', results.settings);
  const html = `<p>Santurkar and others explain the help by a smoother loss: where a step leads, loss and gradient are
closer to what they were. At each look the network goes half, one, two and four times the step of its minibatch, without
staying there. The first drawing has the most less the least loss on the
way, the second the largest change of the gradient, divided by its length at the start. ${count(seeds)} seeds, bands
from the least to the most.</p>
${TWO}
${figures(drawings, 'pair', 'Along the step.', sentences(range, turn))}`;
  return { title: 'Is the loss smoother?', html };
};

function stepsOf({ settings }: Results): number[] {
  const { looks, every } = looksOf(extentOf('landscape', settings).steps(TRIAL_LAYERS));
  return Array.from({ length: looks }, (_, i) => (i + 1) * every);
}

function withRange({ least = [], most = [] }: Series): Series {
  return {
    range: most.map((high, i) => {
      const low = least[i] ?? null;
      return high === null || low === null ? null : high - low;
    }),
  };
}

function panel(lines: readonly Point[][], xs: readonly number[], label: string, type: 'log' | 'linear') {
  return {
    width: 360,
    height: 280,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: `${label} over training steps, without and with batch normalization`,
    x: stepAxis(xs.at(-1) ?? 1, 360),
    y: { label, grid: true, type, ...(type === 'log' ? { ticks: 4, tickFormat: String } : { zero: true }) },
    marks: VARIANTS.landscape.flatMap((kind, i) => band(lines[i] ?? [], COLOURS[kind], DASHES[kind])),
  } satisfies Plot.PlotOptions;
}

function sentences(range: readonly Point[][], turn: readonly Point[][]): string {
  const [plainRange = 0, spanned = 0] = range.map(lateMean);
  const [plainTurn = 0, turned = 0] = turn.map(lateMean);
  return `In the second half of these runs the loss spans ${decimal(plainRange)} along the step without and
${decimal(spanned)} with batch normalization, which is ${
    spanned < plainRange ? 'what they found' : 'not what they found'
  }.
The gradient turns by ${decimal(plainTurn)} of its length without and ${decimal(turned)} with it: ${
    turned < 0.9 * plainTurn
      ? 'less, as they found'
      : 'no less here, though they found less; they measured the change itself, and gradients of a network that has ' +
        'learnt more are shorter'
  }. The network with batch normalization is further at every look, and a smaller loss leaves less room.`;
}
