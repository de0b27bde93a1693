/** Both networks at their best settings: what is left of the difference where neither is at a disadvantage. */
import { count } from '../kit/text.js';
import { type Results, type Run, runsOf, tunedOf } from '../runs/results.js';
import { gridOf, RUNS, type Tuned } from '../runs/settings.js';
import { finalAccuracy, percentRange } from './bands.js';
import { TWO } from './drawing.js';
import { drawAccuracy, reachedIn } from './learning.js';
import { figure, type Section } from './section.js';

/** The tuned runs without and with batch normalization; null where all of a kind are missing. */
export function tunedRuns(results: Results): readonly [readonly Run[], readonly Run[]] | null {
  const [plain, normalized] = [runsOf(results, RUNS.tunedPlain), runsOf(results, RUNS.tunedNormalized)];
  return plain.length > 0 && normalized.length > 0 ? [plain, normalized] : null;
}

export const tuned: Section = (results) => {
  const [runs, best] = [tunedRuns(results), tunedOf(results)];
  if (!runs || !best) return null;
  const [plain, normalized] = runs;
  const words = ({ learningRate, deviation }: Tuned) => `learning rate ${learningRate}, deviation ${deviation}`;
  const { learningRates, deviations } = gridOf(results.settings);
  const html = `<p>The paper’s setting does not suit the network without batch normalization. Here each network has the
best of the ${count(learningRates.length * deviations.length)} settings of its heat map: ${words(best[0])} without batch
normalization, ${words(best[1])} with it. They are chosen by the held-out digits, from one seed and a tenth of the
steps, alike for both. A line is the mean of ${plain.length} seeds, its band holds all of them.</p>
${TWO}
${figure(drawAccuracy(plain, normalized), 'Tuned.', sentences(plain, normalized))}`;
  return { title: 'Both at their best', html };
};

function sentences(plain: readonly Run[], normalized: readonly Run[]): string {
  const [without, with_] = [plain, normalized].map((runs) => runs.map(finalAccuracy));
  const found = overlap(without, with_)
    ? 'The bands of the end overlap: the seed decides as much as batch normalization does'
    : `${Math.min(...with_) > Math.max(...without) ? 'With' : 'Without'} batch normalization every seed ends better`;
  return `Tuned, the network without batch normalization reads nine of ten held-out digits ${reachedIn(plain)}, and with
it ${reachedIn(normalized)}. At the end they read ${percentRange(without)} without and ${percentRange(with_)} with.
${found}.`;
}

function overlap(some: readonly number[], others: readonly number[]): boolean {
  return Math.max(...some) >= Math.min(...others) && Math.max(...others) >= Math.min(...some);
}
