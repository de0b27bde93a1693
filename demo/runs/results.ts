/** The results of runs, and the file that keeps them beside the report: `--resume` goes on from there. */
import { dataFileOf, writeWhole } from '../kit/output-file.js';
import type { Measurement, WatchedMeasurement } from './measurements.js';
import { gridOf, gridRun, RUNS, type Settings, seedRun, type Tuned, type TunedPair } from './settings.js';
import type { TrialResult } from './trials.js';

export interface Run {
  readonly kind: 'training';
  readonly id: string;
  readonly normalized: boolean;
  readonly dropout: number;
  readonly learningRate: number;
  readonly deviation: number;
  readonly seed: number;
  readonly steps: number;
  /** Time of the training steps, without measuring. */
  readonly milliseconds: number;
  /** The part of it that was spent in batch normalization. */
  readonly batchNormMilliseconds: number;
  /** Share of the training images that it classifies rightly after the last step. */
  readonly trainAccuracy: number;
  readonly measurements: readonly Measurement[];
  readonly inference?: Inference;
}

export interface WatchedRun extends Run {
  readonly measurements: readonly WatchedMeasurement[];
}

/** Test accuracy where statistics are those of the test batch itself. */
export interface ByBatch {
  readonly size: number;
  /** Over the orders: mean, least and most. */
  readonly accuracy: number;
  readonly least: number;
  readonly most: number;
}

export interface Inference {
  /** Test accuracy with the moving averages of training. */
  readonly moving: number;
  /** Test accuracy with the exact statistics of the training set (Algorithm 2 of the paper). */
  readonly population: number;
  /** Share of the test images to which both give the same class. */
  readonly agreement: number;
  /** The largest difference between a moving and an exact mean, in standard deviations of its unit. */
  readonly drift: number;
  readonly batches: readonly ByBatch[];
}

/** One way to train the network. */
export interface Cost {
  readonly name: string;
  /** Median over the steps, milliseconds. */
  readonly step: number;
  /** The part in batch normalization, forward and backward; null where it is not measured. */
  readonly batchNorm: number | null;
  /** Most bytes that tensors hold at once during a step. */
  readonly peakBytes: number;
}

export interface CostResult {
  readonly kind: 'cost';
  readonly id: 'cost';
  /** How many took part in each step, where it was not one. */
  readonly ranks?: number;
  readonly ways: readonly Cost[];
}

export type Result = Run | TrialResult | CostResult;

/** Everything that a session found, in the form of the file. */
export interface Results {
  readonly format: 'batchnorm-report/1';
  readonly date: string;
  readonly settings: Settings;
  readonly data: { readonly description: string; readonly division: string; readonly attribution: string };
  /** The backend that computed batch normalization, its host, and the machine. */
  readonly backend: string;
  readonly host: string;
  readonly machine: string;
  /** By the id of the job. */
  readonly runs: Readonly<Record<string, Result>>;
}

export function trainingRun(results: Results, id: string): Run | null {
  const run = results.runs[id];
  return run?.kind === 'training' ? run : null;
}

/** A run that was measured with its distributions. */
export function watchedRun(results: Results, id: string): WatchedRun | null {
  return trainingRun(results, id) as WatchedRun | null;
}

/** The runs of an id with all the seeds that there are; the first comes first. */
export function runsOf(results: Pick<Results, 'runs'>, id: string): Run[] {
  const found: Run[] = [];
  for (let index = 0; ; index++) {
    const run = results.runs[seedRun(id, index)];
    if (run?.kind !== 'training') return found;
    found.push(run);
  }
}

/** The settings of the best cells of both heat maps; null where a cell is missing. The first of equals is taken. */
export function tunedOf({ runs, settings }: Pick<Results, 'runs' | 'settings'>): TunedPair | null {
  const best = [false, true].map((normalized) => bestCell(runs, settings, normalized));
  const [plain, normalized] = best;
  return plain && normalized ? [plain, normalized] : null;
}

function bestCell(runs: Results['runs'], settings: Settings, normalized: boolean): Tuned | null {
  const { learningRates, deviations } = gridOf(settings);
  let [best, most]: [Tuned | null, number] = [null, -1];
  for (const learningRate of learningRates) {
    for (const deviation of deviations) {
      const run = runs[gridRun(learningRate, deviation, normalized)];
      if (run?.kind !== 'training') return null;
      const { accuracy } = run.measurements.at(-1)!;
      if (accuracy > most) [best, most] = [{ learningRate, deviation }, accuracy];
    }
  }
  return best;
}

/** The two runs of the paper’s figure 1, without and with batch normalization; null where one is missing. */
export function pairOf(results: Results): [WatchedRun, WatchedRun] | null {
  const [plain, normalized] = [watchedRun(results, RUNS.plain), watchedRun(results, RUNS.normalized)];
  return plain && normalized ? [plain, normalized] : null;
}

/** A line for each run. */
export function formatResults({ runs, ...rest }: Results): string {
  const head = JSON.stringify(rest, null, 1).replace(/\n\}$/, '');
  const lines = Object.entries(runs).map(([id, run]) => `  ${JSON.stringify(id)}: ${JSON.stringify(run)}`);
  return `${head},\n "runs": {\n${lines.join(',\n')}\n }\n}\n`;
}

export function saveResults(report: string, results: Results): void {
  writeWhole(dataFileOf(report), formatResults(results));
}
