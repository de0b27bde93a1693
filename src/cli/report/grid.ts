/** The claim of higher learning rates and less care about initial weights, tried on a grid. */
import type { PlotOptions } from '@observablehq/plot';
import { type Results, type Run, trainingRun } from '../train/results.js';
import { gridOf, gridRun } from '../train/settings.js';
import type { Plot } from './drawing.js';
import { figures, type Section } from './section.js';
import { GOAL } from './summary.js';
import { count, percent } from './text.js';

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

export const grid: Section = (results, canvas) => {
  const maps = [false, true].map((normalized) => cellsOf(results, normalized));
  const [plain, normalized] = maps;
  if (!plain || !normalized) return null;
  const { steps } = results.runs[gridRun(plain[0]!.learningRate, plain[0]!.deviation, false)] as Run;
  const drawings = [plain, normalized].map((cells, i) => canvas.draw(heatMap(canvas.Plot, cells, i === 1)));
  const html = `<p>${count(plain.length)} settings of the learning rate and of the standard deviation of the initial weights, each trained for
${count(steps)} steps without and with batch normalization. A cell is the test accuracy in percent; × marks a run that diverged, where the
loss over the last tenth of the steps is more than twice that of a guess, or no number.</p>
${figures(drawings, 'pair', 'Heat maps.', sentences(plain, normalized, steps))}`;
  return { title: 'Learning rates and initial weights', html };
};

/** null where a run is missing. */
function cellsOf(results: Results, normalized: boolean): Cell[] | null {
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

function heatMap(Plot: Plot, cells: readonly Cell[], normalized: boolean): PlotOptions {
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
    color: { type: 'linear', scheme: 'YlGnBu', domain: [0, 100] },
    marks: [
      Plot.cell(cells, {
        x: 'learningRate',
        y: 'deviation',
        fill: ({ accuracy }: Cell) => 100 * accuracy,
        inset: 0.5,
        rx: 2,
      }),
      ...[true, false].map((isGood) =>
        Plot.text(
          cells.filter(({ accuracy }) => accuracy >= GOAL === isGood),
          {
            x: 'learningRate',
            y: 'deviation',
            text: ({ accuracy, diverged }: Cell) => `${diverged ? '×' : ''}${(100 * accuracy).toFixed(0)}`,
            fill: ({ accuracy }: Cell) => (accuracy > 0.55 ? '#ffffff' : '#1d2329'),
            fontWeight: isGood ? 700 : 400,
            fontSize: 12,
          },
        ),
      ),
    ],
  };
}

function sentences(plain: readonly Cell[], normalized: readonly Cell[], steps: number): string {
  const good = (cells: readonly Cell[]) => cells.filter(({ accuracy }) => accuracy >= GOAL);
  const diverged = (cells: readonly Cell[]) => cells.filter((cell) => cell.diverged).length;
  const fastest = (cells: readonly Cell[]) => {
    const rates = good(cells).map(({ learningRate }) => learningRate);
    return rates.length === 0 ? 'none' : String(Math.max(...rates));
  };
  const best = (cells: readonly Cell[]) => percent(Math.max(...cells.map(({ accuracy }) => accuracy)));
  return `Within ${count(steps)} steps ${good(normalized).length} of the ${normalized.length} settings reach ${percent(GOAL, 0)} with batch
normalization (bold) and ${good(plain).length} without; ${diverged(normalized)} and ${diverged(plain)} diverge. The largest learning rate that
still reaches it is ${fastest(normalized)} with and ${fastest(plain)} without, and the best setting reads ${best(normalized)} with and ${best(plain)} without.`;
}
