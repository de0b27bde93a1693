/** The contents of both tables, in the terminal and in the report. */

import { count, percent } from '../kit/text.js';
import { stepsToReach, tableSteps } from '../runs/measurements.js';
import type { Run } from '../runs/results.js';

/** The accuracy that the summary asks for. */
export const GOAL = 0.9;

export interface Summary {
  readonly head: readonly [string, string, string];
  readonly accuracy: readonly (readonly [string, string, string])[];
  readonly other: readonly (readonly [string, string, string])[];
}

export function summarize(plain: Run, normalized: Run): Summary {
  const steps = plain.measurements.at(-1)!.step;
  const row = (label: string, cell: (run: Run) => string) => [label, cell(plain), cell(normalized)] as const;
  return {
    head: ['', 'without BN', 'with BN'],
    accuracy: tableSteps(steps).map((step) =>
      row(`test accuracy after ${count(step)} ${step === 1 ? 'step' : 'steps'}`, (run) =>
        percent(accuracyAt(run, step)),
      ),
    ),
    other: [
      row(`steps to reach ${percent(GOAL, 0)}`, (run) => reached(run, steps)),
      row('time of training', (run) => `${seconds(run.milliseconds)} s`),
      row('time in BN, forward and backward', (run) => (run.normalized ? share(run) : '–')),
    ],
  };
}

function accuracyAt(run: Run, step: number): number {
  return run.measurements.find((measurement) => measurement.step === step)!.accuracy;
}

function reached(run: Run, steps: number): string {
  const step = stepsToReach(run.measurements, GOAL);
  return step === null ? `not in ${count(steps)}` : count(step);
}

function share({ batchNormMilliseconds, milliseconds }: Run): string {
  return `${seconds(batchNormMilliseconds)} s (${percent(batchNormMilliseconds / milliseconds)})`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(2);
}
