/** The settings of a user, and the plan that follows from them. */
import type { BackendName } from 'batchnorm';
import { type TrialJob, trialJobs } from './trials.js';

/** Settings that the results depend on: `--resume` goes on only where all of it is the same. */
export interface Settings {
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly quick: boolean;
}

export interface TrainOptions extends Settings {
  /** A folder with IDX files; the embedded digits where it is missing. */
  readonly data?: string;
  /** The library's backend; its own choice where it is missing. */
  readonly backend?: BackendName | 'auto';
  /** The report. */
  readonly out: string;
  /** Where the page that trains goes, to which the report links; nowhere where it is missing. */
  readonly live?: string;
  /** How many networks are trained at a time; as many as there are processors where it is missing. */
  readonly workers?: number;
  readonly resume: boolean;
  /** The data on standard output, and nothing else. */
  readonly json: boolean;
}

export const HIDDEN_LAYERS = 3;
export const HIDDEN_UNITS = 100;
/**
 * What the moving statistics keep at each step. TensorFlow's default of 0.99 would lag by hundreds of steps in a
 * run this short.
 */
export const DECAY = 0.9;
/** How many held-out images, at most, the percentiles are taken over: always the same ones. */
export const PROBE_IMAGES = 500;
/** Among so many units of the last hidden layer the typical one is sought. */
export const WATCHED_UNITS = 20;

/** Training steps where nothing else is given. */
export const STEPS = { full: 3000, quick: 1000 };

/**
 * Standard deviation of the initial weights. The paper says "small random Gaussian values" and no more; with 0.1
 * the plain network is slow to start, as in the paper's Figure 1, and does learn.
 */
export const WEIGHT_DEVIATION = 0.1;
/** Weights that drive sigmoids into saturation from the first step. */
export const LARGE_DEVIATION = 1;

/** The share of hidden values that dropout sets to 0. */
export const DROPOUT = 0.2;

/** One network to be trained, from the first step to the last. */
export interface TrainingJob {
  readonly kind: 'training';
  readonly id: string;
  readonly steps: number;
  readonly learningRate: number;
  /** Standard deviation of the initial weights. */
  readonly deviation: number;
  readonly normalized: boolean;
  /** Share of the hidden values; 0 for none. */
  readonly dropout: number;
  /** Measured all the way, distributions included; otherwise at the end. */
  readonly watched: boolean;
  /** Inference by different statistics is compared after the last step. */
  readonly inference: boolean;
}

/** The time of a step on each backend, measured when nothing else runs. */
export interface CostJob {
  readonly kind: 'cost';
  readonly id: 'cost';
  readonly steps: number;
  readonly rounds: number;
}

export type Job = TrainingJob | TrialJob | CostJob;

export interface Grid {
  readonly learningRates: readonly number[];
  readonly deviations: readonly number[];
}

export function gridOf({ quick }: Pick<Settings, 'quick'>): Grid {
  return quick
    ? { learningRates: [0.1, 1, 10, 100], deviations: [0.01, 0.1, 0.3, 1] }
    : { learningRates: [0.03, 0.1, 0.3, 1, 3, 10, 30, 100], deviations: [0.01, 0.03, 0.1, 0.3, 1, 3] };
}

/** The names of the runs that the report asks for. */
export const RUNS = {
  plain: 'plain',
  normalized: 'normalized',
  dropout: 'dropout',
  both: 'normalized-dropout',
  largePlain: 'large-plain',
  largeNormalized: 'large-normalized',
} as const;

export function gridRun(learningRate: number, deviation: number, normalized: boolean): string {
  return `grid-${learningRate}-${deviation}-${normalized ? 'normalized' : 'plain'}`;
}

/** Every job, the long ones first, so that no worker is left alone with one at the end. The cost comes last, alone. */
export function planOf(settings: Settings): Job[] {
  const { steps, learningRate, quick } = settings;
  const watched = { kind: 'training', steps, learningRate, deviation: WEIGHT_DEVIATION, watched: true } as const;
  const off = { normalized: false, dropout: 0, inference: false };
  const large = { ...watched, ...off, deviation: LARGE_DEVIATION, steps: Math.ceil(steps / 3) };
  return [
    { ...watched, ...off, id: RUNS.normalized, normalized: true, inference: true },
    { ...watched, ...off, id: RUNS.plain },
    { ...watched, ...off, id: RUNS.both, normalized: true, dropout: DROPOUT },
    { ...watched, ...off, id: RUNS.dropout, dropout: DROPOUT },
    { ...large, id: RUNS.largeNormalized, normalized: true },
    { ...large, id: RUNS.largePlain },
    ...gridJobs(settings, Math.ceil(steps / 10)),
    ...trialJobs(settings),
    { kind: 'cost', id: 'cost', steps: Math.ceil(Math.min(quick ? 60 : 240, steps) / 6), rounds: 6 },
  ];
}

function gridJobs(settings: Settings, steps: number): TrainingJob[] {
  const { learningRates, deviations } = gridOf(settings);
  return learningRates.flatMap((learningRate) =>
    deviations.flatMap((deviation) =>
      [false, true].map((normalized) => ({
        kind: 'training' as const,
        id: gridRun(learningRate, deviation, normalized),
        ...{ steps, learningRate, deviation, normalized, dropout: 0, watched: false, inference: false },
      })),
    ),
  );
}
