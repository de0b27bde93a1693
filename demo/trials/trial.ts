/** What a trial is, to those that run it. */
import type { Dataset } from '../data/dataset.js';
import type { TrialJob } from '../runs/trials.js';

/** Told how many steps are done; the trial goes on when it has heard. */
export type Listen = (step: number) => void | Promise<void>;
export type Trial = (
  job: TrialJob,
  data: Dataset,
  listen: Listen,
) => Promise<Readonly<Record<string, readonly number[]>>>;
