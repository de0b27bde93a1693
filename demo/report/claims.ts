/** The claims of the paper, each held against what was found: the honest first paragraph. */
import { median } from '../kit/statistics.js';
import { percent } from '../kit/text.js';
import { stepsToReach } from '../runs/measurements.js';
import { type Results, type Run, runsOf, trainingRun, watchedRun } from '../runs/results.js';
import { RUNS, seedsOf } from '../runs/settings.js';
import { TRIAL_LAYERS } from '../runs/trials.js';
import { finalAccuracy, percentRange, range } from './bands.js';
import { cellsOf } from './grid.js';
import { GOAL } from './summary.js';
import { trialsOf } from './trial-lines.js';
import { tunedRuns } from './tuned.js';

export interface Claim {
  /** Of the paper, in a few words. */
  readonly text: string;
  /** Whether every seed bears it out. */
  readonly held: boolean;
  /** The numbers that say so. */
  readonly found: string;
}

/** The claims whose runs are there. */
export function claimsOf(results: Results): Claim[] {
  const tuned = tunedRuns(results);
  const found = [
    faster('it trains faster', runsOf(results, RUNS.plain), runsOf(results, RUNS.normalized)),
    tuned && faster('faster also where both have their best settings', ...tuned),
    tuned && better(...tuned),
    rates(results),
    weights(results),
    saturating(results),
    dropoutLess(results),
    stillness(results),
  ];
  return found.filter((claim) => claim !== null);
}

/** A paragraph that says which claims held; nothing while there are no runs. */
export function renderClaims(results: Results): string {
  const claims = claimsOf(results);
  if (claims.length === 0) return '';
  const tell = (held: boolean) => {
    const some = claims.filter((claim) => claim.held === held);
    return some.map(({ text, found }) => `${text} (${found})`).join('; ');
  };
  const [yes, no] = [tell(true), tell(false)];
  const parts = [
    yes && `<b>What held on these digits,</b> from all seeds where there are several: ${yes}.`,
    no && `<b>What did not hold:</b> ${no}.`,
  ];
  return `<p class="claims">${parts.filter((part) => part !== '').join('\n')}</p>`;
}

/** The slowest with batch normalization is faster than the fastest without. */
function faster(text: string, plain: readonly Run[], normalized: readonly Run[]): Claim | null {
  if (plain.length === 0 || normalized.length === 0) return null;
  const steps = (runs: readonly Run[]) =>
    runs.map(({ measurements }) => stepsToReach(measurements, GOAL) ?? Number.POSITIVE_INFINITY);
  const words = (step: number) => (Number.isFinite(step) ? String(step) : 'never');
  const [without, with_] = [steps(plain), steps(normalized)];
  const found = `${range(with_, words)} steps to ${percent(GOAL, 0)} against ${range(without, words)}`;
  return { text, held: Math.max(...with_) < Math.min(...without), found };
}

function better(plain: readonly Run[], normalized: readonly Run[]): Claim {
  const [without, with_] = [plain, normalized].map((runs) => runs.map(finalAccuracy));
  return {
    text: 'it ends more accurate than the best network without it',
    held: Math.min(...with_) > Math.max(...without),
    found: `${percentRange(with_)} against ${percentRange(without)}`,
  };
}

/** The largest learning rate of a cell that reaches the goal. */
function rates(results: Results): Claim | null {
  const [plain, normalized] = bestCells(results, ({ learningRate }) => learningRate) ?? [];
  if (!plain || !normalized) return null;
  const [without, with_] = [plain, normalized].map((found) => Math.max(0, ...found));
  const found = `up to ${with_ || 'none'} against ${without || 'none'}`;
  if (with_ + without === 0) return null;
  return { text: 'it takes higher learning rates', held: with_ > without, found };
}

/** In how wide a range of initial weights some learning rate reaches the goal. */
function weights(results: Results): Claim | null {
  const [plain, normalized] = bestCells(results, ({ deviation }) => deviation) ?? [];
  if (!plain || !normalized) return null;
  const [without, with_] = [plain, normalized].map((found) => new Set(found).size);
  const found = `${with_} of the deviations that were tried reach ${percent(GOAL, 0)} at some rate, against ${without}`;
  if (with_ + without === 0) return null;
  return { text: 'initial weights need less care', held: with_ > without, found };
}

function bestCells(results: Results, of: (cell: NonNullable<ReturnType<typeof cellsOf>>[number]) => number) {
  const maps = [false, true].map((normalized) => cellsOf(results, normalized));
  if (maps.some((cells) => cells === null)) return null;
  return maps.map((cells) => cells!.filter(({ accuracy }) => accuracy >= GOAL).map(of));
}

function saturating(results: Results): Claim | null {
  const [plain, normalized] = [watchedRun(results, RUNS.largePlain), watchedRun(results, RUNS.largeNormalized)];
  if (!plain || !normalized) return null;
  const [without, with_] = [plain, normalized].map(({ measurements }) => Math.max(...measurements.at(-1)!.saturated));
  return {
    text: 'sigmoids that saturate are no obstacle',
    held: with_ < without && finalAccuracy(normalized) > finalAccuracy(plain),
    found:
      `from large weights ${percent(finalAccuracy(normalized))} against ${percent(finalAccuracy(plain))}, with ` +
      `${percent(with_, 0)} against ${percent(without, 0)} of the worst layer saturated at the end`,
  };
}

/** Dropout gains less beside batch normalization than it does alone. */
function dropoutLess(results: Results): Claim | null {
  const ids = [RUNS.plain, RUNS.dropout, RUNS.normalized, RUNS.both];
  if (ids.some((id) => !trainingRun(results, id))) return null;
  const seeds = seedsOf(results.settings).dropout;
  const end = (id: string) => median(runsOf(results, id).slice(0, seeds).map(finalAccuracy));
  const [alone, beside] = [end(RUNS.dropout) - end(RUNS.plain), end(RUNS.both) - end(RUNS.normalized)];
  const points = (gain: number) => `${(100 * gain).toFixed(1).replace('-', '−')} points`;
  return {
    text: 'dropout can be left out',
    held: beside <= 0,
    found: `it changes held-out accuracy by ${points(beside)} with batch normalization, ${points(alone)} without`,
  };
}

/** The paper's explanation: refuted where noise behind batch normalization leaves its lead over all seeds. */
function stillness(results: Results): Claim | null {
  const [plain, noisy] = ['plain', 'noisy'].map((variant) => trialsOf(results, 'noise', variant, TRIAL_LAYERS));
  if (!plain || !noisy) return null;
  // Over the whole run of each seed: the start tells speed, the end accuracy.
  const [without, moved] = [plain, noisy].map((series) => series.map(({ accuracy }) => meanOf(accuracy ?? [])));
  return {
    text: 'it helps because the inputs of layers stand still',
    held: Math.min(...moved) <= Math.max(...without),
    found:
      `moved by noise at every step the network reads ${percentRange(moved)} on average over its training, against ` +
      `${percentRange(without)} without batch normalization`,
  };
}

function meanOf(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0) / Math.max(1, values.length);
}
