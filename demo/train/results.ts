/** What runs leave, and the file that keeps it beside the report: `--resume` goes on from there. */
import { dataFileOf, writeWhole } from '../kit/output-file.js';
import type { CostResult } from './cost.js';
import type { Inference } from './inference.js';
import type { Measurement, WatchedMeasurement } from './measure.js';
import type { Settings } from './settings.js';

export interface Run {
  readonly kind: 'training';
  readonly id: string;
  readonly normalized: boolean;
  readonly dropout: number;
  readonly learningRate: number;
  readonly deviation: number;
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
export type Result = Run | CostResult;

/** Everything that a session found, in the form of the file. */
export interface Results {
  readonly format: 'batchnorm-report/1';
  readonly date: string;
  readonly settings: Settings;
  readonly data: { readonly description: string; readonly division: string; readonly attribution: string };
  /** What computed batch normalization, what hosted it, and where. */
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

/** A line for each run. */
export function formatResults({ runs, ...rest }: Results): string {
  const head = JSON.stringify(rest, null, 1).replace(/\n\}$/, '');
  const lines = Object.entries(runs).map(([id, run]) => `  ${JSON.stringify(id)}: ${JSON.stringify(run)}`);
  return `${head},\n "runs": {\n${lines.join(',\n')}\n }\n}\n`;
}

export function saveResults(report: string, results: Results): void {
  writeWhole(dataFileOf(report), formatResults(results));
}
