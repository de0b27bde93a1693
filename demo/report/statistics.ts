/** Batch size of training, and the statistics of inference. */
import type * as Plot from '@observablehq/plot';
import { draw } from '../kit/canvas.js';
import { count, decimal, percent } from '../kit/text.js';
import type { Results } from '../runs/results.js';
import { extentOf, SAMPLE_WEIGHT, type Series, VARIANTS } from '../runs/trials.js';
import { COLOURS, DASHES, legend } from './drawing.js';
import { figures, type Section } from './section.js';
import { band, type Point, pointOf, trialsOf } from './trial-lines.js';

const KINDS = {
  batch: { style: 'normalized', name: 'of the test batch, as large as in training', short: 'test batch' },
  running: { style: 'plain', name: 'running averages', short: 'running' },
  population: { style: 'dropout', name: 'exact, of the training set', short: 'exact' },
  mixed: { style: 'both', name: `running, and ${percent(SAMPLE_WEIGHT, 0)} of the sample’s own`, short: 'mixed' },
} as const;
type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];

export const statistics: Section = (results) => {
  const { sizes, seeds } = extentOf('statistics', results.settings);
  const all = VARIANTS.statistics.map((variant) => sizes.map((size) => trialsOf(results, 'statistics', variant, size)));
  if (!all.flat().every((found) => found !== null)) return null;
  const lines = all.map((bySize) => linesOf(bySize as Series[][], sizes));
  const drawings = lines.map((one, i) => draw(panel(one, sizes, VARIANTS.statistics[i] ?? '')));
  const html = `<p>Training normalises by the minibatch, inference by something else, and the smaller the minibatch, the
more these differ (Wu and Johnson, <a href="https://arxiv.org/abs/2105.07576">2021</a>). Networks that have seen equally
many images in minibatches of ${sizes.map(count).join(', ')} read the held-out digits with four kinds of statistics; a
mixture with the sample’s own is Summers and Dinneen’s (<a href="https://arxiv.org/abs/1906.03548">2020</a>), and needs
several positions of a sample in a channel, which a dense layer has not. ${count(seeds)}
${seeds === 1 ? 'seed' : 'seeds'}, bands from the least to the most.</p>
${legend(
  NAMES.map((kind) => ({
    text: KINDS[kind].name,
    colour: COLOURS[KINDS[kind].style],
    mark: { dashes: DASHES[KINDS[kind].style] },
  })),
)}
${figures(drawings, 'pair', 'Statistics.', sentences(results, lines))}`;
  return { title: 'Batch size and statistics', html };
};

type Lines = Readonly<Record<Kind, readonly Point[]>>;

function linesOf(bySize: readonly (readonly Series[])[], sizes: readonly number[]): Lines {
  const line = (kind: Kind) =>
    sizes
      .map((size, i) =>
        pointOf(
          size,
          (bySize[i] ?? []).map((series) => series[kind]?.[0]),
        ),
      )
      .filter((point) => point !== null);
  return { batch: line('batch'), running: line('running'), population: line('population'), mixed: line('mixed') };
}

function panel(lines: Lines, sizes: readonly number[], what: string): Plot.PlotOptions {
  const least = Math.min(...NAMES.flatMap((kind) => lines[kind].map((point) => point.least)));
  return {
    width: 360,
    height: 290,
    marginLeft: 44,
    marginBottom: 42,
    ariaLabel: `Test accuracy of the ${what} network by batch size and kind of statistics`,
    x: { type: 'log', base: 2, label: 'images in a minibatch', ticks: [...sizes], tickFormat: 'd' },
    y: { label: `test accuracy, ${what} network, %`, grid: true, domain: [Math.floor(100 * least), 100] },
    marks: NAMES.flatMap((kind) => band(lines[kind], COLOURS[KINDS[kind].style], DASHES[KINDS[kind].style], 100)),
  };
}

function sentences({ settings }: Results, lines: readonly Lines[]): string {
  const [smallest] = extentOf('statistics', settings).sizes;
  const tell = (one: Lines | undefined) => {
    const shown = NAMES.filter((kind) => (one?.[kind].length ?? 0) > 0);
    const means = shown.map((kind) => one?.[kind][0]?.mean ?? 0);
    const told = shown.map((kind, i) => `${percent(means[i] ?? 0)} (${KINDS[kind].short})`);
    return `${told.join(', ')}, a span of ${decimal(100 * (Math.max(...means) - Math.min(...means)))} points`;
  };
  return `Minibatches of
${smallest ?? 1} give, in the dense network, ${tell(lines[0])}; in the convolutional one, which has many values of each
image in a channel, ${tell(lines[1])}. EvalNorm (2019) was tried on 20 seeds of
such networks, and is not part of the library: it made no difference above two standard errors.`;
}
