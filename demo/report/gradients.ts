/** Gradients by layer of a deep network, before the first step. */
import { count, decimal } from '../kit/text.js';
import { extentOf, VARIANTS } from '../runs/trials.js';
import { COLOURS, DASHES, drawFor, legend } from './drawing.js';
import { figure, type Section } from './section.js';
import { band, type Point, pointsOf, trialsOf } from './trial-lines.js';

const WAYS = {
  plain: { style: 'plain', name: 'without batch normalization' },
  normalized: { style: 'normalized', name: 'with batch normalization' },
  skipping: { style: 'dropout', name: 'with it, and connections that skip each layer' },
} as const;

/** √(π/(π − 1)): how much gradients grow from one layer of ReLUs to the one before it, in the limit of wide layers. */
const EXPECTED = Math.sqrt(Math.PI / (Math.PI - 1));

export const gradients: Section = (results) => {
  const { sizes, seeds } = extentOf('gradients', results.settings);
  const depth = sizes[0] ?? 1;
  const layers = Array.from({ length: depth }, (_, i) => i + 1);
  const all = VARIANTS.gradients.map((variant) => trialsOf(results, 'gradients', variant, depth));
  if (!all.every((found) => found !== null)) return null;
  const lines = all.map((found) => pointsOf(found, 'norm', layers));
  const drawing = drawFor((width) => ({
    width,
    height: width > 500 ? 300 : 260,
    marginLeft: 52,
    marginBottom: 42,
    ariaLabel: 'Norm of the gradient of the weights by layer, before training',
    x: { label: 'layer', tickFormat: 'd', ticks: Math.round(width / 60) },
    y: { type: 'log', label: 'norm of the gradient of the weights', grid: true, tickFormat: String, ticks: 5 },
    marks: VARIANTS.gradients.flatMap((variant, i) => {
      const { style } = WAYS[variant];
      return band(lines[i] ?? [], COLOURS[style], DASHES[style]);
    }),
  }));
  const html = `<p>Yang and others (<a href="https://arxiv.org/abs/1902.08129">2019</a>) show that batch normalization
makes gradients explode with depth: each layer of ReLUs multiplies their norm by about ${decimal(EXPECTED)},
√(π/(π − 1)), on the way back. Networks of ${count(depth)} hidden layers, before any training; the cure that is used
everywhere since is a connection that skips layers. ${count(seeds)} seeds, bands from the least to the most.</p>
${legend(
  VARIANTS.gradients.map((variant) => {
    const { style, name } = WAYS[variant];
    return { text: name, colour: COLOURS[style], mark: { dashes: DASHES[style] } };
  }),
)}
${figure(drawing, 'Gradients.', sentences(lines))}`;
  return { title: 'Gradients that explode', html };
};

/** The factor from one layer to the one before it, over all of them. */
function growth(points: readonly Point[]): number {
  const [first, last] = [points[0]?.mean ?? 1, points.at(-1)?.mean ?? 1];
  return (first / last) ** (1 / Math.max(1, points.length - 1));
}

function sentences(lines: readonly Point[][]): string {
  const [plain = 1, normalized = 1, skipping = 1] = lines.map(growth);
  return `From a layer to the one before it the norm is multiplied by ${decimal(normalized)} with batch normalization,
${decimal(plain)} without, and ${decimal(skipping)} with skip connections; over all layers that is
${decimal((lines[1]?.[0]?.mean ?? 0) / (lines[1]?.at(-1)?.mean ?? 1))} times,
${decimal((lines[0]?.[0]?.mean ?? 0) / (lines[0]?.at(-1)?.mean ?? 1))} times and
${decimal((lines[2]?.[0]?.mean ?? 0) / (lines[2]?.at(-1)?.mean ?? 1))} times. ${
    normalized > 1.1 && skipping < normalized
      ? 'So deep networks have batch normalization and skip connections together.'
      : 'It does not show at this depth.'
  }`;
}
