/** The claim of higher learning rates and less care about initial weights, tried on a grid. */
import * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, percent } from '../kit/text.js';
import { type Results, type Run, trainingRun } from '../runs/results.js';
import { gridOf, gridRun } from '../runs/settings.js';
import { COLOURS } from './drawing.js';
import { figures, type Section } from './section.js';
import { GOAL } from './summary.js';

/** Loss of a guess among ten classes. */
const GUESS = Math.log(10);

export interface Cell {
  readonly learningRate: number;
  readonly deviation: number;
  readonly accuracy: number;
  readonly diverged: boolean;
}

/** Worse than a guess by far, over the last tenth of the steps, or no finite number. */
export function hasDiverged({ measurements }: Pick<Run, 'measurements'>): boolean {
  const { loss } = measurements.at(-1)!;
  return !(loss !== null && loss <= 2 * GUESS);
}

export const grid: Section = (results) => {
  const maps = [false, true].map((normalized) => cellsOf(results, normalized));
  const [plain, normalized] = maps;
  if (!plain || !normalized) return null;
  const { steps } = results.runs[gridRun(plain[0].learningRate, plain[0].deviation, false)] as Run;
  const drawings = [plain, normalized].map((cells, i) => draw(heatMap(cells, i === 1)));
  const html = `<p>${count(plain.length)} settings of the learning rate and of the standard deviation of the initial
weights, each trained for ${count(steps)} steps without and with batch normalization. A cell is the test accuracy in
percent, not rounded up; × marks a run that diverged, where the loss over the last tenth of the steps is more than twice
that of a guess, or no number.</p>
${scale()}
${figures(drawings, 'pair', 'Heat maps.', sentences(plain, normalized, steps))}`;
  return { title: 'Learning rates and initial weights', html };
};

/** null where a run is missing. */
export function cellsOf(results: Results, normalized: boolean): Cell[] | null {
  const { learningRates, deviations } = gridOf(results.settings);
  const cells: Cell[] = [];
  for (const learningRate of learningRates) {
    for (const deviation of deviations) {
      const run = trainingRun(results, gridRun(learningRate, deviation, normalized));
      if (!run) return null;
      cells.push({ learningRate, deviation, accuracy: run.measurements.at(-1)!.accuracy, diverged: hasDiverged(run) });
    }
  }
  return cells;
}

function heatMap(cells: readonly Cell[], normalized: boolean): Plot.PlotOptions {
  const how = normalized ? 'with' : 'without';
  return {
    width: 360,
    height: 300,
    marginLeft: 40,
    marginBottom: 42,
    marginTop: 34,
    padding: 0.04,
    ariaLabel: `Test accuracy by learning rate and deviation of the initial weights, ${how} batch normalization`,
    x: { type: 'band', label: 'learning rate', tickFormat: String, tickSize: 0 },
    y: {
      type: 'band',
      reverse: true,
      label: `deviation of the initial weights, ${how} batch normalization`,
      labelAnchor: 'top',
      labelArrow: 'none',
      tickFormat: String,
      tickSize: 0,
    },
    marks: [
      Plot.cell(cells, {
        x: 'learningRate',
        y: 'deviation',
        fill: COLOURS.normalized,
        fillOpacity: ({ accuracy }: Cell) => opacityOf(accuracy),
        inset: 0.5,
        rx: 2,
        title: ({ learningRate, deviation, accuracy, diverged }: Cell) =>
          `learning rate ${learningRate}, deviation ${deviation}: ${percent(accuracy)}${diverged ? ', diverged' : ''}`,
      }),
      ...[true, false].map((isGood) =>
        Plot.text(
          cells.filter(({ accuracy }) => accuracy >= GOAL === isGood),
          {
            x: 'learningRate',
            y: 'deviation',
            text: ({ accuracy, diverged }: Cell) => `${diverged ? '×' : ''}${wholePercents(accuracy)}`,
            fill: ({ accuracy }: Cell) => (accuracy > 0.8 ? 'var(--page)' : 'currentColor'),
            fontWeight: isGood ? 700 : 400,
            fontSize: 12,
          },
        ),
      ),
    ],
  };
}

/** Not rounded up: what reads 90 has reached it. */
function wholePercents(accuracy: number): number {
  return Math.floor(100 * accuracy + 1e-9);
}

/** Pale to full, in the light as in the dark. */
function opacityOf(accuracy: number): number {
  return 0.05 + 0.95 * accuracy;
}

/** The colours of cells, from nothing right to everything. */
function scale(): string {
  const stops = [0, 0.25, 0.5, 0.75, 1].map(
    (share, i) =>
      `<rect x="${28 * i}" width="28" height="10" fill="${COLOURS.normalized}" fill-opacity="${opacityOf(share)}"/>`,
  );
  const colours = `<svg width="140" height="10" role="img" aria-label="from pale to full">${stops.join('')}</svg>`;
  return `<p class="legend"><span>0 % ${colours} 100 % of the held-out digits</span></p>`;
}

function sentences(plain: readonly Cell[], normalized: readonly Cell[], steps: number): string {
  const good = (cells: readonly Cell[]) => cells.filter(({ accuracy }) => accuracy >= GOAL);
  const diverged = (cells: readonly Cell[]) => cells.filter((cell) => cell.diverged).length;
  const fastest = (cells: readonly Cell[]) => {
    const rates = good(cells).map(({ learningRate }) => learningRate);
    return rates.length === 0 ? 'none' : String(Math.max(...rates));
  };
  const best = (cells: readonly Cell[]) => percent(Math.max(...cells.map(({ accuracy }) => accuracy)));
  return `Within ${count(steps)} steps ${good(normalized).length} of the ${normalized.length} settings reach
${percent(GOAL, 0)} with batch normalization (bold) and ${good(plain).length} without; ${diverged(normalized)} and
${diverged(plain)} diverge. The largest learning rate that still reaches it is ${fastest(normalized)} with and
${fastest(plain)} without, and the best setting reads ${best(normalized)} with and ${best(plain)} without.`;
}
