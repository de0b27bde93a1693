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
  /** Of the initial weights, the order of the data, and dropout. */
  readonly seed: number;
  /** At the end only; all the way; or all the way, with distributions. */
  readonly measured: 'end' | 'accuracy' | 'distributions';
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

/** How many seeds networks are trained from. What varies little has fewer. */
export function seedsOf({ quick }: Pick<Settings, 'quick'>): { readonly learning: number; readonly dropout: number } {
  return quick ? { learning: 3, dropout: 2 } : { learning: 5, dropout: 3 };
}

/** The names of the runs that the report asks for; further seeds have a number after it. */
export const RUNS = {
  plain: 'plain',
  normalized: 'normalized',
  dropout: 'dropout',
  both: 'normalized-dropout',
  largePlain: 'large-plain',
  largeNormalized: 'large-normalized',
  tunedPlain: 'tuned-plain',
  tunedNormalized: 'tuned-normalized',
} as const;

/** The name of a run with the seed that comes `index` after the first. */
export function seedRun(id: string, index: number): string {
  return index === 0 ? id : `${id}-${index + 1}`;
}

export function gridRun(learningRate: number, deviation: number, normalized: boolean): string {
  return `grid-${learningRate}-${deviation}-${normalized ? 'normalized' : 'plain'}`;
}

/** The setting of the best cell of a heat map. */
export interface Tuned {
  readonly learningRate: number;
  readonly deviation: number;
}

/** Of the network without batch normalization, and of that with it. */
export type TunedPair = readonly [plain: Tuned, normalized: Tuned];

/**
 * Every job, the long ones first, so that no worker is left alone with one at the end. The cost comes last, alone.
 *
 * @param tuned - Once the heat maps are there. Until then the tuned runs stand in the plan with the settings of the
 * paper's, and must wait.
 */
export function planOf(settings: Settings, tuned?: TunedPair): Job[] {
  const { quick, steps } = settings;
  return [
    ...learningJobs(settings),
    ...gridJobs(settings, Math.ceil(steps / 10)),
    ...trialJobs(settings),
    ...tunedJobs(settings, tuned),
    { kind: 'cost', id: 'cost', steps: Math.ceil(Math.min(quick ? 60 : 240, steps) / 6), rounds: 6 },
  ];
}

/** Whether a job has its settings from the heat maps. */
export function isTuned({ id }: Pick<Job, 'id'>): boolean {
  return id.startsWith(RUNS.tunedPlain) || id.startsWith(RUNS.tunedNormalized);
}

function learningJobs(settings: Settings): TrainingJob[] {
  const { steps, learningRate, seed } = settings;
  const seeds = seedsOf(settings);
  const measured = 'distributions' as const;
  const shared = { kind: 'training', steps, learningRate, deviation: WEIGHT_DEVIATION, seed, measured } as const;
  const off = { normalized: false, dropout: 0, inference: false };
  const large = { ...shared, ...off, deviation: LARGE_DEVIATION, steps: Math.ceil(steps / 3) };
  const normalized = { ...shared, ...off, id: RUNS.normalized, normalized: true };
  const plain = { ...shared, ...off, id: RUNS.plain };
  return [
    { ...normalized, inference: true },
    plain,
    ...withSeeds({ ...shared, ...off, id: RUNS.both, normalized: true, dropout: DROPOUT }, seeds.dropout),
    ...withSeeds({ ...shared, ...off, id: RUNS.dropout, dropout: DROPOUT }, seeds.dropout),
    ...withSeeds(normalized, seeds.learning).slice(1),
    ...withSeeds(plain, seeds.learning).slice(1),
    { ...large, id: RUNS.largeNormalized, normalized: true },
    { ...large, id: RUNS.largePlain },
  ];
}

/** The job, and as many with further seeds as are wanted, of which the accuracy is measured. */
function withSeeds(job: TrainingJob, count: number): TrainingJob[] {
  return Array.from({ length: count }, (_, i) => ({
    ...job,
    ...{ id: seedRun(job.id, i), seed: job.seed + i, measured: i === 0 ? job.measured : ('accuracy' as const) },
  }));
}

function tunedJobs(settings: Settings, tuned?: TunedPair): TrainingJob[] {
  const { steps, seed } = settings;
  const papers = { learningRate: settings.learningRate, deviation: WEIGHT_DEVIATION };
  const shared = { kind: 'training', steps, dropout: 0, seed, measured: 'accuracy', inference: false } as const;
  return [RUNS.tunedPlain, RUNS.tunedNormalized].flatMap((id, i) =>
    withSeeds({ ...shared, id, normalized: i === 1, ...(tuned?.[i] ?? papers) }, seedsOf(settings).learning),
  );
}

function gridJobs(settings: Settings, steps: number): TrainingJob[] {
  const { learningRates, deviations } = gridOf(settings);
  const shared = { kind: 'training', steps, dropout: 0, measured: 'end', inference: false } as const;
  return learningRates.flatMap((learningRate) =>
    deviations.flatMap((deviation) =>
      [false, true].map((normalized) => ({
        ...{ ...shared, id: gridRun(learningRate, deviation, normalized), seed: settings.seed },
        ...{ learningRate, deviation, normalized },
      })),
    ),
  );
}
