/** Noise behind batch normalization: more shift, and no slower training. */
import type { PlotOptions } from '@observablehq/plot';
import * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { mean } from '../kit/statistics.js';
import { count, decimal, percent } from '../kit/text.js';
import { extentOf, looksOf, TRIAL_LAYERS, VARIANTS } from '../runs/trials.js';
import { COLOURS, DASHES, legend, percentAxis, stepAxis } from './drawing.js';
import { figures, type Section } from './section.js';
import { band, lateMean, type Point, pointsOf, trialsOf } from './trial-lines.js';

const WAYS = {
  plain: { style: 'plain', name: 'without batch normalization' },
  normalized: { style: 'normalized', name: 'with batch normalization' },
  noisy: { style: 'both', name: 'with batch normalization and noise' },
} as const;

export const noise: Section = (results) => {
  const { steps, seeds } = extentOf('noise', results.settings);
  const { looks, every } = looksOf(steps(TRIAL_LAYERS));
  const xs = Array.from({ length: looks }, (_, i) => (i + 1) * every);
  const all = VARIANTS.noise.map((variant) => trialsOf(results, 'noise', variant, TRIAL_LAYERS));
  if (!all.every((found) => found !== null)) return null;
  const [accuracy, motion] = ['accuracy', 'motion'].map((name) => all.map((series) => pointsOf(series, name, xs)));
  const last = xs.at(-1) ?? 1;
  const drawings = [
    draw(panel('Test accuracy', accuracy ?? [], { y: percentAxis('test accuracy'), steps: last, scale: 100 })),
    draw(
      panel('Motion of the means', motion ?? [], {
        y: { label: 'motion of the mean, standard deviations', grid: true, domain: [0, 2.2], clamp: true },
        steps: last,
        scale: 1,
      }),
    ),
  ];
  const html = `<p>If batch normalization helped because inputs of layers stand still, then moving them on purpose
behind it would undo the help. Santurkar and others (<a href="https://arxiv.org/abs/1805.11604">2018</a>) tried: at
every step each unit draws the mean and the deviation of a noise that is added to what batch normalization gives. Here
the mean is uniform in ±2 and the deviation in 0 to 1, where the values themselves have a deviation of 1.
${count(seeds)} seeds each; lines are means, bands go from the least to the most.</p>
${legend(
  VARIANTS.noise.map((variant) => {
    const { style, name } = WAYS[variant];
    return { text: name, colour: COLOURS[style], mark: { dashes: DASHES[style] } };
  }),
)}
${figures(drawings, 'pair', 'Noise.', sentences(accuracy ?? [], motion ?? []))}`;
  return { title: 'Does it reduce covariate shift?', html };
};

interface Panel {
  readonly y: Plot.ScaleOptions;
  readonly steps: number;
  readonly scale: number;
}

function panel(what: string, lines: readonly Point[][], { y, steps, scale }: Panel): PlotOptions {
  return {
    width: 360,
    height: 280,
    marginLeft: 40,
    marginBottom: 42,
    ariaLabel: `${what} over training steps without and with batch normalization, and with noise behind it`,
    x: stepAxis(steps, 360),
    y,
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...VARIANTS.noise.flatMap((variant, i) => {
        const { style } = WAYS[variant];
        return band(lines[i] ?? [], COLOURS[style], DASHES[style], scale);
      }),
    ],
  };
}

function sentences(accuracy: readonly Point[][], motion: readonly Point[][]): string {
  const [plain, normalized, noisy] = accuracy.map((points) => mean(points.map((point) => point.mean)));
  const [still, , moved] = motion.map(lateMean);
  const ends = accuracy.map((points) => percent(points.at(-1)?.mean ?? 0));
  const isMoved = (moved ?? 0) > (still ?? 0);
  const holds = isMoved && (noisy ?? 0) > (plain ?? 0);
  return `In the second half of training the means move by ${decimal(moved ?? null)} standard deviations from one
minibatch to the next with the noise and ${decimal(still ?? null)} without batch normalization. On average over
training the networks read ${percent(plain ?? 0)} (without), ${percent(normalized ?? 0)} (with)
and ${percent(noisy ?? 0)} (with noise), at the end ${ends.join(', ')}. ${
    holds
      ? 'So inputs that move more than without it do not cost the lead: a smaller shift cannot be the whole reason.'
      : 'Here the noise does not leave the lead as it is.'
  }`;
}
