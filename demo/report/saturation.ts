/** The share of saturated sigmoids over training, from large initial weights. */
import * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, percent } from '../kit/text.js';
import type { WatchedMeasurement } from '../runs/measurements.js';
import { type WatchedRun, watchedRun } from '../runs/results.js';
import { HIDDEN_LAYERS, LARGE_DEVIATION, RUNS, WEIGHT_DEVIATION } from '../runs/settings.js';
import { COLOURS, hover, legend, percentAxis, stepAxis } from './drawing.js';
import { figures, type Section } from './section.js';

/** By layer: colours tell the networks apart. */
const DASHES = [undefined, '7 4', '2 3'];

export const saturation: Section = (results) => {
  const [plain, normalized] = [watchedRun(results, RUNS.largePlain), watchedRun(results, RUNS.largeNormalized)];
  if (!plain || !normalized) return null;
  const drawings = [plain, normalized].map((run) => draw(panel(run)));
  const layers = Array.from({ length: HIDDEN_LAYERS }, (_, i) => ({
    ...{ text: `layer ${i + 1}`, colour: 'currentColor', mark: { dashes: DASHES[i] } },
  }));
  const html = `<p>A sigmoid that gives less than 5 % or more than 95 % is saturated: hardly any gradient passes. Here
the initial weights have a standard deviation of ${LARGE_DEVIATION} instead of ${WEIGHT_DEVIATION}. The first drawing is
without, the second with batch normalization.</p>
${legend(layers)}
${figures(drawings, 'pair', 'Saturation.', sentences(plain, normalized))}`;
  return { title: 'Saturated sigmoids', html };
};

function panel(run: WatchedRun): Plot.PlotOptions {
  const stroke = run.normalized ? COLOURS.normalized : COLOURS.plain;
  const how = run.normalized ? 'with' : 'without';
  return {
    width: 360,
    height: 260,
    marginLeft: 40,
    marginBottom: 42,
    ariaLabel: `Share of saturated sigmoids over training steps, ${how} batch normalization`,
    x: stepAxis(run.steps, 360),
    y: percentAxis(`saturated ${how} batch normalization`),
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...DASHES.map((strokeDasharray, layer) =>
        Plot.lineY(run.measurements, {
          x: 'step',
          y: ({ saturated }: WatchedMeasurement) => 100 * saturated[layer],
          stroke,
          strokeWidth: 2,
          ...(strokeDasharray && { strokeDasharray }),
        }),
      ),
      ...DASHES.map((_, layer) =>
        hover(
          run.measurements,
          'step',
          ({ saturated }: WatchedMeasurement) => 100 * saturated[layer],
          ({ step, saturated }) => `after ${count(step)} steps, layer ${layer + 1}: ${percent(saturated[layer])}`,
        ),
      ),
    ],
  };
}

function sentences(plain: WatchedRun, normalized: WatchedRun): string {
  const all = ({ saturated }: WatchedMeasurement) =>
    saturated.reduce((sum, share) => sum + share, 0) / saturated.length;
  const tell = ({ measurements }: WatchedRun) =>
    `${percent(all(measurements[0]), 0)} of all sigmoids are saturated after the first step and ` +
    `${percent(all(measurements.at(-1)!), 0)} at the end`;
  const end = ({ measurements }: WatchedRun) => percent(measurements.at(-1)!.accuracy);
  return `Without batch normalization ${tell(plain)}, and the network comes to read ${end(plain)} of the held-out
digits. With it ${tell(normalized)}, and it reads ${end(normalized)}.`;
}
